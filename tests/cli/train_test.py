# SPDX-License-Identifier: LGPL-2.1-or-later
"""triplet-train train: whole runs on made-up digits, stopped, killed, resumed and spoiled."""
import json
import math
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import time
import unittest

from support import TRIPLET_TRAIN, TrainTest, idx_labels, read_safetensors, write_safetensors


class Train(TrainTest):
    def test_from_pictures_to_calibrated_weights(self):
        self.digits()
        self.ok(*self.train("--epochs", 8, "--lr", 0.005, "--cos-margin", 0))
        result = self.ok_json("evaluate", "--weights", "w.safetensors", "--data", "set", "--calibrate", "--far", 0.05)
        self.assertGreater(result["auc"], 0.95)
        self.assertGreater(result["triplet_accuracy_strict"], 0.9)
        self.assertGreater(result["nearest_accuracy"], 0.9)
        self.assertEqual(result["precision_at_1"], result["nearest_accuracy"])
        self.assertLessEqual(result["map_at_r"], result["r_precision"])
        self.assertGreater(result["all_triplets_accuracy_strict"], 0.9)
        self.assertEqual(result["open_set"]["enrolled"], 2)
        self.assertNotIn("intervals_95", result)
        intervals = self.ok_json("evaluate", "--weights", "w.safetensors", "--data", "set", "--bootstrap", 50)["intervals_95"]
        self.assertLessEqual(intervals["auc"][0], result["auc"])
        self.assertGreaterEqual(intervals["auc"][1], result["auc"] - 1e-9)
        metadata = read_safetensors(self.path("w.safetensors"))[0]
        self.assertAlmostEqual(float(metadata["threshold"]), result["calibrated_threshold"], places=6)
        self.assertEqual(json.loads(metadata["input"])["channels"], 1)
        epochs = [line for line in self.metrics() if line["event"] == "epoch"]
        self.assertEqual([line["epoch"] for line in epochs], list(range(1, 9)))
        self.assertLess(epochs[-1]["loss"], epochs[0]["loss"])

    def test_every_loss_and_miner_makes_a_step(self):
        self.digits()
        for flags in (["--loss", "softmax"], ["--loss", "triplet", "--miner", "offline"],
                      ["--loss", "triplet", "--miner", "batch-hard", "--pk", 4, 3],
                      ["--loss", "triplet", "--miner", "semi-hard", "--pk", 4, 3, "--margin", "soft"],
                      ["--loss", "triplet", "--miner", "batch-all", "--pk", 2, 4, "--optimizer", "adamw", "--lr", 0.001],
                      ["--loss", "triplet", "--miner", "all-hard", "--pk", 4, 3, "--memory", 20, "--metric", "l1"],
                      ["--loss", "triplet", "--pk", 4, 3, "--class-loss", "cosface", "--margin-schedule", "adaptive"],
                      ["--loss", "contrastive", "--metric", "l2", "--margin-schedule", "linear", "--margin", 1, "--pk", 4, 3],
                      ["--sampler", "balanced", "--accumulate", 3, "--clip-gradient", 1, "--precision", "bf16"],
                      ["--note", "--separate-passes"], ["--ema", 0.9, "--schedule", "step", "--storage", "bf16"]):
            with self.subTest(flags):
                self.ok(*self.train("--epochs", 1, "--run-dir", "r", *flags))
                self.ok("inspect", "w.safetensors")

    def test_automatic_precision_is_what_the_machine_has(self):
        self.digits()
        with open("/proc/cpuinfo") as info:
            native = "avx512_bf16" in info.read()
        flags = ["--epochs", 1, "--device", "cpu", "--run-dir", "r"]
        self.ok(*self.train(*flags, "--precision", "auto"))
        taken = "bf16" if native else "fp32"
        self.assertEqual(self.metrics("r")[0]["options"]["precision"], taken)
        # It is settled when the run begins: the checkpoint's is the one that was taken.
        self.ok(*self.train(*flags, "--precision", taken, "--resume"))
        self.fails(*self.train(*flags, "--precision", "fp32" if native else "bf16", "--resume"), says=["--precision"])
        shutil.rmtree(self.path("r"))
        for precision, slow in (("auto", False), ("fp32", False), ("bf16", not native)):
            with self.subTest(precision):
                said = self.ok(*self.train(*flags, "--precision", precision)).stderr
                self.assertEqual("computes bfloat16 in software" in said, slow)
                warned = [line for line in self.metrics("r") if line["event"] == "warning"]
                self.assertEqual(len(warned), slow)

    def test_class_weights_begin_where_the_pictures_are(self):
        self.digits()
        for neck in ("--neck", "--no-neck"):
            with self.subTest(neck):
                flags = ["--cos-margin", 0, neck]
                self.ok(*self.train("--epochs", 8, "--lr", 0.005, *flags, out="known.safetensors"))
                # Too slow a rate to learn anything: what is right was right at once.
                still = ["--epochs", 1, "--lr", 1e-9, "--warmup-epochs", 0, *flags]
                self.ok(*self.train(*still, "--init", "known.safetensors"))
                right = [line["active"] for line in self.metrics() if line["event"] == "epoch"][0]
                self.assertGreater(right, 0.9)
                self.ok(*self.train(*still))
                self.assertLess([line["active"] for line in self.metrics() if line["event"] == "epoch"][0], 0.7)

    def test_a_collapse_is_told_once(self):
        self.digits()
        # So much weight decay that soon nothing but the biases is left: all embeddings are one.
        base = ["--note", "--epochs", 4, "--warmup-epochs", 0, "--lr", 0.05, "--momentum", 0]
        for decay, told in ((10, 1), (0, 0)):
            with self.subTest(decay):
                said = self.ok(*self.train(*base, "--weight-decay", decay)).stderr
                self.assertEqual(said.count("the embeddings collapse"), told)
                self.assertEqual(said.count("--margin-schedule linear"), told, "what to change")
                self.assertEqual(len([line for line in self.metrics() if line["event"] == "warning"]), told)
                self.assertRegex(said, r"epoch 4/4: loss [\d.]+, active [\d.]+, lr [\d.]+, \d+ images/s, waited for data [\d.]+ %, "
                                       r"\d+:\d\d")

    def test_the_weights_are_those_of_the_best_validation(self):
        self.digits()
        # Validated on what training unlearns: it begins with where the stripes lie, and goes on with how wide they are.
        self.digits("val")
        self.write("val-labels", idx_labels([(i // 4) % 4 for i in range(96)]))
        self.ok("pack", "--out", "val", "--size", 16, "--channels", 1, "val-images")
        self.ok(*self.train("--epochs", 6, "--lr", 0.005, "--cos-margin", 0, data="val", out="begun.safetensors"))
        self.ok("train", "--data", "set", "--val", "val", "--init", "begun.safetensors", "--out", "w.safetensors", "--threads", 1,
                "--batch-size", 16, "--epochs", 5, "--cos-margin", 0, "--lr", 0.01)
        epochs = [line for line in self.metrics() if line["event"] == "epoch"]
        aucs = [line["validation"]["auc"] for line in epochs]
        self.assertLess(aucs[-1], max(aucs) - 0.01, "training made it no worse")
        best = aucs.index(max(aucs))
        self.assertEqual([line["best"] for line in epochs], [auc > max([0, *aucs[:i]]) for i, auc in enumerate(aucs)])
        kept = self.ok_json("evaluate", "--weights", "w.safetensors", "--data", "val")["auc"]
        self.assertAlmostEqual(kept, aucs[best], delta=1e-3)

    def test_mixed_identities_reach_the_batches(self):
        self.digits()
        flags = ["--epochs", 1, "--loss", "triplet", "--pk", 4, 3, "--lr", 1e-9]
        losses = {}
        for share in (0, 0.5, 1):
            self.ok(*self.train(*flags, "--mix-identities", share))
            losses[share] = [line["loss"] for line in self.metrics() if line["event"] == "epoch"][0]
        self.assertEqual(len(set(losses.values())), 3, losses)
        self.fails(*self.train(*flags, "--mix-identities", 0.5, "--resume"), says=["checkpoint", "--mix-identities"])

    def test_identities_are_left_out_and_turned(self):
        self.digits()
        self.write("people.txt", "1\n3\n")
        self.ok(*self.train("--epochs", 1, "--without", "people.txt"))
        start = self.metrics()[0]
        self.assertEqual((start["images"], start["identities"]), (48, 2))
        self.fails(*self.train("--epochs", 1, "--resume"), says=["checkpoint", "--data"])
        self.ok(*self.train("--epochs", 1, "--quarter-turns"))
        start = self.metrics()[0]
        self.assertEqual((start["images"], start["identities"]), (192, 8))
        self.fails(*self.train("--epochs", 1, "--resume"), says=["checkpoint", "--quarter-turns"])
        self.fails(*self.train("--epochs", 1, "--without", "nowhere.txt"), says=["nowhere.txt"])

    def test_checkpoints_every_few_epochs(self):
        self.digits()
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
        self.digits()
        flags = ["--epochs", 3, "--checkpoint-every", 0, "--aug", "digit", "--recipe", "the same", "--workers", 3,
                 "--loss", "triplet", "--pk", 4, 3, "--memory", 20, "--class-loss", "softmax", "--ema", 0.9,
                 "--margin-schedule", "adaptive", "--accumulate", 2, "--clip-gradient", 5]
        self.ok(*self.train(*flags, out="unbroken.safetensors"))
        killed = 0
        checkpoint = self.path("broken.run", "checkpoint.safetensors")
        for tries in range(3):
            before = os.stat(checkpoint).st_mtime_ns if os.path.exists(checkpoint) else 0
            process = subprocess.Popen([TRIPLET_TRAIN, *map(str, self.train(*flags, "--resume", out="broken.safetensors"))],
                                       cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            # A few checkpoints on, in mid-epoch for most of them.
            for _ in range(3 + tries):
                while process.poll() is None and (not os.path.exists(checkpoint) or
                                                  os.stat(checkpoint).st_mtime_ns == before):
                    time.sleep(0.002)
                before = os.stat(checkpoint).st_mtime_ns
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
        self.assertGreaterEqual(killed, 1, "the run was over before it could be killed")
        self.ok(*self.train(*flags, "--resume", out="broken.safetensors"))
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
        self.digits()
        flags = ("--epochs", 3, "--checkpoint-every", 0, "--lr", 0.005, "--loss", "triplet", "--pk", 4, 3)
        self.ok(*self.train(*flags, out="unbroken.safetensors"))
        broken = self.train(*flags, out="broken.safetensors")
        progress = self.interrupt_in_mid_epoch(broken, batches=8)
        sums = progress["sums"]
        self.assertEqual(sums["steps"], progress["batch"])
        self.ok(*broken, "--resume")
        lines = [{line["epoch"]: line for line in self.metrics(run) if line["event"] == "epoch"}
                 for run in ("unbroken.run", "broken.run")]
        for key in ("loss", "active", "lr", "gradient_norm", "triplets", "margin", "distances"):
            self.assertEqual(*([run[epoch][key] for epoch in (1, 2, 3)] for run in lines), key)
        self.assertGreater(lines[1][2]["seconds"], sums["seconds"])
        # 96 images an epoch, whoever trained them.
        final = json.loads(read_safetensors(self.path("broken.run", "checkpoint.safetensors"))[0]["progress"])
        self.assertEqual(final["images"], 3 * 8 * 12)

    def test_a_checkpoint_without_an_epochs_sums_is_taken_up(self):
        self.digits()
        broken = self.train("--epochs", 2, "--checkpoint-every", 0, "--lr", 0.005, out="broken.safetensors")
        self.interrupt_in_mid_epoch(broken, batches=6)
        path = self.path("broken.run", "checkpoint.safetensors")
        metadata, tensors = read_safetensors(path)
        progress = json.loads(metadata["progress"])
        for sums in ({**progress["sums"], "steps": -1}, {"loss": 1}):
            write_safetensors(path, tensors, {**metadata, "progress": json.dumps({**progress, "sums": sums})})
            self.fails(*broken, "--resume", says=["checkpoint.safetensors", "progress"])
        before = {key: value for key, value in progress.items() if key not in ("sums", "busy_seconds", "images")}
        write_safetensors(path, tensors, {**metadata, "progress": json.dumps(before)})
        self.ok(*broken, "--resume")

    def tensorboard_scalars(self, run="w.run"):
        """{tag: [(step, value)]} of all event files, read by the format's definition; every checksum looked at."""
        def crc32c(data):
            crc = 0xFFFFFFFF
            for byte in data:
                crc ^= byte
                for _ in range(8):
                    crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
            return crc ^ 0xFFFFFFFF

        def masked(data):
            crc = crc32c(data)
            return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF

        def fields(data):
            at = 0
            def varint():
                nonlocal at
                value = shift = 0
                while True:
                    byte = data[at]
                    at += 1
                    value |= (byte & 127) << shift
                    shift += 7
                    if byte < 128:
                        return value
            while at < len(data):
                key = varint()
                kind = key & 7
                if kind == 0:
                    yield key >> 3, varint()
                    continue
                size = {1: 8, 5: 4}.get(kind) or varint()
                yield key >> 3, data[at:at + size]
                at += size

        self.assertEqual(crc32c(b"123456789"), 0xE3069283)  # the checksum's published check value
        scalars = {}
        for name in sorted(os.listdir(self.path(run))):
            if not name.startswith("events.out.tfevents."):
                continue
            content = self.content(os.path.join(run, name))
            at = 0
            while at < len(content):
                size, = struct.unpack_from("<Q", content, at)
                event = content[at + 12:at + 12 + size]
                self.assertEqual(struct.unpack_from("<I", content, at + 8)[0], masked(content[at:at + 8]))
                self.assertEqual(struct.unpack_from("<I", content, at + 12 + size)[0], masked(event))
                if at == 0:
                    self.assertIn((3, b"brain.Event:2"), list(fields(event)))
                at += 16 + size
                step = dict(fields(event)).get(2, 0)
                for number, summary in fields(event):
                    for _, value in fields(summary) if number == 5 else ():
                        entry = dict(fields(value))
                        scalars.setdefault(entry[1].decode(), []).append((step, struct.unpack("<f", entry[2])[0]))
        return scalars

    def test_tensorboard_shows_what_the_metrics_say(self):
        self.digits()
        flags = ["--epochs", 2, "--val", "set", "--loss", "triplet", "--pk", 4, 4, "--lr", 0.001]
        self.ok(*self.train(*flags))
        scalars = self.tensorboard_scalars()
        epochs = [line for line in self.metrics() if line["event"] == "epoch"]
        for tag, key in (("train/loss", "loss"), ("train/gradient_norm", "gradient_norm"), ("train/margin", "margin")):
            values = dict(scalars[tag])
            for line in epochs:
                self.assertAlmostEqual(values[line["epoch"] * line["batch"]], line[key], places=4)
        self.assertAlmostEqual(scalars["validation/auc"][-1][1], epochs[-1]["validation"]["auc"], places=6)
        self.assertAlmostEqual(sum(scalars["triplets/" + kind][-1][1] for kind in ("easy", "semi_hard", "hard")), 1, places=5)
        self.assertLessEqual(scalars["distance/negative_p10"][-1][1], scalars["distance/negative_p90"][-1][1])

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
        count, side = 96, 24
        labels = [i % 4 for i in range(count)]
        self.write("set-images", struct.pack(">IIII", 0x803, count, side, side) + bytes(
            min(255, max(0, int(127 + 50 * math.sin((x * (1 + label) + y * (3 - label)) / 4 + 0.3) + rng.gauss(0, 30))))
            for label in labels for y in range(side) for x in range(side)))
        self.write("set-labels", idx_labels(labels))
        self.ok("pack", "--out", "set", "--size", side, "--channels", 1, "set-images")
        alone = ("train", "--data", "set", "--threads", 1, "--val-fraction", 0)
        self.ok(*alone, "--epochs", 3, "--lr", 0.005, "--loss", "cosface", "--scale", 8, "--cos-margin", 0, "--batch-size", 24,
                "--out", "begun.safetensors")
        base = (*alone, "--epochs", 3, "--warmup-epochs", 0, "--init", "begun.safetensors")
        semi_hard = ["--loss", "triplet", "--miner", "semi-hard", "--memory", 24, "--no-neck"]
        # The note's squared distances make more of rounding errors than others: its steps are smaller.
        for rate, least, flags, single in ((1e-3, 1e-2, ["--loss", "cosface", "--scale", 8, "--batch-size", 12],
                                            ["--loss", "cosface", "--scale", 8, "--batch-size", 24]),
                                           (1e-3, 1e-2, [*semi_hard, "--pk", 2, 5], [*semi_hard, "--pk", 4, 5]),
                                           (1e-5, 2e-4, ["--note", "--batch-size", 7, "--accumulate", 2, "--ema", 0.9],
                                            ["--note", "--batch-size", 14, "--accumulate", 2, "--ema", 0.9])):
            with self.subTest(flags):
                done = self.ranks((*base, *flags, "--lr", rate, "--out", "two.safetensors"))
                self.assertEqual([code for code, _, _ in done], [0, 0], done)
                self.assertIn("two.safetensors", done[0][1])
                self.assertEqual(done[1][1] + done[1][2], "", "one voice")
                self.ok(*base, *single, "--lr", rate, "--out", "one.safetensors")
                self.ok(*base, *single, "--lr", 0, "--out", "still.safetensors")
                two, one, still = ([line for line in self.metrics(run) if line["event"] == "epoch"]
                                   for run in ("two.run", "one.run", "still.run"))
                self.assertEqual(len(two), 3, "one log, one line an epoch")
                for a, b in zip(two, one):
                    self.assertAlmostEqual(a["loss"], b["loss"], delta=1e-4)
                    self.assertAlmostEqual(a["gradient_norm"], b["gradient_norm"], delta=1e-2 * b["gradient_norm"])
                learned = abs(one[-1]["loss"] - still[-1]["loss"])
                self.assertGreater(learned, least, "nothing is learned")

    def test_the_threshold_is_of_a_rate_that_the_pairs_can_tell(self):
        self.digits()
        for count, far in ((12, None), (32, 0.01), (96, 0.001)):
            with self.subTest(count):
                self.digits("val", count=count)
                self.ok(*self.train("--epochs", 1, "--val", "val", "--lr", 0.001))
                metadata = read_safetensors(self.path("w.safetensors"))[0]
                if far is None:
                    self.assertNotIn("threshold", metadata)
                    self.assertNotIn("threshold_far", metadata)
                else:
                    self.assertAlmostEqual(float(metadata["threshold_far"]), far, places=6)
                tars = self.metrics()[-1]["validation"]["tar_at_far"]
                self.assertEqual({rate for rate in tars if tars[rate] is None},
                                 {rate for rate in tars if far is None or float(rate) < far})

    def test_ranks_refuse_a_broken_environment(self):
        self.digits()
        for environment, name in (({"RANK": "2", "WORLD_SIZE": "2"}, "RANK"), ({"WORLD_SIZE": "two"}, "WORLD_SIZE"),
                                  ({"RANK": "0", "WORLD_SIZE": "2", "MASTER_PORT": "0"}, "MASTER_PORT"),
                                  ({"RANK": "0", "WORLD_SIZE": "2", "MASTER_PORT": "1234"}, "MASTER_ADDR")):
            with self.subTest(name):
                done = subprocess.run([TRIPLET_TRAIN, *map(str, self.train("--epochs", 1))], cwd=self.folder, text=True,
                                      env=dict(os.environ, **environment), capture_output=True, timeout=60)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(name, done.stderr)

    def test_a_stop_on_one_rank_stops_all_and_resumes(self):
        self.need_gloo()
        self.digits()
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
            time.sleep(0.05)
        processes[1].send_signal(signal.SIGINT)
        self.assertEqual([process.wait(60) for process in processes], [130, 130])
        # One process with the batch of both goes on.
        self.fails(*base, "--epochs", 500, "--batch-size", 8, "--resume", says=["--batch-size 16"])
        for line in self.metrics():
            last = line.get("epoch", 0)
        self.assertGreater(last, 0)

    def test_ranks_of_several_machines_resume_from_the_first_ones_checkpoint(self):
        self.need_gloo()
        self.digits()
        base = ("train", "--data", "set", "--threads", 1, "--val-fraction", 0, "--lr", 0.001, "--epochs", 4, "--batch-size", 8,
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
        self.digits()
        self.digits("other", count=92)
        base = ("train", "--threads", 1, "--val-fraction", 0, "--epochs", 1, "--out", "w.safetensors")
        for name, values in (("lr", (0.001, 0.002)), ("data", ("set", "other"))):
            with self.subTest(name):
                flags = base if name == "data" else (*base, "--data", "set")
                done = self.ranks(flags, own=lambda rank, name=name, values=values: ("--" + name, values[rank]))
                self.assertEqual([code for code, _, _ in done], [1, 1], done)
                for _, _, said in done:
                    self.assertIn("ranks do not train the same: --" + name, said)
                self.assertFalse(os.path.exists(self.path("w.safetensors")))

    def test_early_stop_and_plateau_follow_validation(self):
        self.digits()
        # Weights that never move never validate better than the first time; the statistics settle at once.
        base = ["--epochs", 9, "--val", "set", "--warmup-epochs", 0, "--momentum", 0, "--no-nesterov", "--weight-decay", 0,
                "--lr", 0, "--ema", 0.999999, "--no-neck"]
        done = self.ok(*self.train(*base, "--early-stop", 2))
        self.assertIn("early", done.stderr)
        epochs = [line for line in self.metrics() if line["event"] == "epoch"]
        self.assertLess(len(epochs), 9)
        measures = [line["validation"]["auc"] for line in epochs]
        self.assertLessEqual(max(measures[-2:]), max(measures[:-2]))
        self.ok(*self.train(*base, "--early-stop", 2, "--resume"))
        self.assertEqual(len([line for line in self.metrics() if line["event"] == "epoch"]), len(epochs), "it stays ended")
        base[base.index("--lr") + 1] = 1e-12
        self.ok(*self.train(*base, "--schedule", "plateau", "--patience", 2, "--plateau-factor", 0.5))
        rates = [line["lr"] for line in self.metrics() if line["event"] == "epoch"]
        self.assertEqual(rates[0], 1e-12)
        self.assertLess(rates[-1], 1e-12)

    def test_resume_refuses_other_options_and_broken_checkpoints(self):
        self.digits()
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

    def test_a_run_that_diverges_keeps_the_old_weights(self):
        self.digits()
        self.ok(*self.train("--epochs", 1))
        before = self.content("w.safetensors")
        self.fails(*self.train("--epochs", 3, "--lr", 1000, "--warmup-epochs", 0, "--head", "linear", "--loss", "softmax",
                               "--no-neck"), says=["epoch", "batch", "--lr"])
        self.assertEqual(self.content("w.safetensors"), before)

    def test_bad_data(self):
        self.digits()
        self.digits("wide", size=20)
        self.digits("alone", count=10, classes=1)
        self.fails(*self.train(data="none.safetensors"), says=["none.safetensors"])
        self.fails(*self.train(data="set,wide"), says=["wide", "20x20"])
        self.fails(*self.train(data="alone"), says=["two identities"])
        self.fails(*self.train("--pk", 60, 2), says=["--pk"])
        self.fails(*self.train("--min-images", 90), says=["--min-images 90"])
        self.fails(*self.train("--size", 24), says=["set", "--size"])
        self.fails(*self.train("--init", self.weights_file()), says=["channels"])
        self.fails(*self.train("--init", "set"), says=["set", "kind"])
        before = self.content("set")
        self.fails(*self.train("--epochs", 1, out="./set"), says=["./set", "replace a data set"])
        self.assertTrue(self.content("set") == before, "the data are gone")
        self.fails(*self.train("--run-dir", "r", out="none/w.safetensors"), says=["none/w.safetensors", "no folder"])
        with open(self.path("set"), "rb") as file:
            content = file.read()
        self.write("cut", content[:-10])
        self.fails(*self.train(data="cut"), says=["cut"])

    def test_export_names_what_is_wrong(self):
        self.fails("export", "--weights", "none.safetensors", "--out", "w.onnx", says=["none.safetensors"])
        self.fails("export", "--weights", self.gallery, "--out", "w.onnx", says=["gallery"])
        self.fails("export", "--weights", self.weights, "--out", "nowhere/w.onnx", says=["nowhere/w.onnx"])
        self.assertFalse(os.path.exists(self.path("w.onnx")))
        self.ok("export", "--weights", self.weights, "--out", "w.onnx")
        self.assertGreater(os.path.getsize(self.path("w.onnx")), 40_000_000)

    def weights_file(self):
        return os.path.join(self.fixtures, "weights.safetensors")

    def test_options_out_of_range_are_named(self):
        self.digits()
        for flags, name in (((["--lr", -1]), "--lr"), (["--epochs", 0], "--epochs"), (["--momentum", 1.5], "--momentum"),
                            (["--ema", 1], "--ema"), (["--val-fraction", 1.5], "--val-fraction"),
                            (["--loss", "triplet", "--miner", "batch-hard"], "--pk"),
                            (["--memory", 10], "--memory"), (["--class-loss", "softmax"], "--class-loss"),
                            (["--clip-gradient", -1], "--clip-gradient"), (["--accumulate", 0], "--accumulate"),
                            (["--loss", "triplet", "--pk", 4, 3, "--margin", "soft", "--margin-schedule", "linear"],
                             "--margin-schedule"),
                            (["--pk", 4, 3, "--sampler", "balanced"], "--sampler")):
            with self.subTest(name):
                done = self.run_tool(*self.train(*flags))
                self.assertIn(done.returncode, (1, 2))
                self.assertIn(name, done.stderr)
                self.assertFalse(os.path.exists(self.path("w.safetensors")))

    def test_flags_without_effect_are_refused(self):
        self.digits()
        unseen = ["--val-fraction", 0]
        base = ("train", "--data", "set", "--out", "w.safetensors", "--threads", 1, "--epochs", 1)
        for flags, needs in ((["--early-stop", 3, *unseen], "--val"), (["--schedule", "plateau", *unseen], "--val"),
                             (["--select", "eer", *unseen], "--val"), (["--val-flip", *unseen], "--val"),
                             (["--patience", 2], "--schedule plateau"), (["--step-at", 0.5], "--schedule step"),
                             (["--miner", "semi-hard"], "--loss triplet"), (["--margin", 0.5], "--loss triplet"),
                             (["--margin-schedule", "linear", "--loss", "softmax"], "--loss triplet"),
                             (["--margin-epochs", 2, "--loss", "triplet", "--pk", 4, 3], "--margin-schedule linear"),
                             (["--separate-passes"], "--miner offline"), (["--mix-by", "parts"], "--mix-identities"),
                             (["--class-loss-weight", 2], "--class-loss"), (["--cos-margin", 0.1, "--loss", "softmax"], "cosface"),
                             (["--label-smoothing", 0.1, "--note"], "--class-loss")):
            with self.subTest(flags[0]):
                self.fails(*base, *flags, code=2, says=[flags[0], "has no effect here", needs])
        self.assertFalse(os.path.exists(self.path("w.run")))
        self.ok(*base, "--lr", 0.001, "--select", "last", *unseen)

    def test_counts_have_no_sign_and_an_end(self):
        self.digits()
        for flag in ("--seed", "--val-images", "--early-stop", "--memory"):
            self.fails(*self.train("--val", "set", flag, -1), code=2, says=[flag, "a whole number from 0 expected, not -1"])
        self.fails("train", "--data", "set", "--out", "w.safetensors", "--threads", 100000, says=["--threads", "1024"])

    def test_ctrl_c_finishes_the_batch_and_writes_a_checkpoint(self):
        self.digits()
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
