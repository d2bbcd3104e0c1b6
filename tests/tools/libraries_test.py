# SPDX-License-Identifier: LGPL-2.1-or-later
"""Commands that work on files alone start without LibTorch, OpenCV and GStreamer: not one of their libraries is loaded."""
import glob
import os
import re
import subprocess
import unittest

from support import TRIPLET_GALLERY, ToolTest, environment, place, write_gallery

HEAVY = re.compile(r"libtorch|libc10|libembed\.so|libembed-faces|libopencv|libgst")


class Libraries(ToolTest):
    def libraries(self, *args, code=0):
        """The file names of all libraries that glibc's loader brought up for this command."""
        for old in glob.glob(self.path("loaded.*")):
            os.remove(old)
        done = subprocess.run([TRIPLET_GALLERY, *args], capture_output=True, text=True, cwd=self.folder, timeout=60, check=False,
                              env={**environment(), "LD_DEBUG": "libs", "LD_DEBUG_OUTPUT": self.path("loaded")})
        self.assertEqual(done.returncode, code, done.stderr)
        said = ""
        for path in glob.glob(self.path("loaded.*")):
            with open(path, encoding="utf-8", errors="replace") as file:
                said += file.read()
        loaded = {os.path.basename(path) for path in re.findall(r"calling init: (\S+)", said)}
        if not any(name.startswith("libembed-core.so") for name in loaded):
            self.skipTest("this C library's loader does not say what it loads")
        return loaded

    def test_the_test_sees_them_where_they_are_loaded(self):
        loaded = self.libraries("enroll", "--weights", "none", "--gallery", "g", "--folder", ".", code=1)
        self.assertTrue(any(HEAVY.match(name) for name in loaded), loaded)

    def test_what_works_on_files_starts_without_them(self):
        write_gallery(self.path("g"), [("Ada", place("ada")), ("Ben", place("ben"))])
        for args in (["--help"], ["list", "g"], ["check", "g"], ["rename", "g", "Ada", "Al"], ["enroll", "--help"],
                     ["identify", "--help"], ["remove", "g", "Ben"]):
            with self.subTest(args):
                self.assertEqual({name for name in self.libraries(*args) if HEAVY.match(name)}, set())


if __name__ == "__main__":
    unittest.main()
