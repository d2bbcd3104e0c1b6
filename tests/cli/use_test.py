# SPDX-License-Identifier: LGPL-2.1-or-later
"""triplet-train evaluate, whiten, inspect, and what is common to every command."""
import json
import os
import shutil
import unittest

from support import CliTest, DATA, YUNET, idx_images, idx_labels, needs_faces, needs_real_data, pgm, read_safetensors

COMMANDS = ("pack", "train", "evaluate", "export", "import", "inspect")


def people_of(gallery):
    """Names and rows, of what `inspect --json` says of a gallery."""
    return [(one["name"], one["embeddings"]) for one in gallery["identities"]]


class Common(CliTest):
    """The process itself."""
    alone = True

    def test_help(self):
        top = self.ok("--help").stdout
        for command in COMMANDS:
            self.assertIn(command, top)
            text = self.ok(command, "--help").stdout
            self.assertIn("Usage", text)
            self.assertRegex(text, "Examples?:")
        self.assertRegex(self.ok("--version").stdout, r"^\d+\.\d+\.\d+")

    def test_wrong_usage_exits_2(self):
        self.fails(code=2)
        self.fails("fly", code=2)
        self.fails("pack", code=2)
        self.fails("inspect", "--no-such-flag", "x", code=2, says=["--no-such-flag is no flag of `inspect` (--help"])
        self.fails("evaluate", "--dta", "g", code=2, says=["--dta is no flag of `evaluate`; --data is meant?"])
        self.fails("evaluate", "--dta=g", "--name", "x", code=2, says=["--data is meant?"])
        self.fails("--wights", "pack", code=2, says=["--wights is no flag of `triplet-train`"])
        self.fails("evaluate", "--weights", self.weights, code=2, says=["--data or --pairs"])
        self.fails("evaluate", "--data", "x", says=["--weights", "TRIPLETEMBED_MODEL"])

    def test_what_moved_says_where_to(self):
        for command in ("enroll", "identify"):
            for flags in ([], ["--help"], ["--weights", "w", "--gallery", "g", "--folder", "people"]):
                done = self.fails(command, *flags, code=2, says=["triplet-gallery " + command])
                self.assertEqual((done.stdout, done.stderr.count("\n")), ("", 1))
        self.assertNotIn("enroll", self.ok("--help").stdout)
        # A config file may still serve both programs.
        self.write("both.toml", "[enroll]\nskip-bad = true\n[inspect]\njson = true\n")
        json.loads(self.ok("inspect", "--config", "both.toml", self.weights).stdout)

    def test_weights_come_from_the_environment(self):
        self.fails("evaluate", "--data", "set", env={"TRIPLETEMBED_MODEL": "/no/such/file"}, says=["/no/such/file"])


