# SPDX-License-Identifier: LGPL-2.1-or-later
"""A newcomer's own faces: what train, pack and evaluate do where no flag says how."""
import json
import unittest

from support import TrainTest, needs_faces, pgm, read_safetensors, write_safetensors


@needs_faces
class DefaultStart(TrainTest):
    def setUp(self):
        super().setUp()
        # A weights file of 16x16 grey faces with thresholds, in the place of the default weights.
        for person in range(3):
            for picture in range(4):
                self.write(f"people/{person}/{picture}.pgm", pgm(16, 16, seed=5 * person + picture % 2))
        self.ok("pack", "--as-cut", "--size", 16, "--channels", 1, "--out", "first", "people")
        self.ok("train", "--data", "first", "--init", "none", "--epochs", 1, "--val-fraction", 0, "--lr", 0, "--threads", 1,
                "--no-neck", "--out", "first.safetensors")
        metadata, tensors = read_safetensors(self.path("first.safetensors"))
        self.table = {"comparisons": 1000, "points": [[0.1, 0.5], [0.01, 0.25]]}
        write_safetensors(self.path("default.safetensors"), tensors,
                          {**metadata, "threshold": "0.25", "threshold_far": "0.01", "far_table": json.dumps(self.table)})
        self.env = {"TRIPLETEMBED_MODEL": self.path("default.safetensors")}
        self.ok("pack", "--weights", "default.safetensors", "--as-cut", "--out", "set", "people")

    def start_of(self, run):
        return self.metrics(run)[0]

    def test_few_pictures_finish_the_default_weights(self):
        done = self.ok("train", "--data", "set", "--epochs", 2, "--threads", 1, "--out", "w.safetensors", env=self.env)
        first = done.stderr.splitlines()[0]
        for words in ("starts from the default weights", "default.safetensors", "keeps 95 %", "--init none"):
            self.assertIn(words, first)
        options = self.start_of("w.run")["options"]
        for name, value in (("loss", "triplet"), ("teacher", "init"), ("blend", "0.05"), ("aug", "face"), ("neck", "false")):
            self.assertEqual(options[name], value, name)
        epoch = [line for line in self.metrics("w.run") if line["event"] == "epoch"][0]
        self.assertGreater(epoch["teacher"]["cosine"], 0.1)
        metadata, tensors = read_safetensors(self.path("w.safetensors"))
        self.assertEqual(json.loads(metadata["far_table"]), self.table)
        self.assertEqual(float(metadata["threshold"]), 0.25)
        self.assertFalse(tensors == read_safetensors(self.path("default.safetensors"))[1], "nothing was learned")

    def test_whoever_says_how_gets_that(self):
        for flags in (("--loss", "softmax"), ("--init", "none"), ("--head", "linear")):
            with self.subTest(flags):
                done = self.ok("train", "--data", "set", "--epochs", 1, "--val-fraction", 0, "--threads", 1, *flags,
                               "--out", "o.safetensors", env=self.env)
                self.assertNotIn("default weights", done.stderr)
        # Digits, whatever the default weights are.
        self.digits("digits")
        self.ok("train", "--data", "digits", "--epochs", 1, "--val-fraction", 0, "--threads", 1, "--out", "o.safetensors",
                env={"TRIPLETEMBED_MODEL": "/none"})
        # Pictures that are cut by another rule.
        done = self.ok("train", "--data", "first", "--epochs", 1, "--val-fraction", 0, "--threads", 1, "--out", "o.safetensors",
                       env={"TRIPLETEMBED_MODEL": self.weights})
        self.assertNotIn("default weights", done.stderr)
        done = self.ok("train", "--data", "set", "--init", "default", "--loss", "softmax", "--epochs", 1, "--val-fraction", 0,
                       "--threads", 1, "--lr", 0, "--no-neck", "--out", "o.safetensors", env=self.env)
        parameters = {name: tensor for name, tensor in read_safetensors(self.path("o.safetensors"))[1].items() if "running" not in name}
        begun = read_safetensors(self.path("default.safetensors"))[1]
        self.assertTrue(all(begun[name] == tensor for name, tensor in parameters.items()), "--init default began elsewhere")
        self.fails("train", "--data", "set", "--init", "default", "--out", "o.safetensors", env={"TRIPLETEMBED_MODEL": "/none"},
                   says=["/none"])

    def test_a_blend_needs_something_to_blend_with(self):
        base = ("train", "--data", "set", "--epochs", 1, "--out", "o.safetensors", "--loss", "softmax", "--val-fraction", 0)
        self.fails(*base, "--blend", 0.5, says=["--blend", "--init"])
        self.fails(*base, "--blend", 0.5, "--init", "default.safetensors", says=["--blend", "--no-neck"])
        self.fails(*base, "--blend", 0, "--init", "default.safetensors", says=["--blend", "above 0"])
        self.fails(*base, "--teacher", "init", says=["--teacher", "--init"])

    def test_pack_cuts_faces_for_the_default_weights(self):
        done = self.ok("pack", "--detect", "--fallback", "centre", "--out", "cut", "people", env=self.env)
        self.assertIn("as the default weights want them", done.stderr)
        self.assertEqual(read_safetensors(self.path("cut"))[1]["images"][1], [12, 16, 16, 1])
        done = self.ok("pack", "--detect", "--fallback", "centre", "--size", 20, "--out", "cut", "people", env=self.env)
        self.assertNotIn("default weights", done.stderr)

    def test_a_threshold_from_too_few_people_is_refused(self):
        self.fails("evaluate", "--weights", "default.safetensors", "--data", "set", "--calibrate", "--far", 0.05,
                   says=["48 pairs of different people, of 3 people, would be chance", "the weights keep the one they have"])
        for person in range(3):
            self.write(f"singles/{person}/1.pgm", pgm(16, 16, seed=person))
        self.ok("pack", "--weights", "default.safetensors", "--as-cut", "--out", "ones", "singles")
        self.fails("evaluate", "--weights", "default.safetensors", "--data", "ones", "--gallery-data", "set", "--calibrate",
                   says=["0 pairs of different people"])


if __name__ == "__main__":
    unittest.main()
