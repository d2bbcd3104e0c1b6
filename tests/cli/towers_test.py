# SPDX-License-Identifier: LGPL-2.1-or-later
"""triplet-train with two kinds of picture: whole runs with one network and with two, killed, resumed and refused."""
import json
import os
import socket
import struct
import subprocess
import unittest

from support import CliTest, TRIPLET_TRAIN, idx_labels, read_safetensors


class Towers(CliTest):
    def kind(self, name, turn=0, count=64, classes=4, size=16, flags=()):
        """Class c shows pattern c + turn: stripes of two widths that lie or stand, each image with a shift of its own. Sets
        with different turns look alike and mean different things."""
        labels = [i % classes for i in range(count)]
        pixels = bytearray()
        for i, label in enumerate(labels):
            pattern = (label + turn) % 4
            for y in range(16):
                for x in range(16):
                    along = (x if pattern % 2 else y) + i // classes
                    pixels.append(220 - i % 7 if along // (2 + 2 * (pattern // 2)) % 2 else 30 + i % 5)
        self.write(name + "-images", struct.pack(">IIII", 0x803, count, 16, 16) + bytes(pixels))
        self.write(name + "-labels", idx_labels(labels))
        self.ok("pack", "--out", name, "--size", size, "--channels", 1, *flags, name + "-images")
        return name

    def train(self, *args, towers="separate", out="w.safetensors"):
        return ("train", "--data", "a", "--data-other", "b", "--towers", towers, "--out", out, "--threads", 1,
                "--val-fraction", 0, *args)

    def across(self, towers, *args):
        other = ("--other-weights", "w-other.safetensors") if towers == "separate" else ()
        return self.ok_json("evaluate", "--weights", "w.safetensors", "--data", "a", "--other-data", "b", *other, *args)

    def metrics(self, run="w.run"):
        with open(self.path(run, "metrics.jsonl"), encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    def test_one_network_and_two_are_trained_and_evaluated(self):
        # The same pictures under other names, which two networks learn.
        self.kind("a")
        self.kind("b", turn=1)
        for towers, epochs in (("shared", 1), ("separate", 8)):
            done = self.ok(*self.train("--loss", "triplet", "--pk", 4, 4, "--epochs", epochs, "--lr", 0.01, "--val", "a",
                                       "--val-other", "b", "--select", "last", "--eval-every", epochs, "--checkpoint-epochs", epochs,
                                       towers=towers))
            self.assertIn("two kinds of picture: 64 images of the first, 64 of the second", done.stderr)
            self.assertEqual("w-other.safetensors" in done.stdout, towers == "separate")
            result = self.across(towers)
            # Training validated the same pairs.
            last = [line for line in self.metrics() if line["event"] == "epoch"][-1]["validation"]
            # The embedder folds and rounds otherwise than the trainer; pairs that lie close change places.
            self.assertAlmostEqual(last["auc"], result["auc"], delta=0.005)
            self.assertEqual(result["genuine_pairs"], 4 * 16 * 16)
            self.assertEqual(result["impostor_pairs"], 64 * 64 - 4 * 16 * 16)
            self.assertEqual(result["triplets"], 4 * 15)
            self.assertEqual(result["all_triplets"], 64 * 16 * 48)
        self.assertGreater(result["all_triplets_accuracy_strict"], 0.9)
        self.assertGreater(result["nearest_accuracy"], 0.9)
        self.assertEqual(result["towers"], "separate")
        one, two = (read_safetensors(self.path(name)) for name in ("w.safetensors", "w-other.safetensors"))
        for key in ("threshold", "metric", "input", "crop"):
            self.assertEqual(one[0].get(key), two[0].get(key), key)
        self.assertFalse(one[1] == two[1], "two networks")
        # Calibration reaches both files.
        calibrated = self.across("separate", "--calibrate", "--far", 0.05)["calibrated_threshold"]
        for name in ("w.safetensors", "w-other.safetensors"):
            self.assertAlmostEqual(float(read_safetensors(self.path(name))[0]["threshold"]), calibrated, places=6)
        intervals = self.across("separate", "--bootstrap", 20)["intervals_95"]
        self.assertLessEqual(intervals["auc"][0], intervals["auc"][1])

    def test_every_loss_makes_a_step_with_both_kinds_of_towers(self):
        self.kind("a", count=32)
        self.kind("b", count=24, flags=["--transform", "edges,invert"])
        for towers, flags in (
                ("shared", ["--note", "--batch-size", 16]),
                ("separate", ["--loss", "triplet", "--miner", "offline", "--batch-size", 7, "--separate-passes"]),
                ("shared", ["--loss", "triplet", "--miner", "semi-hard", "--pk", 3, 2, "--memory", 20, "--metric", "l2"]),
                ("separate", ["--loss", "triplet", "--miner", "all-hard", "--pk", 2, 4, "--class-loss", "cosface"]),
                ("separate", ["--loss", "contrastive", "--pk", 4, 3, "--accumulate", 2, "--precision", "bf16"]),
                ("separate", ["--loss", "softmax", "--batch-size", 15, "--ema", 0.9, "--optimizer", "adamw", "--lr", 0.001])):
            with self.subTest(towers=towers, flags=flags):
                self.ok(*self.train("--epochs", 1, "--run-dir", "r", *flags, towers=towers))
                self.assertGreater(self.across(towers)["spread"], 0)

    def test_killed_and_resumed_gives_the_unbroken_runs_bits(self):
        # Four batches, two updates and so two checkpoints an epoch.
        self.kind("a", count=40)
        self.kind("b", turn=1, count=48)
        flags = ["--epochs", 2, "--aug", "digit", "--recipe", "the same", "--loss", "triplet",
                 "--pk", 4, 3, "--memory", 24, "--class-loss", "softmax", "--ema", 0.9, "--accumulate", 2]
        self.ok(*self.train(*flags, "--checkpoint-every", 600, out="unbroken.safetensors"))
        checkpoint = self.path("broken.run", "checkpoint.safetensors")
        resume = self.train(*flags, "--checkpoint-every", 0, "--resume", out="broken.safetensors")
        # In the middle of the second epoch; the tests of one network are killed twice.
        self.assertTrue(self.killed_while_training(resume, checkpoint, 3), "the run was over before it could be killed")
        self.ok(*resume)
        for name in ("", "-other"):
            # Not assertEqual: it would spell out the difference of megabytes.
            self.assertTrue(read_safetensors(self.path("unbroken%s.safetensors" % name))[1] ==
                            read_safetensors(self.path("broken%s.safetensors" % name))[1], "other weights")

    def test_resume_refuses_other_towers_and_another_second_set(self):
        self.kind("a", count=32)
        self.kind("b", turn=1, count=32)
        self.ok(*self.train("--epochs", 1))
        self.fails(*self.train("--epochs", 1, "--resume", towers="shared"), says=["checkpoint.safetensors", "--towers"])
        self.kind("b", turn=2, count=32)
        self.fails(*self.train("--epochs", 1, "--resume"), says=["checkpoint.safetensors", "--data-other"])
        self.fails("train", "--data", "a", "--out", "w.safetensors", "--val-fraction", 0, "--resume", "--epochs", 1,
                   says=["checkpoint.safetensors"])

    def test_two_ranks_are_one_with_the_double_batch(self):
        if os.environ.get("HAVE_GLOO") != "1":
            self.skipTest("this build has no Gloo")
        self.kind("a", count=24, size=24)
        self.kind("b", turn=1, count=24, size=24)
        base = self.train("--epochs", 1, "--warmup-epochs", 0, "--lr", 1e-6, "--loss", "triplet", "--no-neck", out="{}.safetensors")
        two, one = (tuple(str(a).format(name) for a in base) for name in ("two", "one"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        ranks = [subprocess.Popen([TRIPLET_TRAIN, *two, "--pk", "2", "3"], cwd=self.folder, text=True,
                                  env=dict(os.environ, RANK=str(rank), WORLD_SIZE="2", LOCAL_RANK=str(rank),
                                           MASTER_ADDR="127.0.0.1", MASTER_PORT=port),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) for rank in range(2)]
        for process in ranks:
            said = process.communicate(timeout=400)
            self.assertEqual(process.returncode, 0, said)
        self.ok(*one, "--pk", 4, 3)
        a, b = ([line for line in self.metrics(run) if line["event"] == "epoch"][-1] for run in ("two.run", "one.run"))
        self.assertAlmostEqual(a["loss"], b["loss"], delta=1e-3)
        self.assertAlmostEqual(a["gradient_norm"], b["gradient_norm"], delta=2e-2 * b["gradient_norm"])

    def test_refusals_name_what_is_wrong(self):
        self.kind("a", count=16)
        self.kind("b", turn=1, count=16)
        self.kind("wide", count=16, size=20)
        start = ("train", "--data", "a", "--out", "w.safetensors", "--val-fraction", 0, "--epochs", 1)
        self.fails(*start, "--towers", "separate", says=["--towers", "--data-other"])
        self.fails(*start, "--val-other", "b", says=["--val-other"])
        self.fails(*start, "--data-other", "wide", says=["wide", "20x20"])
        self.fails(*start, "--data-other", "none", says=["none", "No such file"])
        self.fails(*start, "--data-other", "b", "--out-other", "o", says=["--out-other", "--towers separate"])
        self.fails(*start, "--data-other", "b", "--val", "a", says=["--val-other"])
        self.fails(*self.train("--epochs", 1, "--out-other", "nowhere/o"), says=["nowhere/o", "no folder"])
        self.fails(*self.train("--epochs", 1, "--init-other", self.weights), says=["weights.safetensors", "channels"])
        self.fails(*self.train("--epochs", 1, "--pk", 5, 2), says=["--pk", "both kinds"])
        self.assertFalse(os.path.exists(self.path("w.safetensors")))
        self.ok(*self.train("--epochs", 1))
        os.symlink("w.safetensors", self.path("alias.safetensors"))
        for same in ("w.safetensors", "./w.safetensors", "alias.safetensors"):
            self.fails(*self.train("--epochs", 1, "--out-other", same), says=["--out-other", same])
        self.fails(*self.train("--epochs", 1, "--out-other", "b"), says=["b", "replace a data set"])
        self.assertIn("two kinds", self.ok("report", "w.run", "--out", "r.html").stderr)  # The curves are there.
        self.fails("evaluate", "--weights", "w.safetensors", "--data", "a", "--other-data", "wide", says=["wide"])
        self.fails("evaluate", "--weights", "w.safetensors", "--other-data", "b", says=["--data"], code=2)
        self.ok("pack", "--out", "strange", "--size", 16, "--channels", 1, "none=a-images")
        self.fails("evaluate", "--weights", "w.safetensors", "--data", "a", "--other-data", "strange",
                   says=["strange", "across the kinds"])

    def test_the_other_weights_must_measure_alike(self):
        self.kind("a", count=16)
        self.kind("b", turn=1, count=16)
        self.ok(*self.train("--epochs", 1, "--metric", "l2", towers="shared", out="l2.safetensors"))
        self.ok(*self.train("--epochs", 1, "--head", "sigmoid", towers="shared", out="sigmoid.safetensors"))
        self.ok(*self.train("--epochs", 1, towers="shared"))
        base = ("evaluate", "--weights", "w.safetensors", "--data", "a", "--other-data", "b", "--other-weights")
        self.fails(*base, "l2.safetensors", says=["l2.safetensors", "--metric"])
        self.ok(*base, "l2.safetensors", "--metric", "cosine")
        self.fails(*base, "sigmoid.safetensors", says=["sigmoid"])


if __name__ == "__main__":
    unittest.main()
