# SPDX-License-Identifier: LGPL-2.1-or-later
"""training/recipes/*.sh from data to figures, with an epoch or so on tiny sets: a flag that is gone breaks a recipe, and
nobody runs one for hours to find out."""
import hashlib
import json
import os
import struct
import subprocess
import unittest

from support import DATA, TRIPLET_TRAIN, YUNET, CliTest, compress, idx_labels, needs_real_data, pgm

RECIPES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "training", "recipes")


class RecipeTest(CliTest):
    def recipe(self, name, *args, **settings):
        environment = {key: value for key, value in os.environ.items() if not key.startswith("TRIPLETEMBED_")}
        environment["PATH"] = os.path.dirname(TRIPLET_TRAIN) + os.pathsep + environment["PATH"]
        environment.update({"EPOCHS": "1", "DEVICE": "cpu"}, **{key: str(value) for key, value in settings.items()})
        done = subprocess.run(["bash", os.path.join(RECIPES, name), *args], capture_output=True, text=True,
                              env=environment, cwd=self.folder, timeout=1200, check=False)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        return done.stdout

    def usage(self, name):
        done = subprocess.run(["bash", os.path.join(RECIPES, name)], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"./run exec training/recipes/{name} ", done.stderr)

    def result(self, *names):
        with open(self.path(*names), encoding="utf-8") as file:
            return json.load(file)

    def rates(self, result, *names):
        for name in names:
            self.assertGreaterEqual(result[name], 0, name)
            self.assertLessEqual(result[name], 1, name)


