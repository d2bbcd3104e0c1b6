#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds every #include of the sources to rooms.toml: which room and which package a file may see.

rooms.py [--root FOLDER] [--stamp FILE --depfile FILE]   checks, and writes what the build needs to check again
rooms.py --tree                                          prints the rooms, a line each

A file belongs to the room of the deepest folder that has one. Files below an `include` folder are what others see of their
tree; they, too, are held to the rooms that are listed for them."""
import argparse
import pathlib
import re
import sys
import tomllib

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
SOURCES = {".h", ".cpp", ".cu"}
# The header's first folder, or its name, to the package that it is of. What is not here is the C++ library's or POSIX's.
PACKAGES = {
    "LibTorch": r"(torch|ATen|c10)/",
    "CUDA": r"cuda\w*\.h$|c10/cuda/",
    "OpenCV": r"opencv2/",
    "libheif": r"libheif/",
    "GStreamer": r"(gst|glib|gio|gobject)/|glib\.h$|glib-object\.h$|glib-unix\.h$",
    "cairo": r"cairo|pango/",
    "nlohmann-json": r"nlohmann/",
    "CLI11": r"CLI/",
    "zlib": r"zlib\.h$",
    "cpp-httplib": r"httplib\.h$",
    "libjpeg": r"j(peglib|error)\.h$",
    "utf8proc": r"utf8proc\.h$",
    "Paho": r"MQTT\w+\.h$",
    "librdkafka": r"librdkafka/",
}


class Rooms:
    def __init__(self, root):
        self.root = root
        table = tomllib.loads((root / "build-aux" / "rooms.toml").read_text(encoding="utf-8"))
        self.rooms = {room["path"]: room for room in table["room"]}
        self.trees = table["trees"]
        self.files = {path.relative_to(root) for tree in self.trees for path in (root / tree).rglob("*")
                      if path.suffix in SOURCES}
        # Where an include begins: a tree, or an `include` folder in one.
        self.starts = {pathlib.Path(tree) for tree in self.trees}
        self.starts |= {folder for path in self.files for folder in path.parents if folder.name == "include"}

    def room_of(self, path):
        for folder in path.parents:
            if str(folder) in self.rooms:
                return self.rooms[str(folder)]
        return None

    def seen(self, room):
        """The rooms that this one may include: those it lists, and what it is itself."""
        return {room["path"], *room.get("sees", [])}

    def target(self, path, name):
        """The file that `#include "name"` of `path` means; None when it is none of ours."""
        for place in [path.parent, pathlib.Path(path.parts[0]), *sorted(self.starts)]:
            if place / name in self.files:
                return place / name
        return None

    def faults(self):
        for path in sorted(self.files):
            room = self.room_of(path)
            if room is None:
                yield f"{path}: in no room of build-aux/rooms.toml"
                continue
            text = (self.root / path).read_text(encoding="utf-8")
            for match in INCLUDE.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                fault = self.fault(path, room, match[1], match[2])
                if fault:
                    yield f"{path}:{line}: {fault}"

    def fault(self, path, room, bracket, name):
        if bracket == "<":
            wanted = [package for package, pattern in PACKAGES.items() if re.match(pattern, name)]
            if wanted and not set(wanted) & set(room.get("uses", [])):
                return f"{room['path']} may not use {wanted[0]} (<{name}>)"
            return None
        if name in room.get("own", []):
            return None
        target = self.target(path, name)
        if target is None:
            return f'"{name}" is no file of ours'
        if name.startswith("..") or (target.parent == path.parent and "/" not in name):
            return f'"{name}": an include names its room'
        other = self.room_of(target)
        if other is None:
            return f'"{name}" is in no room'
        if other["path"] not in self.seen(room):
            return f'{room["path"]} may not see {other["path"]} ("{name}")'
        return None

    def upward(self):
        """Arrows that do not run down: a room may see those alone that are listed before it."""
        above = set()
        for path, room in self.rooms.items():
            for other in room.get("sees", []):
                if other in self.rooms and other not in above:
                    yield f"build-aux/rooms.toml: {path} sees {other}, which is not listed before it"
            above.add(path)

    def unknown(self):
        for room in self.rooms.values():
            for other in room.get("sees", []):
                if other not in self.rooms:
                    yield f"build-aux/rooms.toml: {room['path']} sees {other}, which is no room"
            for package in room.get("uses", []):
                if package not in PACKAGES:
                    yield f"build-aux/rooms.toml: {room['path']} uses {package}, which is no package"
            if not (self.root / room["path"]).is_dir():
                yield f"build-aux/rooms.toml: there is no folder {room['path']}"

    def tree(self):
        width = max(len(path) for path in self.rooms)
        for path, room in self.rooms.items():
            uses = f" [{', '.join(room['uses'])}]" if room.get("uses") else ""
            yield f"{path:<{width}}  {room['what']}{uses}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--stamp", type=pathlib.Path)
    parser.add_argument("--depfile", type=pathlib.Path)
    parser.add_argument("--tree", action="store_true")
    options = parser.parse_args()
    rooms = Rooms(options.root.resolve())
    if options.tree:
        print("\n".join(rooms.tree()))
        return 0
    faults = [*rooms.unknown(), *rooms.upward()] or list(rooms.faults())
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        return 1
    if options.stamp:
        options.stamp.write_text("")
        # Folders too: a new file changes its folder's time.
        read = {rooms.root / path for path in rooms.files}
        read |= {path.parent for path in read}
        names = " ".join(str(path).replace(" ", "\\ ") for path in sorted(read))
        options.depfile.write_text(f"{options.stamp}: {names}\n")
    return 0


sys.exit(main())
