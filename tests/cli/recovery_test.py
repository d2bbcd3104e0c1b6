# SPDX-License-Identifier: LGPL-2.1-or-later
"""triplet-train when a run cannot go on: a loss that is not finite, full disks, read-only places, checkpoints of another
recipe. What was there before stays whole."""
import json
import os
import re
import resource
import unittest

from support import TrainTest, read_safetensors, write_safetensors

MEGABYTE = 1 << 20


class Diverging(TrainTest):
    def test_the_batch_is_named_whatever_mines(self):
        self.digits(count=48)
        for miner in ("batch-all", "all-hard", "batch-hard"):
            said = self.fails(*self.train("--loss", "triplet", "--miner", miner, "--pk", 2, 2, "--lr", 1000, "--warmup-epochs", 0,
                                          "--head", "linear", "--metric", "squared-l2", "--no-neck", out=miner),
                              says=["epoch 1, batch"]).stderr
            self.assertLess(int(re.search("epoch 1, batch ([0-9]+)", said).group(1)), 10, said)

    def test_a_finished_run_does_not_name_weights_that_are_not_there(self):
        self.digits(count=32)
        flags = ("--epochs", 1, "--lr", 0.001, "--run-dir", "run")
        self.ok(*self.train(*flags))
        self.ok(*self.train(*flags, "--resume"))
        self.fails(*self.train(*flags, "--resume", out="moved.safetensors"), says=["moved.safetensors", "--out"])

    def test_a_checkpoint_of_impossible_progress_is_refused(self):
        self.digits(count=32)
        flags = self.train("--epochs", 1, "--lr", 0.001)
        self.ok(*flags)
        path = self.path("w.run", "checkpoint.safetensors")
        metadata, tensors = read_safetensors(path)
        good = json.loads(metadata["progress"])
        for change in ({"batch": 999999}, {"epoch": -1}, {"epoch": 7}, {"step": 0.5}):
            with self.subTest(change):
                metadata["progress"] = json.dumps({**good, **change})
                write_safetensors(path, tensors, metadata)
                self.fails(*flags, "--resume", says=["checkpoint.safetensors", "progress", "expected"])

    def test_the_last_good_checkpoint_stays_and_can_be_resumed(self):
        self.digits(count=256)
        flags = self.train("--epochs", 4, "--lr", 1000, "--warmup-epochs", 3, "--head", "linear", "--loss", "softmax",
                           "--no-neck", "--checkpoint-every", 0)
        said = self.fails(*flags, says=["epoch", "batch", "checkpoint.safetensors", "--lr"]).stderr
        checkpoint = self.content("w.run/checkpoint.safetensors")
        progress = json.loads(read_safetensors(self.path("w.run", "checkpoint.safetensors"))[0]["progress"])
        self.assertGreater(progress["step"], 0)
        for dtype, _, data in read_safetensors(self.path("w.run", "checkpoint.safetensors"))[1].values():
            self.assertEqual(dtype, "F32")
            # The bits of exponents that are all ones: infinite or not a number.
            words = memoryview(data).cast("I")
            self.assertFalse(any(word & 0x7F800000 == 0x7F800000 for word in words[::97]))
        again = self.fails(*flags, "--resume", says=["resumed after"]).stderr
        self.assertEqual(said.splitlines()[-1], again.splitlines()[-1], "the same batch fails again")
        self.assertTrue(self.content("w.run/checkpoint.safetensors") == checkpoint, "the checkpoint was touched")


