#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `meson setup` refuses, it refuses before it looks for any package, in one sentence."""
import os
import pathlib
import shlex
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Meson gives a test its own name, with the command that looks into a build.
MESON = shlex.split(os.environ.get("MESONINTROSPECT", "meson introspect"))[:-1]


@unittest.skipUnless(shutil.which("c++"), "there is no c++")
class Configure(unittest.TestCase):
    def refusal(self, *options, family="x86_64"):
        with tempfile.TemporaryDirectory() as folder:
            cross = pathlib.Path(folder, "cross.ini")
            # This machine's own compiler: what it makes is never run.
            cross.write_text(f"[binaries]\ncpp = 'c++'\n[host_machine]\nsystem = 'linux'\ncpu_family = '{family}'\n"
                             f"cpu = '{family}'\nendian = 'little'\n", encoding="utf-8")
            done = subprocess.run([*MESON, "setup", folder + "/build", str(ROOT), "--cross-file", str(cross), *options],
                                  capture_output=True, text=True, check=False)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        errors = [line for line in done.stdout.splitlines() if "ERROR: " in line]
        self.assertEqual(len(errors), 1, done.stdout)
        self.assertNotIn("Run-time dependency", done.stdout)
        return errors[0].split("ERROR: Problem encountered: ", 1)[1]

    def test_systems_of_32_bits(self):
        for family in ("arm", "x86", "riscv32", "mips"):
            said = self.refusal(family=family)
            self.assertTrue(said.startswith(f"a 32-bit system ({family}) is not supported: "), said)
            self.assertIn("Build for a 64-bit system (arm64, x86-64)", said)

    def test_libtorch_named_for_a_build_without(self):
        said = self.refusal("-Dtorch=disabled", "-Dlibtorch=/opt/libtorch")
        self.assertEqual(said, "torch=disabled builds without LibTorch: leave out libtorch, which needs it")


if __name__ == "__main__":
    unittest.main()
