# SPDX-License-Identifier: LGPL-2.1-or-later
"""triplet-train train stopped, killed and resumed."""
import json
import os
import shutil
import signal
import struct
import subprocess
import time
import unittest

from support import TRIPLET_TRAIN, TrainTest, read_safetensors, write_safetensors


class Resume(TrainTest):
    def test_checkpoints_every_few_epochs(self):
        self.digits(count=32)
        flags = ["--epochs", 5, "--checkpoint-epochs", 3, "--run-dir", "r", "--lr", 0.005]
        process = subprocess.Popen([TRIPLET_TRAIN, *map(str, self.train(*flags, out="broken.safetensors"))],
                                   cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not os.path.exists(self.path("r", "checkpoint.safetensors")):
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        epochs = [line["epoch"] for line in self.metrics("r") if line["event"] == "epoch"]
        self.assertGreaterEqual(len(epochs), 2)
        self.assertTrue(os.path.exists(self.path("broken.safetensors")))
        self.ok(*self.train(*flags, "--resume", out="broken.safetensors"))
        self.ok(*self.train("--epochs", 5, "--lr", 0.005, "--run-dir", "s", out="whole.safetensors"))
        self.assertEqual(read_safetensors(self.path("broken.safetensors"))[1], read_safetensors(self.path("whole.safetensors"))[1])
        self.fails(*self.train("--epochs", 1, "--checkpoint-epochs", 0), says=["checkpoint-epochs"])

    def test_killed_and_resumed_gives_the_unbroken_runs_bits(self):
        self.digits(count=48)  # Four batches, two updates and so two checkpoints an epoch.
        flags = ["--epochs", 2, "--aug", "digit", "--recipe", "the same", "--workers", 3,
                 "--loss", "triplet", "--pk", 4, 3, "--memory", 20, "--class-loss", "softmax", "--ema", 0.9,
                 "--margin-epochs", 1, "--accumulate", 2, "--clip-gradient", 5]
        self.ok(*self.train(*flags, "--checkpoint-every", 600, out="unbroken.safetensors"))
        resume = self.train(*flags, "--checkpoint-every", 0, "--resume", out="broken.safetensors")
        checkpoint = self.path("broken.run", "checkpoint.safetensors")
        # In the middle of the first epoch, and of the second.
        killed = [self.killed_while_training(resume, checkpoint, count) for count in (1, 2)]
        self.assertTrue(any(killed), "the run was over before it could be killed")
        self.ok(*resume)
        # Not assertEqual: it would spell out the difference of megabytes.
        self.assertTrue(read_safetensors(self.path("unbroken.safetensors"))[1] ==
                        read_safetensors(self.path("broken.safetensors"))[1], "other weights")

    def interrupt_in_mid_epoch(self, flags, batches):
        """Kills a run that writes a checkpoint at every update inside its second epoch; returns the checkpoint's progress."""
        checkpoint = self.path("broken.run", "checkpoint.safetensors")

        def progress():
            # The header alone, for it is asked often.
            with open(checkpoint, "rb") as file:
                header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
            return json.loads(header["__metadata__"]["progress"])

        def inside():
            if not os.path.exists(checkpoint):
                return False
            now = progress()
            return now["epoch"] == 1 and 0 < now["batch"] < batches

        for _ in range(10):
            process = subprocess.Popen([TRIPLET_TRAIN, *map(str, flags)], cwd=self.folder, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            while process.poll() is None and not inside():
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
            process.wait()
            if inside():
                return progress()
        self.fail("the run was never caught in mid-epoch")

    def test_the_interrupted_epochs_line_is_of_the_whole_epoch(self):
        self.digits(count=48)
        flags = ("--epochs", 2, "--lr", 0.005, "--loss", "triplet", "--pk", 4, 3)
        self.ok(*self.train(*flags, out="unbroken.safetensors"))
        broken = self.train(*flags, "--checkpoint-every", 0, out="broken.safetensors")
        progress = self.interrupt_in_mid_epoch(broken, batches=4)
        sums = progress["sums"]
        self.assertEqual(sums["steps"], progress["batch"])
        self.ok(*broken, "--resume")
        lines = [{line["epoch"]: line for line in self.metrics(run) if line["event"] == "epoch"}
                 for run in ("unbroken.run", "broken.run")]
        for key in ("loss", "active", "lr", "gradient_norm", "triplets", "margin", "distances"):
            self.assertEqual(*([run[epoch][key] for epoch in (1, 2)] for run in lines), key)
        self.assertGreater(lines[1][2]["seconds"], sums["seconds"])
        # 48 images an epoch, whoever trained them.
        final = json.loads(read_safetensors(self.path("broken.run", "checkpoint.safetensors"))[0]["progress"])
        self.assertEqual(final["images"], 2 * 4 * 12)

    def test_a_checkpoint_without_an_epochs_sums_is_taken_up(self):
        self.digits(count=64)
        broken = self.train("--epochs", 2, "--checkpoint-every", 0, "--lr", 0.005, out="broken.safetensors")
        self.interrupt_in_mid_epoch(broken, batches=4)
        path = self.path("broken.run", "checkpoint.safetensors")
        metadata, tensors = read_safetensors(path)
        progress = json.loads(metadata["progress"])
        for sums in ({**progress["sums"], "steps": -1}, {"loss": 1}):
            write_safetensors(path, tensors, {**metadata, "progress": json.dumps({**progress, "sums": sums})})
            self.fails(*broken, "--resume", says=["checkpoint.safetensors", "progress"])
        before = {key: value for key, value in progress.items() if key not in ("sums", "busy_seconds", "images")}
        write_safetensors(path, tensors, {**metadata, "progress": json.dumps(before)})
        self.ok(*broken, "--resume")

    def test_checkpoints_with_options_that_are_gone(self):
        self.digits(count=48)
        path = self.path("w.run", "checkpoint.safetensors")
        self.ok(*self.train("--epochs", 1))
        metadata, tensors = read_safetensors(path)
        options = {name: value for name, value in json.loads(metadata["options"]).items() if name != "margin-epochs"}
        idle = {"aug-strength": "1.0", "aug-light": "1.0", "aug-turn": "0.0", "quarter-turns": "false",
                "label-smoothing": "0.0", "margin-schedule": "constant", "margin-epochs": "5.0"}
        def put(change):
            progress = json.dumps({**json.loads(metadata["progress"]), "gap": 0.3})
            write_safetensors(path, tensors, {**metadata, "options": json.dumps({**options, **idle, **change}),
                                              "progress": progress})
        put({})
        self.ok(*self.train("--epochs", 1, "--resume"))
        for name, value in (("aug-strength", "2.0"), ("aug-turn", "12.0"), ("quarter-turns", "true"),
                            ("label-smoothing", "0.1"), ("margin-schedule", "adaptive")):
            put({name: value})
            self.fails(*self.train("--epochs", 1, "--resume"), says=["checkpoint.safetensors", f"--{name} {value}, which this"])
        put({"margin-schedule": "linear"})
        self.fails(*self.train("--epochs", 1, "--resume"), says=["--margin-epochs 5.0, this run has 0.0"])

    def test_resume_refuses_other_options_and_broken_checkpoints(self):
        self.digits(count=48)
        self.ok(*self.train("--epochs", 1))
        self.fails(*self.train("--epochs", 1, "--lr", 0.01, "--resume"), says=["checkpoint.safetensors", "--lr"])
        checkpoint = self.path("w.run", "checkpoint.safetensors")
        with open(checkpoint, "rb") as file:
            content = file.read()
        for broken in (b"", content[:100], content[:-1], b"\xff" * 8 + content[8:]):
            self.write("w.run/checkpoint.safetensors", broken)
            self.fails(*self.train("--epochs", 1, "--resume"), says=["checkpoint.safetensors"])
        shutil.rmtree(self.path("w.run"))
        self.ok(*self.train("--epochs", 1, "--resume"))

    def test_ctrl_c_finishes_the_batch_and_writes_a_checkpoint(self):
        self.digits(count=32)
        process = subprocess.Popen([TRIPLET_TRAIN, *map(str, self.train("--epochs", 500))], cwd=self.folder,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while not os.path.exists(self.path("w.run", "metrics.jsonl")):
            self.assertIsNone(process.poll())
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertIn("--resume", said)
        self.assertTrue(os.path.exists(self.path("w.run", "checkpoint.safetensors")))


if __name__ == "__main__":
    unittest.main()