class FullDisk(TrainTest):
    """A limit on a file's size gives EFBIG where a full disk gives ENOSPC, for root as for anyone."""

    def limited(self, size, *args):
        return self.run_tool(*args, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))

    def fails_at(self, size, name, *args):
        done = self.limited(size, *args)
        self.assertEqual(done.returncode, 1, done.stderr)
        last = done.stderr.splitlines()[-1]
        self.assertTrue(last.startswith("triplet-train: "), last)
        self.assertIn(name, last)
        left = [file for _, _, files in os.walk(self.folder) for file in files if ".part-" in file]
        self.assertEqual(left, [])

    def test_training_fails_by_name_and_leaves_what_was_there(self):
        self.digits(count=32)
        self.ok(*self.train("--epochs", 1, "--lr", 0.001))
        names = ("w.safetensors", "w.run/checkpoint.safetensors")
        weights, checkpoint = (self.content(name) for name in names)
        self.assertLess(len(weights), 60 * MEGABYTE)
        self.assertGreater(len(checkpoint), 60 * MEGABYTE)
        flags = self.train("--epochs", 2, "--lr", 0.002)
        self.fails_at(MEGABYTE, "w.safetensors: cannot write", *flags)
        self.assertTrue(self.content(names[0]) == weights)
        self.fails_at(60 * MEGABYTE, "checkpoint.safetensors: cannot write", *flags)
        self.assertTrue(self.content(names[1]) == checkpoint)
        self.assertFalse(self.content(names[0]) == weights, "the epoch's weights were written whole")
        self.ok("inspect", "w.safetensors")

    def test_metrics_fail_by_name_and_keep_whole_lines(self):
        self.digits(count=32)
        self.ok(*self.train("--epochs", 1, "--lr", 0.001))
        before = self.content("w.run/metrics.jsonl")
        self.fails_at(len(before) + 300, "metrics.jsonl: cannot be written",
                      *self.train("--epochs", 1, "--lr", 0.001, "--resume"))
        self.assertEqual(self.content("w.run/metrics.jsonl"), before)
        self.fails_at(10, "events.out.tfevents", *self.train("--epochs", 1, "--lr", 0.001, "--run-dir", "other"))

    def test_the_other_commands(self):
        self.digits(count=32)
        self.ok(*self.train("--epochs", 1, "--lr", 0.001))
        self.fails_at(1000, "other: cannot write", "pack", "--out", "other", "--size", 16, "--channels", 1, "set-images")
        self.fails_at(MEGABYTE, "w.onnx: cannot write", "export", "--weights", "w.safetensors", "--out", "w.onnx")
        self.fails_at(MEGABYTE, "x.safetensors: cannot write", "import", "w.safetensors", "--channels", 1, "--out",
                      "x.safetensors")
        self.assertEqual(sorted(set(os.listdir(self.folder)) - {"w.run"}), ["set", "set-images", "set-labels", "w.safetensors"])


class Places(TrainTest):
    def test_a_place_that_cannot_be_written_is_told_before_training(self):
        self.digits(count=32)
        os.mkfifo(self.path("pipe"))
        os.mkdir(self.path("folder"))
        # /proc: not even root can make a file there.
        for out, words in (("/proc/w.safetensors", "/proc/w.safetensors"), ("pipe", "no regular file"), ("folder", "a folder"),
                           ("none/w.safetensors", "no folder")):
            with self.subTest(out):
                done = self.fails(*self.train("--run-dir", "run", out=out), says=[out, words])
                self.assertNotIn("images of", done.stderr)
        self.assertFalse(os.path.exists(self.path("run")))
        for run, words in (("/proc/run", "/proc/run"), ("set", "set")):
            self.fails(*self.train("--run-dir", run), says=[words])
        os.makedirs(self.path("blocked", "checkpoint.safetensors"))
        self.fails(*self.train("--run-dir", "blocked"), says=["checkpoint.safetensors", "folder"])

    def test_a_run_that_cannot_begin_leaves_the_old_metrics(self):
        self.digits(count=32)
        self.ok(*self.train("--epochs", 1, "--lr", 0.001))
        before = self.content("w.run/metrics.jsonl")
        self.fails(*self.train("--run-dir", "w.run", out="none/w.safetensors"), says=["no folder"])
        self.assertEqual(self.content("w.run/metrics.jsonl"), before)

    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_a_read_only_folder(self):
        self.digits(count=32)
        os.mkdir(self.path("locked"))
        os.chmod(self.path("locked"), 0o555)
        self.fails(*self.train(out="locked/w.safetensors"), says=["locked/w.safetensors", "Permission denied"])


