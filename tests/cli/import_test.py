# SPDX-License-Identifier: LGPL-2.1-or-later
"""triplet-train import: the current weights under other programs' names come back bit for bit; what does not fit is said."""
import json
import os
import re
import struct
import unittest
import zipfile

from support import CliTest, idx_images, idx_labels, read_safetensors, write_safetensors

GLUON = {"weight": "gamma", "bias": "beta"}


def torch_name(name):
    """torchvision's; it has no batch norm on the input and none behind the last stage."""
    name = re.sub(r"^stage(\d)\.", r"layer\1.", name).replace("shortcut", "downsample.0")
    for ours, theirs in (("stem_conv", "conv1"), ("stem_bn", "bn1"), ("input_bn", "bn0"), ("final_bn", "bn"), ("dense", "fc")):
        name = re.sub("^%s\\." % ours, theirs + ".", name)
    return name


def timm_name(name):
    name = re.sub(r"^stage(\d)\.", lambda m: "stages.%d.blocks." % (int(m[1]) - 1), name)
    name = name.replace("shortcut", "downsample.conv").replace(".bn", ".norm")
    for ours, theirs in (("stem_conv", "stem.conv"), ("stem_bn", "stem.norm"), ("final_bn", "norm"), ("dense", "head.fc")):
        name = re.sub("^%s\\." % ours, theirs + ".", name)
    return name


def gluon_name(name):
    """Those of save_parameters."""
    layer, parameter = name.rsplit(".", 1)
    if "bn" in layer:
        parameter = GLUON.get(parameter, parameter)
    layer = re.sub(r"^stage(\d)", lambda m: "features.%d" % (int(m[1]) + 4), layer).replace("shortcut", "downsample")
    layer = {"input_bn": "features.0", "stem_conv": "features.1", "stem_bn": "features.2", "final_bn": "features.9",
             "dense": "output"}.get(layer, layer)
    return "%s.%s" % (layer, parameter)


def prefixed_name(name):
    """Those of export and of the years before save_parameters."""
    layer, parameter = name.rsplit(".", 1)
    if "bn" in layer:
        parameter = GLUON.get(parameter, parameter)
    found = re.match(r"stage(\d)\.(\d)\.(bn|conv|shortcut)(\d?)$", layer)
    if found:
        stage, block, kind, number = int(found[1]), int(found[2]), found[3], int(found[4] or 0)
        if kind == "bn":
            layer = "stage%d_batchnorm%d" % (stage, 2 * block + number - 1)
        else:
            behind = 1 if stage > 1 and block == 1 else 0
            layer = "stage%d_conv%d" % (stage, 2 if kind == "shortcut" else 2 * block + number - 1 + behind)
    layer = {"input_bn": "batchnorm0", "stem_conv": "conv0", "stem_bn": "batchnorm1", "final_bn": "batchnorm2",
             "dense": "dense0"}.get(layer, layer)
    return "resnetv20_%s_%s" % (layer, parameter)


def params_file(tensors, version=2):
    """Gluon's format: 0x112, arrays, names. All numbers are float32."""
    content = [struct.pack("<QQQ", 0x112, 0, len(tensors))]
    for _, (_, shape, data) in tensors.items():
        if version > 0:
            content.append(struct.pack("<I", 0xF993FAC7 + version))
        if version > 1:
            content.append(struct.pack("<i", 0))
        content.append(struct.pack("<I", len(shape)))
        content.append(struct.pack("<%d%s" % (len(shape), "q" if version > 0 else "I"), *shape))
        content.append(struct.pack("<iii", 1, 0, 0))
        content.append(data)
    content.append(struct.pack("<Q", len(tensors)))
    for name in tensors:
        content.append(struct.pack("<Q", len(name)) + name.encode())
    return b"".join(content)


