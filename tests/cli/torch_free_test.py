# SPDX-License-Identifier: LGPL-2.1-or-later
"""Commands that need no network run without LibTorch: not one of its libraries is loaded."""
import glob
import os
import re
import unittest

from support import CliTest, idx_images, idx_labels, needs_faces, pgm


class TorchFree(CliTest):
    alone = True

    def libraries(self, *args, code=0):
        """The file names of all libraries that glibc's loader brought up for this command."""
        for old in glob.glob(self.path("loaded.*")):
            os.remove(old)
        done = self.run_tool(*args, env={"LD_DEBUG": "libs", "LD_DEBUG_OUTPUT": self.path("loaded")})
        self.assertEqual(done.returncode, code, done.stderr)
        said = ""
        for path in glob.glob(self.path("loaded.*")):
            with open(path, encoding="utf-8", errors="replace") as file:
                said += file.read()
        loaded = {os.path.basename(path) for path in re.findall(r"calling init: (\S+)", said)}
        if not any(name.startswith("libembed-core.so") for name in loaded):
            self.skipTest("this C library's loader does not say what it loads")
        return loaded

    def torch_free(self, *args, code=0):
        with self.subTest(args):
            found = {name for name in self.libraries(*args, code=code) if re.match("libtorch|libc10|libembed\\.so", name)}
            self.assertEqual(found, set())

    def test_the_test_sees_libtorch_where_it_is_loaded(self):
        loaded = self.libraries("evaluate", "--weights", "none", "--data", "none", code=1)
        self.assertTrue(any(name.startswith("libtorch") for name in loaded), loaded)

    def test_help_version_and_wrong_usage(self):
        self.torch_free("--help")
        self.torch_free("--version")
        for command in ("pack", "train", "evaluate", "export", "import", "report", "inspect"):
            self.torch_free(command, "--help")
        self.torch_free("train", "--data", "x", "--out", "w", "--epochs", "many", code=2)
        self.torch_free("train", "--data", "x", "--out", "w", "--miner", "semi-hard", code=2)
        self.torch_free("train", "--data", "x", "--out", "w", "--lr", -1, code=1)
        self.torch_free("evaluate", "--weights", self.weights, code=2)
        self.write("bad.toml", "colour = 3\n")
        self.torch_free("export", "--config", "bad.toml", code=2)

    def test_inspect(self):
        self.torch_free("inspect", self.weights)
        self.torch_free("inspect", self.gallery, "--json")
        self.torch_free("inspect", "none", code=1)

    def test_pack(self):
        self.write("images", idx_images(4))
        self.write("labels", idx_labels([0, 0, 1, 1]))
        self.torch_free("pack", "--out", "set", "images")
        self.torch_free("pack", "--out", "set", "--weights", self.weights, "none", code=1)

    @needs_faces
    def test_pack_of_pictures(self):
        self.write("root/Al/0.pgm", pgm())
        self.torch_free("pack", "--out", "set", "root")

    def test_report_of_a_run_whose_weights_are_gone(self):
        self.write("old.run/metrics.jsonl", '{"event": "start", "files": {"weights": "gone"}}\n')
        self.torch_free("report", "old.run", "--out", "page.html")
        self.assertTrue(os.path.exists(self.path("page.html")))


if __name__ == "__main__":
    unittest.main()