class Resumed(TrainTest):
    def test_another_recipe_is_refused_with_the_first_option_that_differs(self):
        self.digits(count=32)
        self.ok(*self.train("--epochs", 1, "--lr", 0.001))
        self.fails(*self.train("--epochs", 1, "--lr", 0.001, "--optimizer", "adamw", "--cos-margin", 0.1, "--resume"),
                   says=["checkpoint.safetensors", "--cos-margin 0.25", "this run has 0.1"])
        self.digits("other", count=92)
        self.fails(*self.train("--epochs", 1, "--lr", 0.001, "--resume", data="other"), says=["--data"])
        with open(self.weights, "rb") as file:
            self.write("w.run/checkpoint.safetensors", file.read())
        self.fails(*self.train("--epochs", 1, "--resume"), says=["checkpoint.safetensors", "kind"])

    def test_whatever_decides_the_weights_must_stay(self):
        self.digits(count=32)
        self.ok(*self.train("--epochs", 1, "--lr", 0.001, out="a.safetensors"))
        metadata, tensors = read_safetensors(self.path("a.safetensors"))
        dtype, shape, data = tensors["dense.bias"]
        write_safetensors(self.path("b.safetensors"), {**tensors, "dense.bias": (dtype, shape, bytes(len(data)))}, metadata)
        flags = ("--epochs", 1, "--lr", 0.001, "--val", "set")
        self.ok(*self.train(*flags, "--init", "a.safetensors"))
        for change in (("--val-flip",), ("--eval-every", 2), ("--storage", "bf16"), ("--seed", 3), ("--val-images", 30)):
            with self.subTest(change):
                self.fails(*self.train(*flags, "--init", "a.safetensors", *change, "--resume"), says=[change[0], "this run has"])
        self.fails(*self.train(*flags, "--init", "b.safetensors", "--resume"), says=["--init"])
        self.fails(*self.train(*flags, "--resume"), says=["--init"])
        # One pixel of one corner.
        metadata, tensors = read_safetensors(self.path("set"))
        dtype, shape, data = tensors["images"]
        tensors["images"] = (dtype, shape, bytes([data[0] ^ 255]) + bytes(data[1:]))
        write_safetensors(self.path("set"), tensors, metadata)
        self.fails(*self.train(*flags, "--init", "a.safetensors", "--resume"), says=["--data"])

    def test_a_changed_config_file_is_a_changed_recipe(self):
        self.digits(count=32)
        self.write("run.toml", 'epochs = 1\nlr = 0.001\nloss = "triplet"\npk = [2, 4]\nneck = false\n')
        self.ok(*self.train("--config", "run.toml"))
        options = self.metrics()[0]["options"]
        self.assertEqual((options["loss"], options["pk"], options["neck"]), ("triplet", "2 4", "false"))
        self.ok(*self.train("--config", "run.toml", "--resume"))
        self.write("run.toml", 'epochs = 1\nlr = 0.002\nloss = "triplet"\npk = [2, 4]\nneck = false\n')
        self.fails(*self.train("--config", "run.toml", "--resume"), says=["--lr 0.001", "this run has 0.002"])

    def test_a_line_that_was_cut_short_is_dropped(self):
        self.digits(count=32)
        self.ok(*self.train("--epochs", 1, "--lr", 0.001))
        whole = self.content("w.run/metrics.jsonl")
        self.write("w.run/metrics.jsonl", whole + b'{"event": "step", "los')
        self.ok(*self.train("--epochs", 1, "--lr", 0.001, "--resume"))
        self.assertTrue(self.content("w.run/metrics.jsonl").startswith(whole))
        self.assertEqual([line["event"] for line in self.metrics() if line["event"] != "step"], ["start", "epoch", "start"])


if __name__ == "__main__":
    unittest.main()
