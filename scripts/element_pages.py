#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the caps and properties of each element's page, docs/elements/ELEMENT.md.

They come from the committed snapshot of what gst-inspect-1.0 says of the element, tests/gst-plugin/inspect/ELEMENT.txt: no build is
needed, and no default is written by hand.

usage: element_pages.py [--check]

What stands between the two marks of a page is replaced; the rest is written by people. With --check nothing is written:
the exit status is 1 when a page differs from its snapshot, and the difference is printed.
"""
import argparse
import difflib
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BEGIN = "<!-- generated: scripts/element_pages.py -->"
END = "<!-- /generated -->"
# What GstObject gives to every element.
OF_EVERY_OBJECT = {"name", "parent"}
# What GstBin gives to every bin.
OF_EVERY_BIN = {"async-handling", "message-forward"}


def section(text, heading):
    """The indented lines under a heading, with the blank ones between them."""
    lines = text.split("\n")
    if heading not in lines:
        raise ValueError(f"no '{heading}' in the snapshot")
    found = []
    for line in lines[lines.index(heading) + 1:]:
        if line and not line.startswith(" "):
            break
        found.append(line)
    return found


def caps(text):
    """What the pads take, as a sentence or two."""
    pads = "\n".join(section(text, "Pad Templates:"))
    sink, src = pads[pads.index("SINK template"):].split("SRC template")
    if re.search(r"^\s+ANY$", sink, re.MULTILINE):
        return "Any caps; the same at both pads."
    raw = "`video/x-raw` in system memory, of any size and frame rate"
    if re.search(r"^\s+video/x-raw\n\s*$", sink, re.MULTILINE):
        return f"At the sink pad {raw}, in each format that videoconvert takes. Formats at the source pad: {formats(src)}."
    return f"{raw}, the same at both pads. Formats: {formats(sink)}."


def formats(pad):
    """The pixel formats of a pad's caps."""
    listed = re.search(r"format: \{ (.*) \}", pad)
    if not listed:
        raise ValueError("caps that are neither ANY nor have a list of formats")
    return ", ".join(f"`{name}`" for name in re.findall(r"\(string\)(\w+)", listed.group(1)))


def properties(text):
    """Name, blurb and the lines of flags and type, of each property."""
    inherited = OF_EVERY_OBJECT | (OF_EVERY_BIN if "+----GstBin\n" in text else set())
    found = []
    for line in section(text, "Element Properties:"):
        start = re.match(r"^  (\S+)\s*: (.*)$", line)
        if start:
            found.append((start.group(1), start.group(2), []))
        elif found and line.strip():
            found[-1][2].append(line.strip())
    return [each for each in found if each[0] not in inherited]


def value(text):
    return "not set" if text == "null" else f"`{text}`"


def range_and_default(lines):
    """What a property may hold and what it holds at first, as two cells of a table."""
    kind = next(line for line in lines if not line.startswith("flags:"))
    if kind.startswith("Boxed"):
        return "GstStructure", "–"
    if kind.startswith("Boolean"):
        return "`true`, `false`", value(kind.rsplit(" ", 1)[1])
    if kind.startswith("String"):
        default = re.search(r'Default: "?(.*?)"?( Write only)?$', kind).group(1)
        return "text", value(default)
    if kind.startswith("Enum"):
        names = [re.match(r"\(\d+\): (\S+)", line) for line in lines]
        return ", ".join(f"`{name.group(1)}`" for name in names if name), value(re.search(r'"([^"]+)"$', kind).group(1))
    number = re.match(r"(Integer|Double)\. Range:\s*(\S+) -\s*(\S+) Default:\s*(\S+)$", kind)
    if not number:
        raise ValueError(f"a property of an unknown kind: {kind}")
    name = {"Integer": "integer", "Double": "number"}[number.group(1)]
    return f"{name}, {number.group(2)} to {number.group(3)}", value(number.group(4))


def when(lines):
    """In which states a property may be set, as a cell."""
    flags = next(line for line in lines if line.startswith("flags:"))
    if "writable" not in flags:
        return "read only"
    return "NULL, READY" if "only in NULL or READY" in flags else "any"


def generated(text):
    """The part of a page between its marks."""
    lines = [BEGIN, "## Caps", "", caps(text), "", "## Properties", "",
             "| property | what it does | values | default | set in |", "|---|---|---|---|---|"]
    for name, blurb, about in properties(text):
        cells = [f"`{name}`", blurb, *range_and_default(about), when(about)]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, END])


def with_generated(page, text):
    """The page with its generated part made anew. A page without its two marks is refused."""
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise ValueError(f"the marks '{BEGIN}' and '{END}' are each expected once, in this order")
    return page[:page.index(BEGIN)] + generated(text) + page[page.index(END) + len(END):]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def main():
    ap = argparse.ArgumentParser(description="Writes the generated part of docs/elements/*.md.")
    ap.add_argument("--check", action="store_true", help="write nothing; fail when a page differs from its snapshot")
    ap.add_argument("--root", default=ROOT, help=argparse.SUPPRESS)
    args = ap.parse_args()
    snapshots = os.path.join(args.root, "tests", "gst-plugin", "inspect")
    status = 0
    for snapshot in sorted(name for name in os.listdir(snapshots) if name.endswith(".txt")):
        path = os.path.join("docs", "elements", snapshot[:-len(".txt")] + ".md")
        try:
            old = read(os.path.join(args.root, path))
            new = with_generated(old, read(os.path.join(snapshots, snapshot)))
        except (OSError, ValueError) as error:
            sys.exit(f"{path}: {error}")
        if old == new:
            continue
        if args.check:
            sys.stdout.writelines(difflib.unified_diff(old.splitlines(True), new.splitlines(True), path, snapshot))
            status = 1
        else:
            with open(os.path.join(args.root, path), "w", encoding="utf-8") as file:
                file.write(new)
    if status:
        print("the pages differ from the snapshots: run scripts/element_pages.py", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
