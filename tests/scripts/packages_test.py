#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Debian packages of both releases are built without an error of lintian's, installed by the steps of Containerfile in a
system that has nothing else, and tested there by debian/tests. Skips where that cannot be had: not root, or no network."""
import os
import re
import shutil
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
IN_DEBIAN = os.path.join(ROOT, "scripts", "in-debian")


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


class Packages(unittest.TestCase):
    def test_what_the_packages_are_built_with_is_on_the_one_list(self):
        listed = set(re.findall(r"^\w+ (\S+)$", read("scripts", "debian-packages.txt"), re.MULTILINE))
        needed = re.search(r"^Build-Depends:\n((?: .*\n)+)", read("debian", "control"), re.MULTILINE).group(1)
        names = set(re.findall(r"^ ([a-z0-9.+-]+)", needed, re.MULTILINE)) - {"debhelper-compat", "dh-sequence-installsysusers"}
        self.assertEqual(names - listed, set())

    def test_the_versions_agree(self):
        version = re.search(r"version: '([\d.]+)'", read("meson.build")).group(1)
        self.assertTrue(read("debian", "changelog").startswith(f"tripletembed ({version}"))

    def build_and_try(self, release):
        if os.geteuid() != 0 or not shutil.which("debootstrap") and not shutil.which("apt-get"):
            self.skipTest("needs root and a Debian system")
        if subprocess.run([IN_DEBIAN, release, "apt-get", "update", "-q"], capture_output=True, check=False).returncode != 0:
            self.skipTest(f"no system of Debian {release} can be had here (no network, or no room)")
        for script in ("build-packages", "try-packages"):
            done = subprocess.run([os.path.join(ROOT, "scripts", script), release], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-8000:])

    def test_debian_12(self):
        self.build_and_try("12")

    def test_debian_13(self):
        self.build_and_try("13")


if __name__ == "__main__":
    unittest.main()
