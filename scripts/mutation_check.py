#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Puts small faults into a copy of the source tree, one at a time, and says which test notices each of them.

The faults are those of scripts/mutations.toml: a text of a source file, what replaces it, and the tests that should
fail then. The copy, with a build folder of its own, is kept in --work, so that a second run compiles little. Files
are copied as they are, changes that are not committed included; they themselves are never touched.

First the named tests run without a fault: all must pass. A fault that survives, or whose text is not in its file
exactly once, makes the exit status 1.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FIELDS = {"name", "file", "find", "replace", "tests"}


def read_faults(path, parts):
    with open(path, "rb") as file:
        faults = tomllib.load(file)["fault"]
    for fault in faults:
        if set(fault) != FIELDS:
            sys.exit(f"{path}: {fault.get('name', 'a fault')}: the fields {', '.join(sorted(FIELDS))} expected")
    if len({fault["name"] for fault in faults}) != len(faults):
        sys.exit(f"{path}: two faults have one name")
    chosen = [fault for fault in faults if not parts or any(part in fault["name"] for part in parts)]
    return chosen or sys.exit(f"no fault's name holds any of: {', '.join(parts)}")


def do_not_apply(faults):
    """Complaints about faults whose text is not in its file exactly once."""
    complaints = []
    for fault in faults:
        try:
            with open(os.path.join(ROOT, fault["file"]), encoding="utf-8") as file:
                count = file.read().count(fault["find"])
        except OSError as error:
            complaints.append(f"{fault['name']}: {fault['file']}: {error.strerror}")
            continue
        if count != 1:
            complaints.append(f"{fault['name']}: its text is in {fault['file']} {count} times, once expected")
        if fault["find"] == fault["replace"]:
            complaints.append(f"{fault['name']}: replaces a text by itself")
    return complaints


def same_bytes(a, b):
    with open(a, "rb") as one, open(b, "rb") as other:
        return one.read() == other.read()


def copy_tree(tree):
    """Brings the copy up to date. Files that are the same keep their times, so that they are not compiled again."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            check=True, capture_output=True, text=True).stdout
    names = {name for name in listed.split("\0") if name and os.path.isfile(os.path.join(ROOT, name))}
    for name in names:
        source, target = os.path.join(ROOT, name), os.path.join(tree, name)
        if not os.path.exists(target) or not same_bytes(source, target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(source, target)
    for folder, folders, files in os.walk(tree):
        folders[:] = [name for name in folders if os.path.join(folder, name) != os.path.join(tree, "build")]
        for name in files:
            path = os.path.join(folder, name)
            if os.path.relpath(path, tree) not in names:
                os.remove(path)


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


class Build:
    """The copy's build folder."""

    def __init__(self, tree, options):
        self.tree, self.folder = tree, os.path.join(tree, "build")
        if not os.path.exists(os.path.join(self.folder, "build.ninja")):
            self.run("meson", "setup", self.folder, tree, *(f"-D{option}" for option in options))
        self.outputs = {t["id"]: [os.path.relpath(name, self.folder) for name in t["filename"]]
                        for t in self.introspect("--targets")}
        self.depends = {t["name"]: t["depends"] for t in self.introspect("--tests")}

    def run(self, *command):
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            sys.exit(f"{result.stdout[-4000:]}{result.stderr[-4000:]}\nfailed: {' '.join(command)}")
        return result.stdout

    def introspect(self, what):
        return json.loads(self.run("meson", "introspect", what, self.folder))

    def compile(self, tests):
        targets = set()
        for test in tests:
            name = test.split(":", 1)[0]
            if name not in self.depends:
                sys.exit(f"no test is called {name} in {self.folder}")
            targets.update(output for target in self.depends[name] for output in self.outputs[target])
        self.run("ninja", "-C", self.folder, *sorted(targets))

    def test(self, test):
        """What failed of `NAME` or `NAME:GTEST_FILTER`: cases' names, or the test's own; empty where all passed."""
        name, _, cases = test.partition(":")
        arguments = [f"--test-args=--gtest_filter={cases}"] if cases else []
        # A test that never ends is ended by Meson, in a third of its usual time, and has failed.
        result = subprocess.run(["meson", "test", "-C", self.folder, "--no-rebuild", "-t", "0.33", name, *arguments],
                                capture_output=True, text=True, check=False)
        if result.returncode == 0:
            if cases and "[==========] Running 0 tests" in self.test_log():
                sys.exit(f"{test}: no case is called so")
            return []
        failed = re.findall(r"^\[  FAILED  \] ([\w/]+\.[\w/]+)", self.test_log(), re.MULTILINE)
        return list(dict.fromkeys(failed)) or [name]

    def test_log(self):
        with open(os.path.join(self.folder, "meson-logs", "testlog.txt"), encoding="utf-8", errors="replace") as file:
            return file.read()


def try_fault(build, fault):
    """The cases that notice the fault, by the first test that does."""
    path = os.path.join(build.tree, fault["file"])
    with open(path, encoding="utf-8") as file:
        right = file.read()
    try:
        write(path, right.replace(fault["find"], fault["replace"]))
        build.compile(fault["tests"])
        for test in fault["tests"]:
            failed = build.test(test)
            if failed:
                return f"{test.split(':', 1)[0]}: {', '.join(failed[:3])}" + (", …" if len(failed) > 3 else "")
        return None
    finally:
        write(path, right)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--work", default=os.path.join(ROOT, "build", "mutation-check"), metavar="FOLDER",
                    help="where the copy is made and kept (default: build/mutation-check)")
    ap.add_argument("--option", action="append", metavar="NAME=VALUE",
                    help="a Meson option of the copy's build (default: gst, faces and tests enabled)")
    ap.add_argument("--faults", default=os.path.join(ROOT, "scripts", "mutations.toml"), metavar="FILE",
                    help="the list of faults (default: scripts/mutations.toml)")
    ap.add_argument("--only-check", action="store_true", help="only say whether all faults still fit the sources")
    ap.add_argument("part", nargs="*", help="only the faults whose name holds one of these")
    args = ap.parse_args()

    faults = read_faults(args.faults, args.part)
    complaints = do_not_apply(faults)
    if complaints:
        print("\n".join(complaints), file=sys.stderr)
        return 1
    if args.only_check:
        print(f"{len(faults)} faults fit the sources")
        return 0

    tree = os.path.join(os.path.abspath(args.work), "tree")
    copy_tree(tree)
    data = os.path.realpath(os.path.join(ROOT, "..", "shared", "data"))
    build = Build(tree, [f"data={data}", *(args.option or ["gst=enabled", "faces=enabled", "tests=true"])])
    tests = sorted({test for fault in faults for test in fault["tests"]})
    print(f"{len(faults)} faults; without any of them:", flush=True)
    build.compile(tests)
    for test in tests:
        failed = build.test(test)
        if failed:
            print(f"{test} fails without a fault: {', '.join(failed)}", file=sys.stderr)
            return 1
    print("all named tests pass", flush=True)

    survivors = 0
    for fault in faults:
        start = time.monotonic()
        caught = try_fault(build, fault)
        survivors += caught is None
        print(f"{'caught' if caught else 'NOT CAUGHT'} ({time.monotonic() - start:.0f} s): {fault['name']}"
              + (f" - {caught}" if caught else ""), flush=True)
    print(f"{len(faults) - survivors} of {len(faults)} caught")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
