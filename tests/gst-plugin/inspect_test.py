#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compare what gst-inspect-1.0 says of an element with the committed snapshot.

usage: inspect_test.py ELEMENT SNAPSHOT [--write]

Lines that name this machine (the plugin's path, the GStreamer base classes' own lines) are left out. What GStreamer's
releases print differently around the same properties, blank lines and a heading for flags, is not compared. With --write
the snapshot is written anew, for a change that is meant.
"""
import difflib
import re
import subprocess
import sys

VOLATILE = re.compile(r"^\s*(Filename|Version|Source release date)\b")
LAYOUT = re.compile(r"^\s*(Element Flags:)?$")


def snapshot_of(element):
    run = subprocess.run(["gst-inspect-1.0", "--no-colors", element], capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"gst-inspect-1.0 {element}: {run.stdout}{run.stderr}")
    lines = [line.rstrip() for line in run.stdout.splitlines() if not VOLATILE.match(line)]
    # Numbered object names count the objects of the process.
    return [re.sub(r'"%s\d+"' % element, '"%s0"' % element, line) for line in lines]


def compared(lines):
    return [line for line in lines if not LAYOUT.match(line)]


def main():
    element, path = sys.argv[1:3]
    now = snapshot_of(element)
    if "--write" in sys.argv[3:]:
        with open(path, "w", encoding="utf-8") as out:
            out.write("\n".join(now) + "\n")
        return
    with open(path, encoding="utf-8") as snapshot:
        committed = snapshot.read().splitlines()
    diff = list(difflib.unified_diff(compared(committed), compared(now), path, "gst-inspect-1.0 " + element, lineterm=""))
    if diff:
        print("\n".join(diff))
        sys.exit("the properties differ from the snapshot; if the change is meant, run this with --write")


main()
