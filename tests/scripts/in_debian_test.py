#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""scripts/in-debian: what it answers before it makes anything. CI runs the tests in the system that it makes."""
import os
import subprocess
import tempfile
import unittest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts", "in-debian")


class InDebian(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.cache = scratch.name

    def call(self, *words):
        environment = {**os.environ, "XDG_CACHE_HOME": self.cache}
        run = subprocess.run([SCRIPT, *words], env=environment, capture_output=True, text=True, check=False)
        self.assertEqual(os.listdir(self.cache), [], "something was made")
        return run

    def test_help_is_an_answer_and_other_words_are_an_error(self):
        run = self.call("--help")
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertIn("12 or 13", run.stdout)
        for words in ((), ("11", "true"), ("sid", "true"), ("13",), ("13", "--arch"), ("13", "--arch", "arm64"),
                      ("13", "--arch", "mips", "true"), ("12", "--arch", "arm64", "true")):
            with self.subTest(words=words):
                run = self.call(*words)
                self.assertEqual((run.returncode, run.stdout), (2, ""))
                self.assertIn("usage: scripts/in-debian RELEASE [--arch arm64] COMMAND", run.stderr)


if __name__ == "__main__":
    unittest.main()
