# SPDX-License-Identifier: LGPL-2.1-or-later
"""triplet-train report: pages about tiny runs, whole, old, cut, spoiled and moved."""
import json
import os
import shutil
import unittest

from report_support import EVIL, ReportTest, dataset, decode_uri, stripes

# Of so few people no threshold is taken.
NO_THRESHOLD = "The weights hold no threshold: evaluate --calibrate gives them one."


class Report(ReportTest):
    def copy_of_run(self, name="copy"):
        shutil.copytree(self.at("one.run"), self.path(name + ".run"))
        return self.path(name + ".run")

    def lines(self, run):
        with open(os.path.join(run, "metrics.jsonl"), encoding="utf-8") as file:
            return file.read().splitlines(keepends=True)

    def rewrite(self, run, lines):
        with open(os.path.join(run, "metrics.jsonl"), "w", encoding="utf-8") as file:
            file.writelines(lines)

    def notes(self, *args):
        run = self.data(self.report(*args))["runs"][0]
        return " ".join(run["notes"]), run

    def test_a_run_with_its_validation_set(self):
        page = self.report(self.at("one.run"))
        self.assertLess(len(page), 1_000_000)
        data = self.data(page)
        run = data["runs"][0]
        self.assertEqual(run["name"], "one.run")
        self.assertEqual(run["notes"], [NO_THRESHOLD])
        epochs = [json.loads(line) for line in self.lines(self.at("one.run")) if '"epoch"' in line]
        epochs = [line for line in epochs if line["event"] == "epoch"]
        for got, line in zip(run["epochs"]["loss"], epochs):
            self.assertAlmostEqual(got, line["loss"], delta=1e-5 * line["loss"])
        # The same pictures through the same weights: what the best epoch's validation found.
        best = next(line for line in reversed(epochs) if line["best"])
        found = run["evaluation"]
        self.assertAlmostEqual(found["auc"], best["validation"]["auc"], places=3)
        self.assertAlmostEqual(found["eer"], best["validation"]["eer"], places=2)
        self.assertEqual((found["images"], len(found["names"])), (40, 4))
        self.assertLessEqual(found["intervals"]["auc"][0], found["auc"] + 1e-6)
        self.assertEqual(len(found["false_matches"]), 24)
        self.assertEqual(len(found["map"]["tsne"]["x"]), 40)
        distances = [pair["distance"] for pair in found["misses"]]
        self.assertEqual(distances, sorted(distances, reverse=True))
        self.assertEqual(sum(map(sum, found["confusion"]["counts"])), found["confusion"]["asked"])

    def test_pictures_are_the_sets(self):
        data = self.data(self.report(self.at("one.run")))
        pixels = stripes(40, 4, 16)
        wanted = {pixels[i * 256:(i + 1) * 256] for i in range(40)}
        for uri in data["pictures"]:
            width, height, channels, content = decode_uri(uri)
            self.assertEqual((width, height, channels), (16, 16, 1))
            self.assertIn(content, wanted)
        pair = data["runs"][0]["evaluation"]["false_matches"][0]
        for side in ("a", "b"):
            row = int(pair[side]["source"].split("/")[1])
            self.assertEqual(decode_uri(data["pictures"][pair[side]["picture"]])[3], pixels[row * 256:(row + 1) * 256])

    def test_names_cannot_leave_the_data(self):
        page = self.report(self.at("one.run"))
        self.assertIn(EVIL, self.data(page)["runs"][0]["evaluation"]["names"])
        self.assertNotIn("onerror=alert(1)>", page)
        self.assertEqual(page.count("</script>"), 2)

    def test_nothing_comes_from_elsewhere(self):
        page = self.report(self.at("one.run"))
        self.assertNotRegex(page, r"https?://(?!www\.w3\.org/2000/svg)")
        self.assertNotRegex(page, r"@import|url\(|fetch\(|XMLHttpRequest|innerHTML")
        self.assertIn("default-src 'none'", page)

    def test_held_out_identities_are_drawn_again(self):
        names = ["person %d" % i for i in range(12)]
        self.put("people", dataset(96, names, channels=3, side=20))
        self.train("held", "--val-fraction", 0.25, "--seed", 5, "--epochs", 1, data="people")
        run = self.data(self.report(self.at("held.run")))["runs"][0]
        self.assertEqual(run["notes"], [NO_THRESHOLD])
        self.assertIn("people", run["evaluation"]["set"])
        self.assertEqual((run["evaluation"]["images"], len(run["evaluation"]["names"])), (24, 3))
        # The embedder folds and rounds otherwise than the trainer; pairs that lie close change places.
        self.assertAlmostEqual(run["evaluation"]["auc"], run["epochs"]["validation_auc"][0], delta=0.005)
        self.put("people", dataset(96, names[::-1], channels=3, side=20))
        self.assertIn("have changed", self.notes(self.at("held.run"))[0])

    def test_who_was_left_out_stays_left_out(self):
        names = ["person %d" % i for i in range(12)]
        self.put("people", dataset(96, names))
        self.put("strangers", "\n".join(names[::2]).encode())
        self.train("left", "--val-fraction", 0.4, "--without", "strangers", "--epochs", 1, data="people")
        run = self.data(self.report(self.at("left.run")))["runs"][0]
        self.assertEqual(run["notes"], [NO_THRESHOLD])
        found = run["evaluation"]
        self.assertEqual((found["images"], len(found["names"])), (24, 3))
        self.assertLessEqual(set(found["names"]), set(names[1::2]))
        self.assertAlmostEqual(found["auc"], run["epochs"]["validation_auc"][0], delta=0.005)

    def test_two_runs_side_by_side(self):
        self.train("two", "--val", "val", "--epochs", 1, "--lr", 0.002)
        data = self.data(self.report(self.at("one.run"), self.at("two.run")))
        self.assertEqual([run["name"] for run in data["runs"]], ["one.run", "two.run"])
        self.assertEqual([run["options"]["loss"] for run in data["runs"]], ["triplet", "cosface"])
        self.assertLessEqual(len(data["pictures"]), 40, "both show the same pictures, each is there once")
        self.fails("report", self.at("one.run"), self.at("two.run"), "--weights", self.at("one.safetensors"), "--out", "page.html",
                   code=2, says=["--weights", "one run"])
        data = self.data(self.report(self.at("one.run"), self.at("two.run"), "--data", self.at("set")))
        self.assertEqual([run["evaluation"]["set"] for run in data["runs"]], ["set", "set"])

    def test_what_is_gone_is_missed_aloud(self):
        run = self.copy_of_run()
        start, *rest = self.lines(run)
        log = json.loads(start)
        log["files"]["val"] = "/nowhere/val"
        self.rewrite(run, [json.dumps(log) + "\n", *rest])
        said, data = self.notes(run)
        self.assertIn("/nowhere/val", said)
        self.assertNotIn("evaluation", data)
        self.assertEqual(len(data["epochs"]["loss"]), 2)
        # Moved along with the run it is found again.
        shutil.copy(self.at("val"), self.path("val"))
        said, data = self.notes(run)
        self.assertEqual(said, NO_THRESHOLD)
        self.assertEqual(data["evaluation"]["images"], 40)
        log["files"]["weights"] = "/nowhere/w"
        self.rewrite(run, [json.dumps(log) + "\n", *rest])
        self.assertIn("/nowhere/w", self.notes(run)[0])
        self.assertIn("evaluation", self.notes(run, "--weights", self.at("one.safetensors"))[1])

    def test_logs_of_earlier_versions(self):
        run = self.copy_of_run()
        start, *rest = self.lines(run)
        log = json.loads(start)
        for key in ("files", "version", "val_images", "val_flip", "fingerprint"):
            del log[key]
        self.rewrite(run, [json.dumps(log) + "\n", *rest])
        self.assertIn("--weights", self.notes(run)[0])
        shutil.copy(self.at("one.safetensors"), self.path("copy.safetensors"))
        self.assertIn("--data", self.notes(run)[0])
        self.assertEqual(self.notes(run, "--data", self.at("val"))[1]["evaluation"]["images"], 40)

    def test_a_run_without_validation(self):
        self.train("blind", "--val-fraction", 0, "--epochs", 1)
        said, run = self.notes(self.at("blind.run"))
        self.assertIn("without validation", said)
        self.assertIn("--data", said)
        self.assertNotIn("evaluation", run)
        self.assertEqual(self.notes(self.at("blind.run"), "--data", self.at("val"), "--images", 20)[1]["evaluation"]["images"], 20)

    def test_a_killed_runs_log(self):
        run = self.copy_of_run()
        lines = self.lines(run)
        self.rewrite(run, [*lines[:-1], lines[-1][:len(lines[-1]) // 2]])
        said, data = self.notes(run)
        self.assertIn("line %d is cut" % len(lines), said)
        self.assertEqual(len(data["epochs"]["loss"]), 1)
        self.rewrite(run, [lines[0], "what\n", "[" * 9 + "\n", '{"event": "step", "epoch": "no"}\n', *lines[1:]])
        said, data = self.notes(run)
        for number in (2, 3, 4):
            self.assertIn("line %d " % number, said)
        self.assertEqual(len(data["epochs"]["loss"]), 2)

    def test_what_is_no_run(self):
        os.mkdir(self.path("empty"))
        self.fails("report", "empty", "--out", "page.html", says=["empty/metrics.jsonl", "no such file"])
        self.fails("report", "none", "--out", "page.html", says=["none/metrics.jsonl"])
        self.write("bad/metrics.jsonl", "one\ntwo\n")
        self.fails("report", "bad", "--out", "page.html", says=["bad/metrics.jsonl", '"event"'])
        self.fails("report", "--out", "page.html", code=2, says=["RUN"])
        self.assertFalse(os.path.exists(self.path("page.html")))

    def test_what_was_asked_for_must_be_there(self):
        run = self.at("one.run")
        self.write("wide", dataset(side=24))
        self.write("alone", dataset(8, ("a",)))
        self.fails("report", run, "--data", "wide", "--out", "page.html", says=["wide", "24×24×1", "16×16×1"])
        self.fails("report", run, "--data", "alone", "--out", "page.html", says=["impostor"])
        self.fails("report", run, "--data", "none", "--out", "page.html", says=["none"])
        self.fails("report", run, "--weights", self.weights, "--out", "page.html", says=["val", "×3"])
        self.fails("report", run, "--weights", "none", "--out", "page.html", says=["none"])
        self.fails("report", run, "--out", "nowhere/page.html", says=["nowhere/page.html"])
        self.assertEqual([name for name in os.listdir(self.folder) if "page" in name], [])


if __name__ == "__main__":
    unittest.main()
