# SPDX-License-Identifier: LGPL-2.1-or-later
"""triplet-train train in several processes, as torchrun would start them."""
import math
import os
import random
import signal
import socket
import struct
import subprocess
import time
import unittest

from support import TRIPLET_TRAIN, TrainTest, idx_labels


class Ranks(TrainTest):
    def start_ranks(self, args, size=2, own=lambda rank: (), **environment):
        """Runs the tool as torchrun would, with the flags own(rank) besides; the processes, rank by rank."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        processes = []
        for rank in range(size):
            env = dict(os.environ, RANK=str(rank), WORLD_SIZE=str(size), LOCAL_RANK=str(rank), MASTER_ADDR="127.0.0.1",
                       MASTER_PORT=str(port), **environment)
            processes.append(subprocess.Popen([TRIPLET_TRAIN, *map(str, (*args, *own(rank)))], cwd=self.folder, env=env,
                                              text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        return processes

    def ranks(self, args, **kind):
        """The results of start_ranks, rank by rank."""
        processes = self.start_ranks(args, **kind)
        results = [process.communicate(timeout=400) for process in processes]
        return [(process.returncode, *result) for process, result in zip(processes, results)]

    def need_gloo(self):
        if os.environ.get("HAVE_GLOO") != "1":
            self.skipTest("this build has no Gloo")

    def test_two_ranks_are_one_with_the_double_batch(self):
        self.need_gloo()
        # Textures, since flat areas tie in ReLU and pooling, and a warm start: a deep network with its first weights makes large
        # differences out of rounding errors.
        rng = random.Random(5)
        count, side = 48, 24
        labels = [i % 4 for i in range(count)]
        self.write("set-images", struct.pack(">IIII", 0x803, count, side, side) + bytes(
            min(255, max(0, int(127 + 50 * math.sin((x * (1 + label) + y * (3 - label)) / 4 + 0.3) + rng.gauss(0, 30))))
            for label in labels for y in range(side) for x in range(side)))
        self.write("set-labels", idx_labels(labels))
        self.ok("pack", "--out", "set", "--size", side, "--channels", 1, "set-images")
        alone = ("train", "--data", "set", "--threads", 1, "--val-fraction", 0, "--checkpoint-epochs", 9)
        self.ok(*alone, "--epochs", 3, "--lr", 0.005, "--loss", "cosface", "--scale", 8, "--cos-margin", 0, "--batch-size", 24,
                "--out", "begun.safetensors")
        base = (*alone, "--warmup-epochs", 0, "--init", "begun.safetensors")
        # Batch-hard, whose loss is a continuous function of the embeddings: with the other miners a rounding error lets a triplet
        # on the border count in one run and not in the other, and the loss jumps. And a network makes the more of such errors the
        # longer its steps are: distances get short ones, the note's squared distances even shorter ones, and more of them.
        hard = ["--loss", "triplet", "--miner", "batch-hard", "--memory", 24, "--no-neck"]
        for rate, least, epochs, flags, single in (
                (1e-3, 5e-3, 2, ["--loss", "cosface", "--scale", 8, "--batch-size", 12],
                 ["--loss", "cosface", "--scale", 8, "--batch-size", 24]),
                (1e-4, 5e-3, 2, [*hard, "--pk", 2, 5], [*hard, "--pk", 4, 5]),
                (1e-5, 2e-4, 2, ["--note", "--batch-size", 7, "--accumulate", 2, "--ema", 0.9],
                 ["--note", "--batch-size", 14, "--accumulate", 2, "--ema", 0.9])):
            with self.subTest(flags):
                done = self.ranks((*base, *flags, "--epochs", epochs, "--lr", rate, "--out", "two.safetensors"))
                self.assertEqual([code for code, _, _ in done], [0, 0], done)
                self.assertIn("two.safetensors", done[0][1])
                self.assertEqual(done[1][1] + done[1][2], "", "one voice")
                self.ok(*base, *single, "--epochs", epochs, "--lr", rate, "--out", "one.safetensors")
                two, one = ([line for line in self.metrics(run) if line["event"] == "epoch"] for run in ("two.run", "one.run"))
                self.assertEqual(len(two), epochs, "one log, one line an epoch")
                for a, b in zip(two, one):
                    self.assertAlmostEqual(a["loss"], b["loss"], delta=1e-4)
                    self.assertAlmostEqual(a["gradient_norm"], b["gradient_norm"], delta=1e-2 * b["gradient_norm"])
                # To first order, how far one step brings the loss down.
                self.assertGreater(rate * one[0]["gradient_norm"] ** 2, least, "steps too short to see in the losses")

    def test_ranks_refuse_a_broken_environment(self):
        self.digits()
        for environment, name in (({"RANK": "2", "WORLD_SIZE": "2"}, "RANK"), ({"WORLD_SIZE": "two"}, "WORLD_SIZE"),
                                  ({"RANK": "0", "WORLD_SIZE": "2", "MASTER_PORT": "0"}, "MASTER_PORT"),
                                  ({"RANK": "0", "WORLD_SIZE": "2", "MASTER_PORT": "1234"}, "MASTER_ADDR")):
            with self.subTest(name):
                self.fails(*self.train("--epochs", 1), env=environment, says=[name])

    def test_a_stop_on_one_rank_stops_all_and_resumes(self):
        self.need_gloo()
        self.digits(count=32)
        base = ["train", "--data", "set", "--out", "w.safetensors", "--threads", 1, "--val-fraction", 0, "--lr", 0.001]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        processes = [subprocess.Popen([TRIPLET_TRAIN, *map(str, base), "--epochs", "500", "--batch-size", "8"], cwd=self.folder,
                                      env=dict(os.environ, RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="127.0.0.1",
                                               MASTER_PORT=port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                     for rank in range(2)]
        deadline = time.time() + 60
        while not os.path.exists(self.path("w.run", "checkpoint.safetensors")) and time.time() < deadline:
            time.sleep(0.01)
        processes[1].send_signal(signal.SIGINT)
        self.assertEqual([process.wait(60) for process in processes], [130, 130])
        # One process with the batch of both goes on.
        self.fails(*base, "--epochs", 500, "--batch-size", 8, "--resume", says=["--batch-size 16"])
        for line in self.metrics():
            last = line.get("epoch", 0)
        self.assertGreater(last, 0)

    def test_ranks_of_several_machines_resume_from_the_first_ones_checkpoint(self):
        self.need_gloo()
        self.digits(count=48)
        base = ("train", "--data", "set", "--threads", 1, "--val-fraction", 0, "--lr", 0.001, "--epochs", 2, "--batch-size", 8,
                "--ema", 0.9)
        done = self.ranks((*base, "--out", "whole.safetensors"))
        self.assertEqual([code for code, _, _ in done], [0, 0], done)

        def folder(rank):
            return ("--run-dir", f"machine-{rank}")
        processes = self.start_ranks((*base, "--out", "w.safetensors", "--checkpoint-every", 0), own=folder)
        deadline = time.time() + 60
        while not os.path.exists(self.path("machine-0", "checkpoint.safetensors")) and time.time() < deadline:
            time.sleep(0.01)
        for process in processes:
            process.kill()
            process.communicate()
        self.assertEqual([process.returncode for process in processes], [-9, -9], "the run was over too early")
        done = self.ranks((*base, "--out", "w.safetensors", "--resume"), own=folder)
        self.assertEqual([code for code, _, _ in done], [0, 0], done)
        self.assertIn("resumed", done[0][1] + done[0][2])
        self.assertTrue(self.content("w.safetensors") == self.content("whole.safetensors"), "other weights than unbroken")

    def test_ranks_that_do_not_train_the_same_are_refused(self):
        self.need_gloo()
        self.digits(count=48)
        self.digits("other", count=44)
        base = ("train", "--threads", 1, "--val-fraction", 0, "--epochs", 1, "--out", "w.safetensors")
        for name, values in (("lr", (0.001, 0.002)), ("data", ("set", "other"))):
            with self.subTest(name):
                flags = base if name == "data" else (*base, "--data", "set")
                done = self.ranks(flags, own=lambda rank, name=name, values=values: ("--" + name, values[rank]))
                self.assertEqual([code for code, _, _ in done], [1, 1], done)
                for _, _, said in done:
                    self.assertIn("ranks do not train the same: --" + name, said)
                self.assertFalse(os.path.exists(self.path("w.safetensors")))


if __name__ == "__main__":
    unittest.main()
