#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compare what gst-inspect-1.0 says of an element with the committed snapshot.

usage: inspect_test.py ELEMENT SNAPSHOT [--write]

Lines that name this machine (the plugin's path, the GStreamer base classes' own lines) are left out. What GStreamer's
releases print differently around the same properties, blank lines and a heading for flags, is not compared, and action signals,
which they write as functions of two kinds, by name and types. With --write the snapshot is written anew, for a change that is
meant.
"""
import difflib
import re
import subprocess
import sys

VOLATILE = re.compile(r"^\s*(Filename|Version|Source release date)\b")
LAYOUT = re.compile(r"^\s*(Element Flags:)?$")
ACTIONS = "Element Actions:"
# As GStreamer 1.22 and 1.26 write an action: name, type of its result, arguments.
ACTION = re.compile(r'^  "([\w-]+)"(?: ->)? +(?:: +)?(\w+) +(?:: +)?(?:user_function|g_signal_emit_by_name) \((.*?)\);',
                    re.DOTALL | re.MULTILINE)


def snapshot_of(element):
    run = subprocess.run(["gst-inspect-1.0", "--no-colors", element], capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"gst-inspect-1.0 {element}: {run.stdout}{run.stderr}")
    lines = [line.rstrip() for line in run.stdout.splitlines() if not VOLATILE.match(line)]
    # Numbered object names count the objects of the process.
    return [re.sub(r'"%s\d+"' % element, '"%s0"' % element, line) for line in lines]


def action(name, result, arguments):
    types = [" ".join(argument.split()[:-1]) for argument in arguments.split(",")]
    types = [re.sub("const |[ ]", "", one).replace("gchararray", "gchar*") for one in types]
    # The first argument is the element; in 1.26 the name follows, and the result comes last.
    types = types[2:-1] if f'"{name}"' in arguments else types[1:]
    return f"  {name} ({', '.join(types)}) -> {result}"


def compared(lines):
    start = lines.index(ACTIONS) if ACTIONS in lines else len(lines)
    kept = [line for line in lines[:start] if not LAYOUT.match(line)]
    return kept + [action(*found) for found in ACTION.findall("\n".join(lines[start:]))]


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
