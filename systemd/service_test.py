#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The unit of a camera is one that systemd takes and finds well enclosed. Skips (77) without systemd-analyze.

usage: service_test.py UNIT"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

UNIT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
MOST_EXPOSURE = 2.5


def analyze(*arguments, folder):
    # Without a tty and in English, so that what is said can be read here.
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"}
    return subprocess.run(["systemd-analyze", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=30,
                          check=False)


class Service(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        shutil.copy(UNIT, os.path.join(self.folder, "tripletembed@.service"))

    def test_systemd_takes_it(self):
        done = analyze("verify", "--man=no", "./tripletembed@door.service", folder=self.folder)
        about_it = [line for line in done.stderr.splitlines() if "tripletembed@" in line]
        self.assertEqual(about_it, [])
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_it_is_well_enclosed(self):
        done = analyze("security", "--offline=true", "./tripletembed@door.service", folder=self.folder)
        if "unrecognized option" in done.stderr:
            self.skipTest("systemd is older than 250, the first with --offline")
        found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
        self.assertTrue(found, done.stdout + done.stderr)
        self.assertLessEqual(float(found.group(1)), MOST_EXPOSURE, done.stdout)

    def test_nothing_is_left_to_be_filled_in(self):
        with open(UNIT, encoding="utf-8") as file:
            self.assertNotRegex(file.read(), r"@[a-z]+@")


if __name__ == "__main__":
    if shutil.which("systemd-analyze") is None:
        print("skipped: no systemd-analyze")
        sys.exit(77)
    unittest.main()