class OfDigits(RecipeTest):
    def setUp(self):
        super().setUp()
        for part, count in (("train", 120), ("t10k", 60)):
            labels = [i % 10 for i in range(count)]
            pixels = bytearray()
            for i, label in enumerate(labels):
                pixels += bytes(230 if (x + i // 10) // (label + 2) % 2 else 20 for _ in range(28) for x in range(28))
            images = struct.pack(">IIII", 0x803, count, 28, 28) + bytes(pixels)
            self.write(f"mnist/{part}-images-idx3-ubyte.gz", compress(images))
            self.write(f"mnist/{part}-labels-idx1-ubyte.gz", compress(idx_labels(labels)))

    def test_mnist(self):
        self.usage("mnist.sh")
        self.recipe("mnist.sh", "mnist", "work", SIZE=28)
        first = self.result("work", "mnist-seed1.json")
        self.rates(first, "nearest_accuracy", "triplet_accuracy", "auc")
        self.recipe("mnist.sh", "mnist", "work", SIZE=28)
        self.assertEqual(self.result("work", "mnist-seed1.json"), first, "what is done was done again")

    def test_unseen_digits(self):
        self.usage("mnist-unseen.sh")
        self.recipe("mnist-unseen.sh", "mnist", "work", SIZE=28)
        found = self.result("work", "unseen-seed1.json")
        self.assertEqual(found["identities"], 3)
        self.assertEqual(found["images"], 18)
        self.rates(found, "auc", "eer")

    def test_the_note_on_digits(self):
        self.usage("note-mnist.sh")
        printed = self.recipe("note-mnist.sh", "mnist", "work", LIMIT=6).splitlines()
        self.rates(json.loads(printed[-1]), "nearest_accuracy", "triplet_accuracy")


class OfFewFaces(RecipeTest):
    def setUp(self):
        super().setUp()
        for person in range(10):
            for picture in range(4):
                self.write(f"orl/s{person + 1}/{picture + 1}.pgm", pgm(46, 56, seed=10 * person + picture))

    def test_orl(self):
        self.usage("orl.sh")
        lines = self.recipe("orl.sh", "orl", "work", "0:1", "3:1", SIZE=32).splitlines()
        self.assertIn("fold0-seed1.json", lines[1])
        self.assertIn("fold3-seed1.json", lines[2])
        self.assertTrue(lines[3].startswith("mean"))
        with open(self.path("work", "test-3.txt"), encoding="utf-8") as people:
            self.assertEqual(people.read().split(), ["s4", "s9"])
        found = self.result("work", "fold3-seed1.json")
        self.assertEqual((found["identities"], found["images"]), (2, 8))

    def test_the_note_on_faces(self):
        self.usage("note-faces.sh")
        printed = self.recipe("note-faces.sh", "orl", "work", BATCH=4).splitlines()
        self.rates(json.loads(printed[-1]), "triplet_accuracy")

    def test_the_notes_failure(self):
        self.usage("note-failure.sh")
        self.recipe("note-failure.sh", "orl", "work", EPOCHS=2)
        with open(self.path("work", "note-failure.svg"), encoding="utf-8") as picture:
            self.assertIn("32 triplets a batch", picture.read())


@needs_real_data
class OfFaces(RecipeTest):
    """People of LFW with two pictures: ten are view 1's for training, 24 for tests, enough to calibrate on."""

    def setUp(self):
        super().setUp()
        lfw = os.path.join(DATA, "lfw")
        of_two = (name for name in sorted(os.listdir(lfw)) if len(os.listdir(os.path.join(lfw, name))) == 2)
        self.people = [name for name, _ in zip(of_two, range(34))]
        os.makedirs(self.path("data", "models"))
        os.symlink(YUNET, self.path("data", "models", os.path.basename(YUNET)))
        os.makedirs(self.path("data", "lfw"))
        for name in self.people:
            os.symlink(os.path.join(lfw, name), self.path("data", "lfw", name))
        lists = {"peopleDevTrain": self.people[:10], "peopleDevTest": self.people[10:]}
        for name, people in lists.items():
            lines = [str(len(people)), *(f"{one}\t2" for one in people)]
            self.write(f"data/lfw-protocol/{name}.txt", "\n".join(lines) + "\n")
            pairs = [str(len(people)), *self.pairs(people)]
            self.write(f"data/lfw-protocol/{name.replace('people', 'pairs')}.txt", "\n".join(pairs) + "\n")
        folds = [self.people[2 * fold:2 * fold + 2] for fold in range(10)]
        people = ["10"] + [line for fold in folds for line in ["2", *(f"{one}\t2" for one in fold)]]
        self.write("data/lfw-protocol/people.txt", "\n".join(people) + "\n")
        pairs = ["10\t2"] + [line for fold in folds for line in self.pairs(fold)]
        self.write("data/lfw-protocol/pairs.txt", "\n".join(pairs) + "\n")

    @staticmethod
    def pairs(people):
        return [*(f"{one}\t1\t2" for one in people),
                *(f"{one}\t1\t{people[(i + 1) % len(people)]}\t2" for i, one in enumerate(people))]

    def test_lfw_alone_in_both_views(self):
        self.usage("lfw.sh")
        self.usage("lfw-view2.sh")
        lines = self.recipe("lfw-view2.sh", "data", "work", SIZE=32, JOBS=2).splitlines()
        self.assertTrue(lines[-2].startswith("mean"), lines)
        self.assertTrue(lines[-1].startswith("standard error"), lines)
        view1 = self.result("work", "lfw-seed1.json")
        self.assertEqual(view1["pairs"], 48)
        self.assertEqual(self.result("work", "lfw-seed1-trained-threshold.json")["threshold_from"], "the threshold pairs")
        for fold in range(10):
            with open(self.path("work", f"people-{fold + 1}.txt"), encoding="utf-8") as left_out:
                self.assertEqual([line.split("\t")[0] for line in left_out], self.people[2 * fold:2 * fold + 2])
            found = self.result("work", f"lfw-fold{fold + 1}-seed1.json")
            self.assertEqual(found["pairs"], 4)
            self.assertAlmostEqual(found["threshold"], view1["best_threshold"], places=5)

    def test_the_default_weights(self):
        self.usage("default.sh")
        self.usage("teacher-dlib.sh")
        # People with six pictures to be named, enough people to calibrate on, and a random network as the teacher.
        lfw = os.path.join(DATA, "lfw")
        sizes = {name: len(os.listdir(os.path.join(lfw, name))) for name in sorted(os.listdir(lfw))}
        several = [name for name, size in sizes.items() if size == 6][:3]
        calibration = [name for name, size in sizes.items() if size == 2 and name not in self.people][:72]
        for name in [*several, *calibration]:
            os.symlink(os.path.join(lfw, name), self.path("data", "lfw", name))
        for name, people in (("Train", calibration), ("Test", [*self.people[10:], *several])):
            self.write(f"data/lfw-protocol/peopleDev{name}.txt",
                       "\n".join([str(len(people)), *(f"{one}\t2" for one in people)]) + "\n")
        for number, name in enumerate(self.people[:10]):
            os.symlink(os.path.join(lfw, name), self.path("data", "fairface", f"{number:02d}"))
        self.ok("pack", "--size", 24, "--out", "for-teacher", "data/fairface")
        self.ok("train", "--data", "for-teacher", "--epochs", 1, "--lr", 0, "--loss", "softmax", "--no-neck", "--val-fraction", 0,
                "--threads", 1, "--out", "random.safetensors")
        teacher = self.path("work", "dlib.onnx")
        self.ok("export", "--weights", "random.safetensors", "--out", teacher)
        with open(teacher, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        points = [[0.333, 0.295], [0.669, 0.297], [0.493, 0.511], [0.359, 0.681], [0.64, 0.682]]
        self.write("work/dlib.json", json.dumps({"name": "random", "terms": "anybody's", "sha256": digest, "size": 24, "order": "rgb",
                                                 "mean": [0, 0, 0], "scale": 1, "five_points": points}))
        printed = self.recipe("default.sh", "data", "out.safetensors", "work", SIZE=32, BLENDS=24, PEOPLE=2)
        self.assertEqual(json.loads(printed.splitlines()[-1])["pairs"], 48)
        self.assertIn("Of 2 people enrolled with 3 pictures each", printed)
        about = self.ok_json("inspect", "out.safetensors")
        self.assertEqual(about["metadata"]["recipe"], "training/recipes/default.sh")
        self.assertGreater(about["weights"]["far_table"]["comparisons"], 10000)
        self.assertEqual(json.loads(about["metadata"]["teacher"])["name"], "random")


if __name__ == "__main__":
    unittest.main()
