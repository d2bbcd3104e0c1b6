# SPDX-License-Identifier: LGPL-2.1-or-later
"""triplet-gallery check: each finding in a gallery that has it, and none in one that is well."""
import random
import unittest

from support import ToolTest, near, place, unit, write_gallery


def between(first, second, part):
    return unit([(1 - part) * a + part * b for a, b in zip(first, second)])


def person(name, rows=4, quality=0.8, centre=None):
    return [(name, near(centre or place(name), "%s%d" % (name, i), 0.5), quality, 1_700_000_000, "%s/%d.jpg" % (name, i))
            for i in range(rows)]


class Check(ToolTest):
    def check(self, rows, *args, **how):
        write_gallery(self.path("g"), rows, **how)
        said = self.json("check", "g", *args)
        self.counts = {kind: found["count"] for kind, found in said["findings"].items() if found["count"]}
        return said

    def first(self, said, kind):
        return said["findings"][kind]["first"]

    def test_a_gallery_that_is_well(self):
        said = self.check(person("Ada") + person("Ben") + person("Cem"))
        self.assertEqual(self.counts, {})
        self.assertEqual((said["people"], said["rows"], said["threshold"]), (3, 12, 0.5))
        self.assertEqual((said["people_compared"], said["rows_compared"]), (3, 12), "no sample")
        self.assertEqual(said["leave_one_out"], {
            "rows_of_people_with_others": 12, "missed": 0, "misnamed": 0, "miss_rate": 0, "rows_as_strangers": 12,
            "false_matches": 0, "false_match_rate": 0})
        self.assertIn("Near-duplicates: 0\n", self.ok("check", "g"))

    def test_two_people_who_may_be_one(self):
        said = self.check(person("Ada") + person("Ben") + person("A. L.", centre=place("Ada"), quality=0.9))
        self.assertEqual(self.counts, {"same_person": 1})
        found = self.first(said, "same_person")[0]
        self.assertEqual((found["name"], found["other"]), ("Ada", "A. L."))
        self.assertLess(found["distance"], 0.2)
        counts = said["leave_one_out"]
        self.assertEqual((counts["false_matches"], counts["rows_as_strangers"]), (8, 12))

    def test_one_name_that_holds_two_people(self):
        said = self.check(person("Ada", 4) + [("Ada", *row[1:]) for row in person("Eve", 3)] + person("Ben"))
        self.assertEqual(self.counts, {"two_people": 1})
        found = self.first(said, "two_people")[0]
        self.assertEqual((found["name"], found["more"], found["fewer"]), ("Ada", 4, 3))
        self.assertGreater(found["distance"], 0.7)
        self.ok("remove", "g", "Ada", "--row", ",".join(found["fewer_rows"]))
        self.assertEqual({row["source"][:3] for row in self.rows_of("g", "Ada")}, {"Ada"})

    def test_a_row_far_from_its_own_person(self):
        said = self.check(person("Ada") + [("Ada", place("a stranger"), 0.9, 0, "wrong.jpg")] + person("Ben"))
        self.assertEqual(self.counts, {"far_rows": 1})
        found = self.first(said, "far_rows")[0]
        self.assertEqual((found["name"], found["source"]), ("Ada", "wrong.jpg"))
        counts = said["leave_one_out"]
        self.assertEqual((counts["missed"], counts["misnamed"], counts["rows_of_people_with_others"]), (1, 0, 9))

    def test_a_picture_under_the_wrong_name(self):
        wrong = near(place("Ben"), "wrong", 0.5)
        said = self.check(person("Ada") + [("Ada", wrong, 0.9, 0, "ben.jpg")] + person("Ben"))
        self.assertEqual(self.first(said, "far_rows")[0]["source"], "ben.jpg")
        self.assertEqual(said["leave_one_out"]["misnamed"], 1)

    def test_near_duplicates(self):
        rows = person("Ada") + person("Ben")
        copy = near(rows[1][1], "copy", 0.05)
        said = self.check(rows + [("Ada", copy, 0.8, 0, "copy.jpg")])
        self.assertEqual(self.counts, {"near_duplicates": 1}, "the pair is told once")
        found = self.first(said, "near_duplicates")[0]
        self.assertEqual((found["name"], found["source"], found["other"]), ("Ada", "Ada/1.jpg", "Ada"))
        self.assertEqual(found["other_row"], [row["id"] for row in self.rows_of("g", "Ada") if row["source"] == "copy.jpg"][0])

    def test_the_same_picture_under_two_names(self):
        rows = person("Ada") + person("Ben")
        said = self.check(rows + [("Ben", rows[0][1], 0.8, 0, "copy.jpg")])
        found = self.first(said, "near_duplicates")
        self.assertEqual({(one["name"], one["source"], one["other"]) for one in found},
                         {("Ada", "Ada/0.jpg", "Ben"), ("Ben", "copy.jpg", "Ada")})

    def test_few_and_poor_rows(self):
        said = self.check(person("Ada", 2) + person("Ben", quality=0.4) + person("Cem", quality=-1.0) +
                          person("Dan", quality=0.4) + person("Dan", 1, quality=0.6, centre=place("Dan")))
        self.assertEqual([one["name"] for one in self.first(said, "few_rows")], ["Ada"])
        self.assertEqual([one["name"] for one in self.first(said, "poor_rows")], ["Ben"],
                         "unknown quality is not poor, and one good row is enough")

    def test_the_worst_come_first_and_the_others_are_counted(self):
        rows = [row for i in range(30) for row in person("p%d" % i, 1)]
        said = self.check(rows, "--most", "7")
        self.assertEqual((said["findings"]["few_rows"]["count"], len(self.first(said, "few_rows"))), (30, 7))
        self.assertIn("… and 10 more", self.ok("check", "g"))

    def test_the_rates_are_those_of_a_plain_count(self):
        """Rows of 20 people around places that are near to each other, counted by the definition."""
        chance = random.Random(5)
        rows = [("p%d" % (i % 20), near(between(place("all"), place(i % 20), 0.35), i, 1.2)) for i in range(100)]
        chance.shuffle(rows)
        threshold = 0.5
        counts = self.check(rows, "--threshold", str(threshold))["leave_one_out"]

        def cosine(a, b):
            return 1 - sum(x * y for x, y in zip(a, b))

        def nearest(query, others):
            """Of the rows of others and the means of those with two or more."""
            people = {}
            for name, row in others:
                people.setdefault(name, []).append(row)
            places = [(name, row) for name, of in people.items() for row in of]
            places += [(name, unit([sum(values) for values in zip(*of)])) for name, of in people.items() if len(of) > 1]
            return min((cosine(query, row), name) for name, row in places)
        missed = misnamed = false_matches = 0
        for i, (name, query) in enumerate(rows):
            others = rows[:i] + rows[i + 1:]
            distance, who = nearest(query, others)
            missed += distance > threshold or who != name
            misnamed += distance <= threshold and who != name
            false_matches += nearest(query, [row for row in others if row[0] != name])[0] <= threshold
        self.assertEqual((counts["missed"], counts["misnamed"], counts["false_matches"]), (missed, misnamed, false_matches))
        self.assertGreater(missed, misnamed)
        self.assertGreater(misnamed, 0)
        self.assertLess(false_matches, 100)

    def test_nobody_and_one_row(self):
        said = self.check([])
        self.assertEqual((said["people"], said["threshold"], self.counts), (0, None, {}))
        said = self.check(person("Ada", 1))
        self.assertEqual(self.counts, {"few_rows": 1})
        self.assertIsNone(said["leave_one_out"]["miss_rate"])
        self.assertIn("0 of 0 rows\n", self.ok("check", "g"))

    def test_other_metrics(self):
        for metric, threshold in (("l2", 1.0), ("squared-l2", 1.0), ("l1", 9.0)):
            self.check(person("Ada") + person("Ben"), metric=metric, threshold=threshold)
            self.assertEqual(self.counts, {}, metric)

    def test_where_no_threshold_is_known(self):
        write_gallery(self.path("g"), person("Ada"), threshold=None)
        self.fails("check", "g", says=["threshold", "--weights"])
        self.assertEqual(self.json("check", "g", "--threshold", "0.4")["threshold"], 0.4000000059604645)
        self.fails("check", "g", "--weights", "no", says=["no"])


if __name__ == "__main__":
    unittest.main()