class Evaluate(CliTest):
    def digits(self, name, count=24, size=64):
        self.write(name + "-images", idx_images(count))
        self.write(name + "-labels", idx_labels([i % 4 for i in range(count)]))
        self.ok("pack", "--out", name, "--size", size, name + "-images")
        return self.path(name)

    def test_every_measure_of_a_packed_set(self):
        result = self.ok_json("evaluate", "--weights", self.weights, "--data", self.digits("set"))
        self.assertEqual(result["images"], 24)
        self.assertEqual(result["identities"], 4)
        self.assertEqual(result["genuine_pairs"], 4 * 15)
        self.assertEqual(result["impostor_pairs"], 276 - 60)
        self.assertEqual(result["triplets"], 20)
        for key in ("auc", "eer", "accuracy", "accuracy_best_threshold", "triplet_accuracy",
                    "triplet_accuracy_strict", "nearest_accuracy"):
            self.assertGreaterEqual(result[key], 0, key)
            self.assertLessEqual(result[key], 1, key)
        self.assertEqual(set(result["tar_at_far"]), {"0.1", "0.01", "0.001", "0.0001", "1e-05"})
        self.assertIsNone(result["tar_at_far"]["0.0001"], "216 pairs cannot tell a rate of 0.0001")
        self.assertGreater(result["spread"], 0)
        again = self.ok_json("evaluate", "--weights", self.weights, "--data", "set")
        self.assertEqual(result, again)
        flipped = self.ok_json("evaluate", "--weights", self.weights, "--data", "set", "--flip")
        self.assertNotEqual(result["auc"], flipped["auc"])

    def test_nearest_in_a_gallery_set(self):
        self.digits("set")
        result = self.ok_json("evaluate", "--weights", self.weights, "--data", "set", "--gallery-data", "set")
        self.assertEqual(result["nearest_accuracy"], 1.0)
        self.assertEqual(result["nearest_from"], "gallery")

    def test_how_many_are_named(self):
        self.digits("set")
        found = self.ok_json("evaluate", "--weights", self.weights, "--data", "set", "--identification", 2, 3)["identification"]
        self.assertEqual((found["people"], found["photographs"], found["draws"]), (2, 3, 20))
        self.assertEqual(set(found["at_1_percent_of_strangers"]), {"right", "wrong", "strangers_named"})
        self.fails("evaluate", "--weights", self.weights, "--data", "set", "--identification", 500, 3,
                   says=["500 people with 3 pictures each"])

    def test_a_table_for_people(self):
        self.digits("set")
        said = self.ok("evaluate", "--weights", self.weights, "--data", "set").stdout
        self.assertRegex(said, r"^Two pictures of one person are nearer .* in [\d.]+ % of cases\.\nWhere 1 of 100 .* recognised")
        self.assertRegex(said, r"auc +0\.\d{1,4}\n")
        said = self.ok("evaluate", "--weights", self.weights, "--data", "set", "--identification", 2, 3).stdout
        self.assertRegex(said, r"\nOf 2 people enrolled with 3 pictures each, [\d.]+ % .* wrong where 1 of 100 strangers is named\.\n")

    def test_calibration_names_its_file(self):
        self.digits("set")
        weights = shutil.copy(self.weights, self.path("default.safetensors"))
        self.fails("evaluate", "--data", "set", "--calibrate", env={"TRIPLETEMBED_MODEL": weights}, says=["--weights"])
        self.ok("evaluate", "--data", "set", env={"TRIPLETEMBED_MODEL": weights})
        self.assertEqual(read_safetensors(weights), read_safetensors(self.weights))

    def test_calibration_changes_the_metadata_alone(self):
        self.digits("set", count=96)
        weights = shutil.copy(self.weights, self.path("w.safetensors"))
        before = read_safetensors(weights)
        result = self.ok_json("evaluate", "--weights", weights, "--data", "set", "--calibrate", "--far", 0.05)
        after = read_safetensors(weights)
        self.assertEqual(before[1], after[1])
        self.assertAlmostEqual(float(after[0]["threshold"]), result["calibrated_threshold"], places=6)
        self.assertAlmostEqual(float(after[0]["threshold_far"]), 0.05, places=6)
        self.assertEqual(json.loads(after[0]["evaluation"])["auc"], result["auc"])
        table = json.loads(after[0]["far_table"])
        self.assertEqual(table["comparisons"], result["impostor_pairs"])
        self.assertEqual([far for far, _ in table["points"]], [0.1, 0.01])
        for far, threshold in table["points"]:
            self.assertAlmostEqual(threshold, result["threshold_at_far"][str(far)], places=6)
        self.assertEqual(self.ok_json("inspect", weights)["weights"]["far_table"], table)
        # Galleries know weights by what decides the embeddings alone.
        self.assertEqual(*(self.ok_json("inspect", path)["weights"]["weights_sha256"] for path in (weights, self.weights)))
        self.assertNotEqual(*(self.ok_json("inspect", path)["sha256"] for path in (weights, self.weights)))
        self.fails("evaluate", "--weights", weights, "--data", "set", "--calibrate", "--far", 1e-6,
                   says=["too few impostor pairs"])
        self.fails("evaluate", "--weights", weights, "--data", "set", "--calibrate", "--flip", says=["--calibrate"])

    def test_what_does_not_fit_is_refused(self):
        self.digits("small", size=32)
        self.fails("evaluate", "--weights", self.weights, "--data", "small", says=["small", "32×32×3", "64×64×3"])
        self.fails("evaluate", "--weights", self.weights, "--data", self.gallery, says=["gallery.safetensors", "kind"])
        self.fails("evaluate", "--weights", self.gallery, "--data", "small", says=["gallery.safetensors", "kind"])
        self.write("one-images", idx_images(2))
        self.write("one-labels", idx_labels([3, 4]))
        self.ok("pack", "--out", "one", "one-images")
        self.fails("evaluate", "--weights", self.weights, "--data", "one", says=["one", "nothing to measure"])

    @needs_faces
    def test_broken_pair_lists(self):
        cases = {"": "line 1", "x\n": "line 1", "0\n": "line 1", "1\nA\t1\t2\n": "line 3",
                 "1\nA\t1\t2\nA\t1\t2\n": "line 3", "1\nA\t1\n": "line 2", "1\nA\t1\t2\nA\t1\tB\t-1\n": "line 3",
                 "1\nA\t1\t2\nA\t1\tB\t2\nC\t1\t2\n": "more pairs"}
        for text, words in cases.items():
            with self.subTest(text):
                self.write("pairs.txt", text)
                self.fails("evaluate", "--weights", self.weights, "--pairs", "pairs.txt", "--images", ".",
                           says=["pairs.txt", words])

    @needs_faces
    def test_pairs_of_packed_pictures(self):
        for person in "AB":
            os.makedirs(self.path("root", person))
            for i in (1, 2, 3):
                self.write(f"root/{person}/{person}_000{i}.jpg", pgm(seed=i + 10 * ord(person)))
        self.ok("pack", "--out", "people", "--weights", self.weights, "--fallback", "centre", "prefix=" + self.path("root"))
        self.write("pairs.txt", "2\t1\nA\t1\t2\nA\t1\tB\t1\nB\t1\t3\nA\t2\tB\t3\n")
        run = ["evaluate", "--weights", self.weights, "--pairs", "pairs.txt", "--images", "people"]
        both = self.ok_json(*run)
        self.assertEqual((both["pairs"], both["images"], len(both["fold_accuracies"])), (4, 4, 2))
        first, second = (self.ok_json(*run, "--fold", fold, "--threshold", 0.4) for fold in (1, 2))
        self.assertEqual((first["pairs"], first["images"], first["fold"]), (2, 3, 1))
        self.assertEqual((second["pairs"], second["images"], second["fold"]), (2, 3, 2))
        self.assertEqual(first["threshold_from"], "the command line")
        self.assertNotEqual(first["eer_threshold"], second["eer_threshold"])
        self.fails(*run, "--cross-validate", 2, says=["--cross-validate", "folds of its own"])
        self.write("view1.txt", "2\nA\t1\t2\nB\t1\t3\nA\t1\tB\t1\nA\t2\tB\t3\n")
        run[4] = "view1.txt"
        dealt = self.ok_json(*run, "--cross-validate", 2)
        self.assertEqual(dealt["fold_accuracies"], both["fold_accuracies"])
        self.assertEqual(dealt["threshold_from"], "the other folds")
        self.assertEqual(self.ok_json(*run)["threshold_from"], "these pairs")
        self.fails(*run, "--cross-validate", 3, says=["--cross-validate 3", "2 pairs of one person"])
        run[4] = "pairs.txt"
        self.fails(*run, "--fold", 3, says=["--fold 3", "2 folds"])
        self.write("pairs.txt", "1\nA\t1\t2\nA\t1\tB\t9\n")
        self.fails(*run, says=["people", "B/B_0009.jpg"])

    @needs_faces
    def test_pair_lists_as_people_write_them(self):
        for person in ("Ada Lovelace", "Ben"):
            os.makedirs(self.path("root", person))
            for i in (1, 2, 3):
                self.write(f"root/{person}/{person}_000{i}.png", pgm(seed=i + 10 * len(person)))
        run = ["evaluate", "--weights", self.weights, "--images", "root", "--pairs"]
        self.write("plain.txt", "1\nAda Lovelace\t1\t2\nAda Lovelace\t1\tBen\t2\n")
        plain = self.ok_json(*run, "plain.txt")
        self.assertEqual((plain["pairs"], plain["images"]), (2, 3))
        lists = {"a BOM and CRLF": "\ufeff1\r\nAda Lovelace\t1\t2\r\nAda Lovelace\t1\tBen\t2\r\n\r\n",
                 "blanks": "1\nAda  Lovelace 1 2\nAda Lovelace 1 Ben 2\n",
                 "paths": "Ada Lovelace/Ada Lovelace_0001.png\tAda Lovelace/Ada Lovelace_0002.png\t1\n"
                          "Ada Lovelace/Ada Lovelace_0001.png\tBen/Ben_0002.png\t0\n",
                 "absolute paths": "\ufeff" + "\r\n".join("\t".join([self.path("root", a), self.path("root", b), same]) for a, b, same in (
                     ("Ada Lovelace/Ada Lovelace_0001.png", "Ada Lovelace/Ada Lovelace_0002.png", "1"),
                     ("Ada Lovelace/Ada Lovelace_0001.png", "Ben/Ben_0002.png", "0")))}
        for name, text in lists.items():
            with self.subTest(name):
                self.write("list.txt", text)
                same = self.ok_json(*run, "list.txt")
                self.assertEqual({**same, "pair_list": "", "seconds": 0}, {**plain, "pair_list": "", "seconds": 0})
        self.ok("pack", "--out", "people", "--weights", self.weights, "--fallback", "centre", self.path("root"))
        for name in ("plain.txt", "list.txt"):
            packed = self.ok_json("evaluate", "--weights", self.weights, "--images", "people", "--pairs", name)
            self.assertEqual((packed["pairs"], packed["images"]), (2, 3))
        self.write("folds.txt", "a.png b.png 1 1\na.png c.png 0 3\n")
        self.fails(*run, "folds.txt", says=["folds.txt", "no pair of fold 2"])
        for text, words in {"a.png b.png 2\n": "line 1", "a.png b.png 1\na.png 0\n": "line 2", "a b 1 0\n": "line 1",
                            "1\nAda 2 3 1 2\nAda 2 1 Ben 3 2\n": "tabs between the fields"}.items():
            with self.subTest(text):
                self.write("list.txt", text)
                self.fails(*run, "list.txt", says=["list.txt", words])

    @needs_real_data
    def test_pairs(self):
        gul = "Abdullah_Gul\t1\t2\nAbdullah_Gul\t3\t4\n"
        other = "Abdullah_Gul\t1\tGeorge_HW_Bush\t2\nAbdullah_Gul\t2\tGeorge_HW_Bush\t3\n"
        self.write("view1.txt", "2\n" + gul + other)
        self.write("view2.txt", "2\t2\n" + gul + other + gul + other)
        images = os.path.join(DATA, "lfw")
        one = self.ok_json("evaluate", "--weights", self.weights, "--pairs", "view1.txt", "--images", images)
        self.assertEqual((one["pairs"], one["images"], one["images_without_face"]), (4, 6, 0))
        self.assertEqual(one["threshold_from"], "these pairs")
        self.assertEqual(one["accuracy"], one["accuracy_best_threshold"])
        other = self.ok_json("evaluate", "--weights", self.weights, "--pairs", "view1.txt", "--images", images,
                             "--threshold-pairs", "view1.txt")
        self.assertEqual(other["threshold_from"], "the threshold pairs")
        two = self.ok_json("evaluate", "--weights", self.weights, "--pairs", "view2.txt", "--images", images)
        self.assertEqual(len(two["fold_accuracies"]), 2)
        self.assertIn("accuracy_standard_error", two)
        self.write("view1.txt", "1\nNobody\t1\t2\nNobody\t1\tNobody\t2\n")
        self.fails("evaluate", "--weights", self.weights, "--pairs", "view1.txt", "--images", images,
                   says=["Nobody_0001.jpg"])


