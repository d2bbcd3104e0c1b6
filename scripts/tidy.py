#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs clang-tidy over the project's own sources with the checks of .clang-tidy. Exits 1 on any finding.

usage: tidy.py --build BUILD [--jobs N] [PART …]      PART: only files whose path holds one of them
"""
import argparse
import concurrent.futures
import json
import os
import shlex
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def without_pch(command):
    """The compile command without GCC's precompiled header, which clang cannot read."""
    arguments = shlex.split(command)
    kept, skip = [], False
    for position, argument in enumerate(arguments):
        if skip:
            skip = False
        elif argument == "-include" and arguments[position + 1].endswith("pch.h"):
            skip = True
        elif argument not in ("-fpch-preprocess", "-Winvalid-pch"):
            kept.append(argument)
    return kept


def write_database(build, parts):
    """A compile_commands.json for clang in BUILD/tidy; returns the files to check."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    wanted = {}
    for entry in entries:
        path = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
        inside = os.path.relpath(path, ROOT)
        ours = path.endswith(".cpp") and not inside.startswith("..") and not inside.startswith("build")
        if ours and (not parts or any(part in inside for part in parts)):
            wanted[path] = {"directory": entry["directory"], "file": path, "arguments": without_pch(entry["command"])}
    folder = os.path.join(build, "tidy")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "compile_commands.json"), "w", encoding="utf-8") as file:
        json.dump(list(wanted.values()), file)
    return folder, sorted(wanted)


def check(folder, path):
    result = subprocess.run(["clang-tidy", "--quiet", "-p", folder, path], capture_output=True, text=True, check=False)
    return path, result.returncode, result.stdout.strip() or (result.stderr.strip() if result.returncode else "")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", required=True)
    ap.add_argument("--jobs", type=int, default=1)
    ap.add_argument("parts", nargs="*")
    args = ap.parse_args()
    folder, paths = write_database(args.build, args.parts)
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for path, status, text in pool.map(lambda p: check(folder, p), paths):
            if status != 0 or text:
                bad += 1
                print(f"{os.path.relpath(path, ROOT)}:\n{text}", flush=True)
    print(f"clang-tidy: {len(paths)} files, {bad} with findings", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
