#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""BUILD SOURCE PREFIX LIBDIR: installs the build into a folder (DESTDIR), moves the tree elsewhere and uses it from there, as
packagers and users without root do."""
import os
import re
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

    def programs(self):
        """(its path, its name) of each that was built."""
        for name in ("triplet-train", "triplet-gallery"):
            if os.path.exists(os.path.join(self.root, "bin", name)):
                yield os.path.join(self.root, "bin", name), name

    def commands(self, program):
        said = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
        listed = re.search(r"^(?:Subcommands|SUBCOMMANDS):\n((?:  .*\n)+)", said, re.MULTILINE).group(1)
        return re.findall(r"^  (\w[\w-]*)", listed, re.MULTILINE)

    def test_the_manual_pages_have_every_command_and_no_faults(self):
        for program, name in self.programs():
            page = os.path.join(self.root, "share", "man", "man1", name + ".1")
            with self.subTest(program=name), open(page, encoding="utf-8") as file:
                text = file.read()
                self.assertEqual(re.findall(r"^\.SS (.*)$", text, re.MULTILINE),
                                 [command.replace("-", "\\-") for command in self.commands(program)])
                for command in self.commands(program):
                    flags = subprocess.run([program, command, "--help"], capture_output=True, text=True, check=True).stdout
                    for flag in re.findall(r"^  (?:-\w,)?(--[\w-]+)", flags, re.MULTILINE):
                        self.assertIn(flag.replace("-", "\\-"), text, command)
                if shutil.which("man"):
                    done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page], capture_output=True,
                                          text=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"})
                    self.assertEqual((done.returncode, done.stderr), (0, ""))

    def complete(self, script, program, *words):
        """What bash offers for the last of the words."""
        text = f"""source {shlex.quote(script)}
            COMP_WORDS=({' '.join(map(shlex.quote, (program, *words)))}) COMP_CWORD={len(words)}
            _{program.replace('-', '_')}
            printf '%s\\n' "${{COMPREPLY[@]}}\""""
        return subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True).stdout.split()

    def test_bash_completes_commands_flags_and_values(self):
        for program, name in self.programs():
            script = os.path.join(self.root, "share", "bash-completion", "completions", name)
            with self.subTest(program=name):
                commands = self.commands(program)
                self.assertEqual(sorted(self.complete(script, name, "")), sorted(commands))
                self.assertIn("--version", self.complete(script, name, "--"))
                for command in commands:
                    self.assertIn("--help", self.complete(script, name, command, "--h"))
        if os.path.exists(os.path.join(self.root, "bin", "triplet-train")):
            script = os.path.join(self.root, "share", "bash-completion", "completions", "triplet-train")
            self.assertEqual(self.complete(script, "triplet-train", "train", "--loss", "tr"), ["triplet"])
            self.assertEqual(self.complete(script, "triplet-train", "train", "--data", ""), [], "files, which bash knows")

    def test_what_is_uninstalled_leaves_nothing(self):
        folder = os.path.join(self.folder, "again")
        subprocess.run([*MESON, "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", folder], check=True,
                       capture_output=True)
        self.assertTrue(os.path.isdir(folder + PREFIX))
        subprocess.run(["ninja", "-C", BUILD, "uninstall"], check=True, capture_output=True, env={**os.environ, "DESTDIR": folder})
        self.assertEqual([name for name in os.listdir(folder)] if os.path.isdir(folder) else [], [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
