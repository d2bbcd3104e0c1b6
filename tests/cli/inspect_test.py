# SPDX-License-Identifier: LGPL-2.1-or-later
"""What triplet-train says of files that lack something, of names that are more than text, and when nobody can read what it
says."""
import os
import struct
import subprocess
import unittest

from support import CliTest, TrainTest, environment, idx_images, idx_labels, read_safetensors, write_safetensors

ESCAPE = "\x1b[31m\u009b2J\u202eAda"


class Inspect(TrainTest):
    def test_weights_that_lack_tensors(self):
        metadata, tensors = read_safetensors(self.weights)
        self.assertEqual(len(tensors), 96)
        two = {name: tensors[name] for name in ("dense.bias", "stem_conv.weight")}
        write_safetensors(self.path("two"), two, metadata)
        self.fails("inspect", "two", says=["two: dense.weight: missing, as 94 of the network's 96 tensors are"])
        write_safetensors(self.path("none"), {}, metadata)
        self.fails("inspect", "none", says=["none: dense.bias: missing, as 96 of"])
        kind, _, data = tensors["dense.bias"]
        write_safetensors(self.path("bent"), {**tensors, "dense.bias": (kind, [64, 2], data)}, metadata)
        self.fails("inspect", "bent", says=["bent: dense.bias: shape [64, 2], [128] expected"])

    def test_checkpoints_that_nobody_could_resume(self):
        self.digits()
        self.ok(*self.train("--epochs", 1, "--lr", 0.001))
        metadata, tensors = read_safetensors(self.path("w.run", "checkpoint.safetensors"))
        self.assertEqual(self.ok_json("inspect", "w.run/checkpoint.safetensors")["kind"], "tripletembed.checkpoint")
        write_safetensors(self.path("none"), {}, metadata)
        self.fails("inspect", "none", says=["none: network.stem_conv.weight: tensor is missing"])
        write_safetensors(self.path("few"), {"network.stem_conv.weight": tensors["network.stem_conv.weight"]}, metadata)
        self.fails("inspect", "few", says=["few: network.dense.bias: missing, as 95 of the network's 96"])
        write_safetensors(self.path("lost"), tensors, {**metadata, "progress": "[]"})
        self.fails("inspect", "lost", says=["lost: progress: a JSON object expected"])

    def test_names_are_text_and_move_no_cursor(self):
        write_safetensors(self.path("any"), {ESCAPE: ("U8", [1], b"x")}, {"note\x1b[0m": "two\nlines" + ESCAPE})
        for flags in ((), ("--json",)):
            said = self.ok("inspect", "any", *flags).stdout
            for character in "\x1b\u009b\u202e":
                self.assertNotIn(character, said)
            self.assertIn("\\u001b[31m\\u009b2J\\u202eAda", said)
        self.assertIn("two\\u000alines", self.ok("inspect", "any").stdout)
        missing = self.fails("inspect", "none\x1b[31m", says=["cannot open"])
        self.assertNotIn("\x1b", missing.stderr)

    def test_a_huge_header_is_read_at_once_or_refused_at_once(self):
        def header(text):
            return struct.pack("<Q", len(text)) + text.encode()
        many = ",".join('"t%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}' % i for i in range(200_000))
        self.write("many", header("{" + many + "}"))
        self.fails("inspect", "many", says=["many: header: more than 16384 tensors"])
        self.write("long", header('{"__metadata__":{"note":"' + "x" * 10_000_000 + '"}}'))
        self.assertIn("10000000 bytes, not shown", self.ok("inspect", "long").stdout)


@unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full here")
class NobodyReads(CliTest):
    def into_full(self, *args):
        with open("/dev/full", "wb") as full:
            return subprocess.run([self.program, *map(str, args)], stdout=full, stderr=subprocess.PIPE, text=True,
                                  env=environment(), cwd=self.folder, timeout=600, check=False)

    def test_what_cannot_be_written_is_an_error(self):
        self.write("set-images", idx_images(4))
        self.write("set-labels", idx_labels([0, 0, 1, 1]))
        for args in (("inspect", self.weights), ("inspect", self.gallery, "--json"), ("--help",), ("pack", "--help"),
                     ("--version",), ("pack", "--out", "set", "set-images")):
            with self.subTest(args):
                done = self.into_full(*args)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn("triplet-train: standard output: cannot be written", done.stderr)


class ConfigFiles(TrainTest):
    def test_what_is_wrong_in_a_config_file_is_told_with_its_name(self):
        self.digits()
        for text in ("size = 3\n", "size = abc\n", "size = -1\n", "size = [1, 2]\n", "crop = nowhere\n", "channels = 2\n"):
            with self.subTest(text):
                self.write("bad.toml", text)
                said = self.fails("pack", "--config", "bad.toml", "--out", "x", "set-images", code=2, says=["bad.toml"]).stderr
                self.assertIn(text.split()[0], said)
        self.write("bad.toml", "channels = 1\n")
        said = self.fails("pack", "--config", "bad.toml", "--size", "abc", "--out", "x", "set-images", code=2).stderr
        self.assertNotIn("bad.toml", said, "the command line is at fault")


if __name__ == "__main__":
    unittest.main()