class Import(CliTest):
    FLAGS = ("--mean", 0, "--std", 1)  # As the fixture's weights have them.

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tensors = read_safetensors(cls.weights)[1]

    def embeddings(self, weights):
        if not os.path.exists(self.path("set")):
            self.write("set-images", idx_images(6))
            self.write("set-labels", idx_labels([0, 1, 0, 1, 0, 1]))
            self.ok("pack", "--out", "set", "--size", 64, "set-images")
        self.ok("evaluate", "--weights", weights, "--data", "set", "--embeddings", "e.safetensors")
        return read_safetensors(self.path("e.safetensors"))[1]["embeddings"]

    def test_the_same_weights_under_other_names_are_the_same_weights(self):
        expected = self.embeddings(self.weights)
        for name, convert in (("torch", torch_name), ("timm", timm_name), ("gluon", gluon_name),
                              ("prefixed", prefixed_name), ("ours", str)):
            with self.subTest(name):
                renamed = {convert(key): value for key, value in self.tensors.items()}
                self.assertEqual(len(renamed), len(self.tensors))
                if name in ("gluon", "prefixed"):
                    self.write("net", params_file(renamed, version=2 if name == "gluon" else 1))
                else:
                    write_safetensors(self.path("net"), renamed)
                done = self.ok_json("import", "net", "--out", "w.safetensors", *self.FLAGS)
                self.assertEqual(done["fresh"], [])
                self.assertEqual(done["not_taken"], {})
                self.assertEqual(len(done["taken"]), len(self.tensors))
                # Not assertEqual: it would spell out the difference of megabytes.
                self.assertTrue(read_safetensors(self.path("w.safetensors"))[1] == self.tensors, "other tensors")
                self.assertEqual(self.embeddings("w.safetensors"), expected)

    def test_what_does_not_fit_stays_fresh_and_is_listed(self):
        renamed = {torch_name(key): value for key, value in self.tensors.items() if not key.startswith("input_bn")}
        renamed["fc.weight"] = ("F32", [1000, 512], bytes(4 * 1000 * 512))
        renamed["fc.bias"] = ("F32", [1000], bytes(4000))
        renamed["bn1.num_batches_tracked"] = ("I64", [], bytes(8))
        renamed["bad\x1bname"] = ("F32", [1], bytes(4))
        write_safetensors(self.path("net"), renamed)
        # The fixture was made with seed 1.
        done = self.ok("import", "net", "--out", "w.safetensors", "--seed", 5)
        self.assertIn("fc.weight: [1000, 512], [128, 512] expected", done.stdout)
        self.assertIn("fresh: dense.weight", done.stdout)
        self.assertIn("fresh: input_bn.running_mean", done.stdout)
        self.assertIn("num_batches_tracked", done.stdout)
        self.assertIn("bad?name", done.stdout)
        self.assertIn("%d of %d tensors taken" % (len(self.tensors) - 4, len(self.tensors)), done.stdout)
        self.assertIn("dense layer is fresh", done.stderr)
        metadata, first = read_safetensors(self.path("w.safetensors"))
        self.assertEqual(json.loads(metadata["input"])["mean"][:1], [0.48500001430511475])
        self.assertTrue(first["stage1.0.conv1.weight"] == self.tensors["stage1.0.conv1.weight"])
        self.assertFalse(first["dense.weight"] == self.tensors["dense.weight"])
        self.ok("import", "net", "--out", "again.safetensors", "--seed", 5)
        self.assertTrue(read_safetensors(self.path("again.safetensors"))[1] == first, "a seed decides")
        self.ok("import", "net", "--out", "again.safetensors", "--seed", 6)
        self.assertFalse(read_safetensors(self.path("again.safetensors"))[1] == first)

    def test_flags_go_into_the_weights_and_decide_the_shape(self):
        renamed = {torch_name(key): value for key, value in self.tensors.items()}
        write_safetensors(self.path("net"), renamed)
        done = self.ok_json("import", "net", "--out", "w.safetensors", "--channels", 1, "--size", 32, "--head", "sigmoid",
                            "--metric", "l1", "--mean", 0.5, "--std", 0.25, "--align", "whole", "--storage", "bf16")
        self.assertEqual(done["fresh"], ["input_bn.running_mean", "input_bn.running_var", "stem_conv.weight"])
        self.assertEqual(done["not_taken"]["conv1.weight"], "[64, 3, 7, 7], [64, 1, 7, 7] expected")
        metadata, tensors = read_safetensors(self.path("w.safetensors"))
        info = json.loads(metadata["input"])
        self.assertEqual((info["channels"], info["width"], info["order"]), (1, 32, "grey"))
        self.assertEqual((info["mean"][0], info["std"][0]), (0.5, 0.25))
        self.assertEqual((metadata["head"], metadata["metric"]), ("sigmoid", "l1"))
        self.assertEqual(json.loads(metadata["crop"])["alignment"], "whole")
        self.assertEqual(tensors["dense.weight"][0], "BF16")
        self.ok("import", "net", "--out", "w.safetensors", "--order", "bgr", "--mean", "0.1,0.2,0.3")
        info = json.loads(read_safetensors(self.path("w.safetensors"))[0]["input"])
        self.assertEqual(info["order"], "bgr")
        self.assertAlmostEqual(info["mean"][2], 0.3, places=6)
        self.fails("import", "net", "--out", "w.safetensors", "--mean", "0.1,0.2", code=2, says=["--mean"])
        self.fails("import", "net", "--out", "w.safetensors", "--size", 8, code=2, says=["--size"])

    def v1(self):
        """torchvision's resnet18: every batch norm is as wide as the convolution ahead of it."""
        tensors = {}
        for key, value in self.tensors.items():
            wide = re.match(r"stage([234])\.0\.bn1\.", key)
            if key.startswith(("input_bn", "final_bn", "dense")):
                continue
            if wide:
                width = 64 << (int(wide[1]) - 1)
                value = ("F32", [width], value[2] * 2)
                tensors["layer%s.0.downsample.1.%s" % (wide[1], key.rsplit(".")[-1])] = value
            tensors[torch_name(key)] = value
        return tensors

    def test_a_v1_gives_its_convolutions_and_says_why_no_more(self):
        tensors = self.v1()
        write_safetensors(self.path("net"), tensors)
        done = self.ok("import", "net", "--out", "w.safetensors")
        self.assertIn("a ResNet v1", done.stderr)
        self.assertIn("layer1.0.bn1.weight: stands elsewhere in a ResNet v1", done.stdout)
        result = read_safetensors(self.path("w.safetensors"))[1]
        for name in ("stem_conv.weight", "stem_bn.running_var", "stage2.0.shortcut.weight", "stage4.1.conv2.weight"):
            self.assertTrue(result[name] == self.tensors[name], name)
        self.assertEqual(result["stage1.0.bn2.weight"][2], struct.pack("<64f", *[1.0] * 64))
        report = self.ok_json("import", "net", "--out", "w.safetensors", "--v1-norms")
        self.assertTrue(report["post_activation"])
        self.assertEqual(len(report["taken"]), 20 + 4 + 4 * 8)
        result = read_safetensors(self.path("w.safetensors"))[1]
        self.assertTrue(result["stage2.0.bn2.running_mean"] == tensors["layer2.0.bn1.running_mean"])
        self.assertEqual(result["stage2.0.bn1.weight"][2], struct.pack("<64f", *[1.0] * 64))

    def test_the_v1_flag_is_refused_where_there_is_no_v1(self):
        write_safetensors(self.path("net"), {torch_name(key): value for key, value in self.tensors.items()})
        self.fails("import", "net", "--out", "w.safetensors", "--v1-norms", says=["net", "not a ResNet v1"])
        self.assertFalse(os.path.exists(self.path("w.safetensors")))

    def test_pickles_are_refused_with_the_way_out(self):
        with zipfile.ZipFile(self.path("net.pth"), "w") as file:
            file.writestr("archive/data.pkl", b"\x80\x02cos\nsystem\n.")
        self.write("old.pth", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." + b"\x80\x02M\xe9\x03.")
        self.write("p4.pkl", b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00" + b"x" * 40)
        for name in ("net.pth", "old.pth"):
            self.fails("import", name, "--out", "w.safetensors", says=[name, "pickle", "save_file"])
        self.fails("import", "p4.pkl", "--out", "w.safetensors", says=["p4.pkl"])

    def test_nothing_that_fits_and_broken_files_are_errors(self):
        one = ("F32", [64], bytes(256))
        write_safetensors(self.path("other"), {"some.weight": one})
        write_safetensors(self.path("empty"), {})
        nan = ("F32", [64], struct.pack("<f", float("nan")) * 64)
        write_safetensors(self.path("nan"), {"bn1.weight": nan})
        write_safetensors(self.path("negative"), {"bn1.running_var": ("F32", [64], struct.pack("<f", -1) * 64)})
        write_safetensors(self.path("integers"), {"bn1.weight": ("I32", [64], bytes(256))})
        good = params_file({"features.2.gamma": one, "features.2.beta": one})
        self.write("cut.params", good[:-3])
        self.write("other.params", params_file({"unknown": one}))
        cases = {"other": "none of its 1 tensors", "empty": "none of its 0 tensors", "nan": "bn1.weight",
                 "negative": "a variance is negative", "integers": "I32 numbers", "cut.params": "the file ends",
                 "other.params": "none of its 1 tensors", "missing": "missing", "folder": "folder"}
        os.mkdir(self.path("folder"))
        self.write("w.safetensors", b"old")
        for name, words in cases.items():
            with self.subTest(name):
                self.fails("import", name, "--out", "w.safetensors", says=[name, words])
        with open(self.path("w.safetensors"), "rb") as file:
            self.assertEqual(file.read(), b"old")
        self.write("good.params", good)
        self.fails("import", "good.params", "--out", "nowhere/w.safetensors", says=["nowhere/w.safetensors"])
        self.assertIn("2 of", self.ok("import", "good.params", "--out", "w.safetensors").stdout)

    def test_every_prefix_of_a_small_file_is_a_clean_error(self):
        # The core tests cut at every byte; here the program, at some.
        good = params_file({"features.2.gamma": ("F32", [64], bytes(256))})
        for size in (0, 1, 7, 8, 20, 24, 28, 40, 60, len(good) - 20, len(good) - 1):
            with self.subTest(size):
                self.write("net", good[:size])
                self.fails("import", "net", "--out", "w.safetensors", says=["net"])

    def test_training_goes_on_from_what_was_imported(self):
        self.write("set-images", idx_images(16))
        self.write("set-labels", idx_labels([i % 4 for i in range(16)]))
        self.ok("pack", "--out", "set", "--size", 32, "set-images")
        write_safetensors(self.path("net"), {torch_name(key): value for key, value in self.tensors.items()
                                             if not key.startswith("dense")})
        self.ok("import", "net", "--out", "start.safetensors", "--size", 32, *self.FLAGS)
        self.ok("train", "--data", "set", "--init", "start.safetensors", "--out", "w.safetensors", "--epochs", 1, "--lr", 0,
                "--val-fraction", 0, "--no-neck", "--threads", 1)
        before, after = (read_safetensors(self.path(name))[1] for name in ("start.safetensors", "w.safetensors"))
        self.assertTrue(before["stage3.0.conv1.weight"] == after["stage3.0.conv1.weight"])


if __name__ == "__main__":
    unittest.main()
