#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""BUILD SOURCE PREFIX LIBDIR: installs the build into a folder (DESTDIR), moves the tree elsewhere and uses it from there, as
packagers and users without root do."""
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD, SOURCE, PREFIX, LIBDIR = sys.argv[1:5]
MESON = shlex.split(os.environ.get("MESONINTROSPECT", "meson introspect"))[:-1]


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="tripletembed-installed-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        done = subprocess.run([*MESON, "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", cls.folder + "/dest"],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise unittest.SkipTest("not all is built: " + done.stderr[-300:])
        cls.root = cls.folder + "/moved"
        os.rename(cls.folder + "/dest" + PREFIX, cls.root)

    def pkg_config(self, *args):
        environment = {**os.environ, "PKG_CONFIG_PATH": os.path.join(self.root, LIBDIR, "pkgconfig")}
        # The files lie where they were moved to.
        return shlex.split(subprocess.run(["pkg-config", "--define-variable=prefix=" + self.root, *args], check=True,
                                          capture_output=True, text=True, env=environment).stdout)

    def headers(self):
        include = os.path.join(self.root, "include")
        for folder, _, files in os.walk(os.path.join(include, "embed")):
            for name in files:
                yield os.path.relpath(os.path.join(folder, name), include)

    def test_every_installed_header_compiles_alone(self):
        headers = sorted(self.headers())
        self.assertIn("embed/embedder.h", headers)
        self.assertFalse([name for name in headers if not name.endswith(".h")], "nothing but headers")
        package = "libembed-faces" if "embed/faces/detector.h" in headers else "libembed"
        flags = self.pkg_config("--cflags", package)
        self.assertFalse([flag for flag in flags if "torch" in flag.lower()], "LibTorch is not asked of a user")
        source = "".join(f"#include <{name}>\n#include <{name}>\n" for name in headers)
        for text in (source, *(f"#include <{name}>\n" for name in headers)):
            done = subprocess.run(["c++", "-std=c++17", "-fsyntax-only", *flags, "-x", "c++", "-"], input=text,
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, text[:60] + done.stderr[:600])

    def test_a_program_links_and_finds_the_default_weights_of_the_moved_tree(self):
        weights = os.path.join(self.root, "share", "tripletembed", "models", "faces-r18.safetensors")
        if not os.path.exists(weights):
            self.skipTest("built without default weights")
        program = os.path.join(self.folder, "program")
        text = ("#include <embed/default_weights.h>\n#include <cstdio>\n"
                "int main() { std::puts(embed::default_weights(\"a flag\").c_str()); }\n")
        libraries = os.path.join(self.root, LIBDIR)
        subprocess.run(["c++", "-std=c++17", "-x", "c++", "-", "-x", "none", "-o", program, *self.pkg_config("--cflags", "libembed"),
                        "-L" + libraries, "-lembed-core", "-Wl,-rpath," + libraries], input=text, text=True, check=True)
        environment = {key: value for key, value in os.environ.items() if key not in ("TRIPLETEMBED_MODEL", "LD_LIBRARY_PATH")}
        said = subprocess.run([program], capture_output=True, text=True, check=True, env=environment).stdout.strip()
        self.assertTrue(os.path.samefile(said, weights), said)
        os.rename(weights, weights + "-away")
        self.addCleanup(os.rename, weights + "-away", weights)
        done = subprocess.run([program], capture_output=True, text=True, check=False, env=environment)
        if not os.path.exists(os.path.join(PREFIX, "share/tripletembed/models/faces-r18.safetensors")):
            self.assertNotEqual(done.returncode, 0, "nothing else is taken")

    def test_triplet_gallery_finds_its_library_in_the_moved_tree(self):
        program = os.path.join(self.root, "bin", "triplet-gallery")
        if not os.path.exists(program):
            self.skipTest("built without tools")
        environment = {key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"}
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, env=environment).stdout
        self.assertRegex(said, r"^\d+\.\d+\.\d+")
        loaded = subprocess.run(["ldd", program], capture_output=True, text=True, check=True, env=environment).stdout
        paths = [os.path.normpath(word) for word in loaded.split() if "libembed-core" in word and "/" in word]
        self.assertEqual(paths, [os.path.join(self.root, LIBDIR, "libembed-core.so.0")])
        done = subprocess.run([program, "identify", "--weights", "none", "g", "x.jpg"], capture_output=True, text=True, check=False,
                              env=environment)
        self.assertIn("none: cannot open", done.stderr, "its module is found too")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