class Whiten(CliTest):
    def test_embeddings_vary_more_evenly(self):
        self.write("set-images", idx_images(140, rows=16, columns=16))
        self.write("set-labels", idx_labels([0] * 140))
        self.ok("pack", "--out", "set", "--size", 64, "set-images")
        done = self.ok("whiten", "--weights", self.weights, "--data", "set", "--out", "white.safetensors")
        self.assertIn("by the embeddings of 140 pictures; calibrate it anew", done.stdout)
        before, after = (read_safetensors(path) for path in (self.weights, self.path("white.safetensors")))
        self.assertNotEqual(before[1]["dense.weight"], after[1]["dense.weight"])
        self.assertEqual(before[1]["stem_conv.weight"], after[1]["stem_conv.weight"])
        self.fails("whiten", "--weights", "white.safetensors", "--data", "set", "--out", "set", says=["set"])
        self.fails("whiten", "--weights", self.weights, "--data", "set", "--power", 0.7, "--out", "x", code=2, says=["--power"])


class Inspect(CliTest):
    def test_every_kind(self):
        weights = self.ok_json("inspect", self.weights)
        self.assertEqual(weights["kind"], "tripletembed.weights")
        self.assertEqual(weights["weights"]["input"], {"width": 64, "height": 64, "channels": 3})
        self.assertGreater(len(weights["tensors"]), 50)
        gallery = self.ok_json("inspect", self.gallery)
        self.assertEqual(people_of(gallery["gallery"])[1], ("Błażej", 1))
        self.assertRegex(gallery["gallery"]["identities"][1]["id"], "^[0-9a-f]{32}$")
        self.write("d-images", idx_images(5))
        self.write("d-labels", idx_labels([1, 1, 1, 2, 2]))
        self.ok("pack", "--out", "set", "d-images")
        self.assertEqual(self.ok_json("inspect", "set")["dataset"]["largest_identity"], 3)
        self.write("plain", (10).to_bytes(8, "little") + b'{}        ')
        self.assertEqual(self.ok_json("inspect", "plain")["kind"], "safetensors")
        self.assertIn("Błażej", self.ok("inspect", self.gallery).stdout)

    @needs_real_data
    def test_a_detector(self):
        self.assertIn("yunet", self.ok_json("inspect", YUNET)["detector"])
        self.write("bad.onnx", b"nothing")
        self.fails("inspect", "bad.onnx", says=["bad.onnx"])

    def test_broken_files(self):
        with open(self.weights, "rb") as file:
            content = file.read()
        cases = {"missing": None, "empty": b"", "short": content[:5], "truncated": content[:-1],
                 "huge-header": b"\xff" * 8 + content[8:], "text": b"just some words, no tensors at all"}
        for name, broken in cases.items():
            with self.subTest(name):
                if broken is not None:
                    self.write(name, broken)
                self.fails("inspect", name, says=[name])
                self.fails("evaluate", "--weights", name, "--data", "x", says=[name])

    def test_nothing_runs_away(self):
        os.mkdir(self.path("folder"))
        self.fails("inspect", "folder", says=["folder"])


if __name__ == "__main__":
    unittest.main()
