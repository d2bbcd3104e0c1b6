# SPDX-License-Identifier: LGPL-2.1-or-later
"""triplet-train train: whole runs on made-up digits, and what is refused."""
import json
import os
import shutil
import tempfile
import unittest

from support import TrainTest, idx_labels, read_safetensors, write_safetensors


class Train(TrainTest):
    known = None  # The folder of a run that learnt the digits, once there is one.

    def know_the_digits(self):
        """Digits, and weights w.safetensors that were trained on them for eight epochs, with their run."""
        self.digits()
        if Train.known is None:
            self.ok(*self.train("--epochs", 8, "--lr", 0.005, "--cos-margin", 0, "--checkpoint-epochs", 8))
            Train.known = tempfile.mkdtemp(prefix="triplet-train-known-")
            self.addClassCleanup(shutil.rmtree, Train.known)
            shutil.copytree(self.path(), Train.known, dirs_exist_ok=True)
        else:
            shutil.copytree(Train.known, self.path(), dirs_exist_ok=True)

    def test_from_pictures_to_calibrated_weights(self):
        self.know_the_digits()
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
        self.digits(count=32)
        for flags in (["--loss", "softmax"], ["--loss", "triplet", "--miner", "offline"],
                      ["--loss", "triplet", "--miner", "batch-hard", "--pk", 4, 3],
                      ["--loss", "triplet", "--miner", "semi-hard", "--pk", 4, 3, "--margin", "soft"],
                      ["--loss", "triplet", "--miner", "batch-all", "--pk", 2, 4, "--optimizer", "adamw", "--lr", 0.001],
                      ["--loss", "triplet", "--miner", "all-hard", "--pk", 4, 3, "--memory", 20, "--metric", "l1"],
                      ["--loss", "triplet", "--pk", 4, 3, "--class-loss", "cosface"],
                      ["--loss", "contrastive", "--metric", "l2", "--margin-epochs", 2, "--margin", 1, "--pk", 4, 3],
                      ["--sampler", "balanced", "--accumulate", 3, "--clip-gradient", 1, "--precision", "bf16"],
                      ["--note", "--separate-passes"], ["--ema", 0.9, "--schedule", "step", "--storage", "bf16"]):
            with self.subTest(flags):
                self.ok(*self.train("--epochs", 1, "--run-dir", "r", *flags))
                self.assertEqual(read_safetensors(self.path("w.safetensors"))[0]["kind"], "tripletembed.weights")
                os.remove(self.path("w.safetensors"))

    def test_automatic_precision_is_what_the_machine_has(self):
        self.digits(count=32)
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
        self.know_the_digits()
        os.rename(self.path("w.safetensors"), self.path("known.safetensors"))
        for neck in ("--neck", "--no-neck"):
            with self.subTest(neck):
                # Too slow a rate to learn anything: what is right was right at once.
                still = ["--epochs", 1, "--batch-size", 48, "--lr", 1e-9, "--warmup-epochs", 0, "--cos-margin", 0, neck]
                self.ok(*self.train(*still, "--init", "known.safetensors"))
                right = [line["active"] for line in self.metrics() if line["event"] == "epoch"][0]
                self.assertGreater(right, 0.9)
                self.ok(*self.train(*still))
                self.assertLess([line["active"] for line in self.metrics() if line["event"] == "epoch"][0], 0.7)

    def test_a_collapse_is_told_once(self):
        self.digits(count=24)
        base = ["--note", "--epochs", 2, "--warmup-epochs", 0, "--momentum", 0]
        for told, flags in ((0, ["--lr", 0.05]), (1, ["--lr", 1e-9, "--init", "same.safetensors"])):
            with self.subTest(told):
                said = self.ok(*self.train(*base, *flags)).stderr
                self.assertEqual(said.count("the embeddings collapse"), told)
                self.assertEqual(said.count("--margin-epochs 5"), told, "what to change")
                self.assertEqual(len([line for line in self.metrics() if line["event"] == "warning"]), told)
                self.assertRegex(said, r"epoch 2/2: loss [\d.]+, active [\d.]+, lr [\d.e-]+, \d+ images/s, waited for data [\d.]+ %, "
                                       r"\d+:\d\d")
                # For the next turn: nothing but biases at the end, so that all embeddings are one.
                metadata, tensors = read_safetensors(self.path("w.safetensors"))
                tensors["dense.weight"] = (*tensors["dense.weight"][:2], bytes(len(tensors["dense.weight"][2])))
                write_safetensors(self.path("same.safetensors"), tensors, metadata)

    def test_the_weights_are_those_of_the_best_validation(self):
        self.digits()
        # Validated on what training unlearns: it begins with where the stripes lie, and goes on with how wide they are.
        self.digits("val")
        self.write("val-labels", idx_labels([(i // 4) % 4 for i in range(96)]))
        self.ok("pack", "--out", "val", "--size", 16, "--channels", 1, "val-images")
        self.ok(*self.train("--epochs", 6, "--lr", 0.005, "--cos-margin", 0, "--checkpoint-epochs", 6, data="val",
                            out="begun.safetensors"))
        # What is unlearnt when is chance: the seed and the version of LibTorch decide it.
        for seed in range(1, 7):
            self.ok("train", "--data", "set", "--val", "val", "--init", "begun.safetensors", "--out", "w.safetensors", "--threads", 1,
                    "--batch-size", 16, "--epochs", 5, "--cos-margin", 0, "--lr", 0.01, "--checkpoint-epochs", 5, "--seed", seed)
            epochs = [line for line in self.metrics() if line["event"] == "epoch"]
            aucs = [line["validation"]["auc"] for line in epochs]
            if aucs[-1] < max(aucs) - 0.01:
                break
        self.assertLess(aucs[-1], max(aucs) - 0.01, "training made it no worse with any seed")
        best = aucs.index(max(aucs))
        self.assertEqual([line["best"] for line in epochs], [auc > max([0, *aucs[:i]]) for i, auc in enumerate(aucs)])
        kept = self.ok_json("evaluate", "--weights", "w.safetensors", "--data", "val")["auc"]
        self.assertAlmostEqual(kept, aucs[best], delta=1e-3)

    def test_mixed_identities_reach_the_batches(self):
        self.digits(count=48)
        flags = ["--epochs", 1, "--loss", "triplet", "--pk", 4, 3, "--lr", 1e-9]
        losses = {}
        for share in (0, 0.5, 1):
            self.ok(*self.train(*flags, "--mix-identities", share))
            losses[share] = [line["loss"] for line in self.metrics() if line["event"] == "epoch"][0]
        self.assertEqual(len(set(losses.values())), 3, losses)
        self.fails(*self.train(*flags, "--mix-identities", 0.5, "--resume"), says=["checkpoint", "--mix-identities"])

    def test_identities_are_left_out(self):
        self.digits(count=48)
        self.write("people.txt", "1\n3\n")
        self.ok(*self.train("--epochs", 1, "--without", "people.txt"))
        start = self.metrics()[0]
        self.assertEqual((start["images"], start["identities"]), (24, 2))
        self.fails(*self.train("--epochs", 1, "--resume"), says=["checkpoint", "--data"])
        self.fails(*self.train("--epochs", 1, "--without", "nowhere.txt"), says=["nowhere.txt"])

    def test_the_threshold_is_of_a_rate_that_the_pairs_can_tell(self):
        self.digits(count=32)
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

    def test_early_stop_and_plateau_follow_validation(self):
        self.digits(count=48)
        # Weights that never move never validate better than the first time; the statistics settle at once.
        base = ["--epochs", 9, "--batch-size", 48, "--val", "set", "--warmup-epochs", 0, "--momentum", 0, "--no-nesterov",
                "--weight-decay", 0, "--lr", 0, "--ema", 0.999999, "--no-neck", "--checkpoint-epochs", 9]
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
        return self.weights

    def test_options_out_of_range_are_named(self):
        self.digits()
        for flags, name in (((["--lr", -1]), "--lr"), (["--epochs", 0], "--epochs"), (["--momentum", 1.5], "--momentum"),
                            (["--ema", 1], "--ema"), (["--val-fraction", 1.5], "--val-fraction"),
                            (["--loss", "triplet", "--miner", "batch-hard"], "--pk"),
                            (["--memory", 10], "--memory"), (["--class-loss", "softmax"], "--class-loss"),
                            (["--clip-gradient", -1], "--clip-gradient"), (["--accumulate", 0], "--accumulate"),
                            (["--loss", "triplet", "--pk", 4, 3, "--margin", "soft", "--margin-epochs", 2],
                             "--margin-epochs"),
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
                             (["--margin-epochs", 2, "--loss", "softmax"], "--loss triplet"),
                             (["--separate-passes"], "--miner offline"), (["--mix-by", "parts"], "--mix-identities"),
                             (["--class-loss-weight", 2], "--class-loss"), (["--cos-margin", 0.1, "--loss", "softmax"], "cosface")):
            with self.subTest(flags[0]):
                self.fails(*base, *flags, code=2, says=[flags[0], "has no effect here", needs])
        self.assertFalse(os.path.exists(self.path("w.run")))
        self.ok(*base, "--lr", 0.001, "--select", "last", *unseen)

    def test_counts_have_no_sign_and_an_end(self):
        self.digits()
        for flag in ("--seed", "--val-images", "--early-stop", "--memory"):
            self.fails(*self.train("--val", "set", flag, -1), code=2, says=[flag, "a whole number from 0 expected, not -1"])
        self.fails("train", "--data", "set", "--out", "w.safetensors", "--threads", 100000, says=["--threads", "1024"])


if __name__ == "__main__":
    unittest.main()
