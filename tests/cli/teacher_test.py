# SPDX-License-Identifier: LGPL-2.1-or-later
"""triplet-train teach and train --teacher: a student of a network with random weights, on made-up pictures."""
import hashlib
import json
import os
import shutil
import tempfile
import unittest

import ranks_test
from support import TRIPLET_TRAIN_BARE, TrainTest, needs_faces, pgm, read_safetensors, write_safetensors

# What a student must reach within the epochs below; one that learns nothing stays near 0.
LEARNED = 0.8


@needs_faces
class Teacher(TrainTest):
    made = None
    start_ranks, ranks, need_gloo = ranks_test.Ranks.start_ranks, ranks_test.Ranks.ranks, ranks_test.Ranks.need_gloo

    def setUp(self):
        super().setUp()
        if Teacher.made is None:
            self.make()
        for name in ("set", "teacher.onnx", "vectors.safetensors"):
            os.symlink(os.path.join(Teacher.made, name), self.path(name))
        self.describe()

    def make(self):
        """What all tests read, made by the first of them."""
        folder, self.folder = self.folder, tempfile.mkdtemp(prefix="triplet-train-teacher-")
        self.addClassCleanup(shutil.rmtree, self.folder)
        self.digits(count=64)
        self.ok(*self.train("--epochs", 1, "--lr", 0, "--loss", "softmax", "--no-neck", "--batch-size", 64, "--seed", 7,
                            "--storage", "f16", out="random.safetensors"))
        self.ok("export", "--weights", "random.safetensors", "--out", "teacher.onnx")
        self.describe()
        self.said = self.ok("teach", "--teacher", "teacher.onnx", "--data", "set", "--out", "vectors.safetensors").stdout
        self.assertIn("64 pictures, 1 view of each, by random", self.said)
        Teacher.made, self.folder = self.folder, folder

    def describe(self, **changes):
        """The JSON beside the network, whose normalisation is inside it."""
        with open(self.path("teacher.onnx"), "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        fields = {"name": "random", "terms": "anybody's", "sha256": digest, "size": 16, "order": "grey", "mean": [0],
                  "scale": 1, **changes}
        self.write("teacher.json", json.dumps({key: value for key, value in fields.items() if value is not None}))

    def teach(self, *flags, out="views.safetensors"):
        self.ok("teach", "--teacher", "teacher.onnx", "--data", "set", "--out", out, *flags)

    def student(self, *flags, teacher="vectors.safetensors", out="student.safetensors"):
        rule = () if "--optimizer" in flags else ("--optimizer", "adamw", "--lr", 0.002)
        return self.train("--teacher", teacher, "--storage", "f16", *rule, *flags, out=out)

    def cosine(self, run="student.run"):
        return [line["teacher"]["cosine"] for line in self.metrics(run) if line["event"] == "epoch"][-1]

    def same_weights(self, first, second):
        # Not assertEqual: it would spell out the difference of megabytes.
        self.assertTrue(read_safetensors(self.path(first))[1] == read_safetensors(self.path(second))[1], "other weights")

    def test_a_student_learns_its_teachers_vectors(self):
        self.ok(*self.student("--epochs", 12, "--terms", "made up", "--checkpoint-epochs", 12))
        self.assertGreater(self.cosine(), LEARNED)
        metadata = read_safetensors(self.path("student.safetensors"))[0]
        self.assertEqual(json.loads(metadata["teacher"])["name"], "random")
        self.assertEqual(json.loads(metadata["teacher"])["terms"], "anybody's")
        self.assertEqual(metadata["terms"], "made up")

    def test_a_teacher_in_the_loop_and_its_share_of_the_time(self):
        # Of unchanged pictures the network in the loop gives the vectors that were stored, and so the same training.
        self.ok(*self.student("--epochs", 2, teacher="teacher.onnx", out="loop.safetensors"))
        self.ok(*self.student("--epochs", 2, out="stored.safetensors"))
        loop, stored = ([line for line in self.metrics(run) if line["event"] == "epoch"] for run in ("loop.run", "stored.run"))
        for a, b in zip(loop, stored):
            self.assertAlmostEqual(a["loss"], b["loss"], places=4)
            self.assertAlmostEqual(a["teacher"]["cosine"], b["teacher"]["cosine"], places=4)
            self.assertGreater(a["teacher"]["share"], 0)
            self.assertLess(a["teacher"]["share"], 1)
        self.assertGreater(loop[1]["teacher"]["cosine"], loop[0]["teacher"]["cosine"] + 0.1)

    def test_each_way_of_following_a_teacher(self):
        self.teach("--views", 2, "--aug", "digit")
        for way in ("cosine", "relations", "triplet"):
            with self.subTest(way):
                others = [f"--teacher-{name}" for name in ("cosine", "relations", "triplet") if name != way]
                self.ok(*self.student("--epochs", 6, "--aug", "digit", f"--teacher-{way}", 1, others[0], 0, others[1], 0,
                                      "--checkpoint-epochs", 6, teacher="views.safetensors", out=way + ".safetensors"))
                losses = [line["loss"] for line in self.metrics(way + ".run") if line["event"] == "epoch"]
                self.assertLess(losses[-1], 0.8 * losses[0])

    def test_labels_beside_a_teacher(self):
        self.ok(*self.student("--epochs", 2, "--loss", "triplet", "--pk", 4, 4))
        last = [line for line in self.metrics("student.run") if line["event"] == "epoch"][-1]
        self.assertIn("triplets", last)
        self.assertIn("cosine", last["teacher"])

    def test_two_ranks_are_one_with_the_double_batch(self):
        self.need_gloo()
        flags = ("--epochs", 1, "--teacher-triplet", 1)
        self.ok(*self.student(*flags, "--batch-size", 32, out="one.safetensors"))
        done = self.ranks(self.student(*flags, "--batch-size", 16, out="two.safetensors"))
        self.assertEqual([code for code, _, _ in done], [0, 0], done)
        self.assertAlmostEqual(self.cosine("one.run"), self.cosine("two.run"), places=2)

    def test_killed_and_resumed_gives_the_unbroken_runs_bits(self):
        self.teach("--views", 3, "--aug", "digit")
        # Without momentum, so that the many checkpoints are small.
        flags = ["--epochs", 2, "--aug", "digit", "--teacher-triplet", 1, "--checkpoint-every", 0, "--recipe", "the same",
                 "--optimizer", "sgd", "--momentum", 0, "--no-nesterov", "--lr", 0.005]
        self.ok(*self.student(*flags, teacher="views.safetensors", out="unbroken.safetensors"))
        resume = self.student(*flags, "--resume", teacher="views.safetensors", out="broken.safetensors")
        self.killed_while_training(resume, self.path("broken.run", "checkpoint.safetensors"), 3)
        self.ok(*resume)
        self.same_weights("unbroken.safetensors", "broken.safetensors")
        self.teach("--views", 3, "--aug", "digit", "--seed", 2)
        self.fails(*resume, says=["teacher"])

    def test_a_build_without_opencv_learns_from_vectors(self):
        self.program = TRIPLET_TRAIN_BARE
        self.ok(*self.student("--epochs", 1))

    def test_pictures_that_were_cut_by_the_teachers_rule(self):
        points = [[0.33, 0.29], [0.67, 0.3], [0.49, 0.51], [0.36, 0.68], [0.64, 0.68]]
        self.describe(five_points=points)
        for name in ("a", "b"):
            self.write(f"chips/{name}/1.pgm", pgm(24, 24, seed=ord(name)))
        pack = ("pack", "--teacher", "teacher.onnx", "--channels", 1, "chips")
        self.ok(*pack, "--as-cut", "--size", 24, "--out", "whole")
        metadata, tensors = read_safetensors(self.path("whole"))
        self.assertEqual(tensors["images"][2], b"".join(pgm(24, 24, seed=ord(name))[-576:] for name in ("a", "b")))
        for found, expected in zip(json.loads(metadata["crop"])["five_points"], points):
            self.assertAlmostEqual(found[0], expected[0], places=5)
            self.assertAlmostEqual(found[1], expected[1], places=5)
        # The network's picture is the middle of what is packed.
        self.ok(*pack, "--as-cut", "--size", 16, "--field-of-view", 2 / 3, "--context", 1.5, "--out", "room")
        self.assertEqual(read_safetensors(self.path("room"))[1]["images"][2], tensors["images"][2])
        self.fails(*pack, "--size", 24, "--out", "v", says=["--as-cut"])
        self.fails(*pack, "--as-cut", "--detect", "--size", 24, "--out", "v", says=["--as-cut", "--detect"], code=2)
        self.describe()
        self.fails(*pack, "--as-cut", "--size", 24, "--out", "v", says=["--as-cut", "'whole'"])

    def test_blends_of_two_pictures(self):
        self.ok("blend", "--data", "set", "--count", 40, "--out", "blends")
        metadata, tensors = read_safetensors(self.path("blends"))
        first, blends = (read_safetensors(self.path(name))[1]["images"] for name in ("set", "blends"))
        self.assertEqual(blends[1], [40, 16, 16, 1])
        sources, known = (json.loads(read_safetensors(self.path(name))[0]["sources"]) for name in ("blends", "set"))
        pictures = [first[2][i:i + 256] for i in range(0, len(first[2]), 256)]
        for number, source in enumerate(sources):
            one, two = (pictures[known.index(part)] for part in source.split(": ")[1].split(" + "))
            pixel, corner = blends[2][256 * number], [(a, b) for a in (one[0], one[15]) for b in (two[0], two[15])]
            self.assertTrue(any(min(pair) <= pixel <= max(pair) for pair in corner), source)
        # A student of blends, which have no labels.
        self.ok("teach", "--teacher", "teacher.onnx", "--data", "blends", "--out", "of-blends.safetensors")
        self.ok("train", "--data", "set,blends", "--teacher", "vectors.safetensors,of-blends.safetensors", "--epochs", 1,
                "--threads", 1, "--out", "student.safetensors")
        # Sets of the same pictures are blended alike.
        self.ok("blend", "--data", "set", "--count", 40, "--out", "again")
        self.ok("blend", "--data", "set", "--count", 40, "--seed", 2, "--out", "other")
        self.assertEqual(self.content("again"), self.content("blends"))
        self.assertNotEqual(read_safetensors(self.path("other"))[1], tensors)
        self.assertEqual(metadata["kind"], "tripletembed.dataset")
        self.fails("blend", "--data", "set", "--count", 1, "--out", "set", says=["set"])

    def test_wrong_teachers(self):
        teach = ("teach", "--teacher", "teacher.onnx", "--data", "set", "--out", "v")
        for changes, says in (
                ({"sha256": "0" * 64}, ["teacher.json", "sha256", "another network"]),
                ({"size": 24}, ["teacher.onnx", "takes [", "24x24"]),
                ({"order": "rgb", "mean": [0, 0, 0]}, ["teacher.onnx"]),
                ({"order": "purple"}, ["teacher.json", "order", "'grey' expected"]),
                ({"mean": [0, 1]}, ["teacher.json", "mean", "as many numbers as channels"]),
                ({"scale": 0}, ["teacher.json", "scale"]),
                ({"terms": None}, ["teacher.json", "terms"]),
                ({"five_points": [[0.3, 0.3], [0.7, 0.3]]}, ["teacher.json", "five_points", "five pairs"]),
                ({"five_points": [[0.3, 0.3], [0.7, 0.3], [0.5, 0.5], [0.3, 0.7], [0.7, 0.7]]},
                 ["teacher.onnx", "'five-point'", "'whole'"])):
            with self.subTest(changes):
                self.describe(**changes)
                self.fails(*teach, says=says)
                self.assertFalse(os.path.exists(self.path("v")))
        self.write("teacher.json", "[")
        self.fails(*teach, says=["teacher.json", "JSON object"])
        os.remove(self.path("teacher.json"))
        self.fails(*teach, says=["teacher.json", "no such file", "how a face is cut"])
        with open(self.path("teacher.onnx"), "rb") as file:
            whole = file.read()
        os.remove(self.path("teacher.onnx"))  # A link to what the other tests read.
        for broken in (b"", whole[:1000], b"no network at all"):
            self.write("teacher.onnx", broken)
            self.describe()
            self.fails(*teach, says=["teacher.onnx"])

    def test_wrong_vectors(self):
        metadata, tensors = read_safetensors(self.path("vectors.safetensors"))
        sources = json.loads(metadata["sources"])
        for name, changes, says in (
                ("missing", {"sources": json.dumps(["x", *sources[1:]])}, ["missing", "sources", "no vector for the picture"]),
                ("twice", {"sources": json.dumps([sources[1], *sources[1:]])}, ["twice", "sources", "63 different"]),
                ("views", {"views": "{}"}, ["views", "count"]),
                ("kind", {"kind": "tripletembed.weights"}, ["kind"])):
            with self.subTest(name):
                write_safetensors(self.path(name), tensors, {**metadata, **changes})
                self.fails(*self.student("--epochs", 1, teacher=name), says=says)
        self.teach("--views", 2, "--aug", "digit")
        self.fails(*self.student("--epochs", 1, teacher="views.safetensors"), says=["views", "--aug"])
        self.fails(*self.student("--epochs", 1, teacher="views.safetensors,vectors.safetensors"), says=["views"])
        # Of an earlier version, which could change faces by other amounts.
        metadata, tensors = read_safetensors(self.path("views.safetensors"))
        for turn, works in ((0, True), (12.5, False)):
            views = {**json.loads(metadata["views"]), "aug-strength": 1.0, "aug-light": 1, "aug-turn": turn}
            write_safetensors(self.path("old.safetensors"), tensors, {**metadata, "views": json.dumps(views)})
            student = self.student("--epochs", 1, "--aug", "digit", teacher="old.safetensors")
            if works:
                self.ok(*student)
            else:
                self.fails(*student, says=["old.safetensors", "views", "aug-turn"])

    def test_flags_that_make_no_sense(self):
        for flags, says in ((["--pk", 4, 4], "pk"), (["--head", "linear"], "head"),
                            (["--teacher-cosine", 0, "--teacher-relations", 0], "teacher-cosine")):
            with self.subTest(flags):
                self.fails(*self.student("--epochs", 1, *flags), says=["--" + says])
        self.fails("train", "--data", "set", "--teacher", "vectors.safetensors", "--val-fraction", 0.2, "--out", "w",
                   says=["--val-fraction"])
        self.fails(*self.train("--epochs", 1, "--loss", "none"), says=["--teacher"])
        self.fails(*self.train("--epochs", 1, "--teacher-relations", 2), says=["--teacher-relations"], code=2)
        self.fails("teach", "--teacher", "teacher.onnx", "--data", "set", "--out", "v", "--views", 2, says=["--views", "--aug"])


if __name__ == "__main__":
    unittest.main()
