#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""BUILD [--write]: what the libraries export is what debian/*.symbols says: the functions of the installed headers. Packages of
programs depend on the release that brought what they use, so one that is gone needs a new soversion.

--write brings debian/*.symbols up to date."""
import glob
import os
import re
import subprocess
import sys
import unittest

BUILD = sys.argv[1]
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LIBRARIES = {"libembed-core": "libembed", "libembed": "libembed", "libembed-faces": "libembed/faces"}
LISTED = re.compile(r'^ \(c\+\+\)"(.+)@LIBEMBED_(\d+)" (\S+)$', re.MULTILINE)


def library(name):
    return os.path.join(BUILD, LIBRARIES[name], name + ".so")


def soversion(name):
    header = subprocess.run(["readelf", "-d", library(name)], check=True, capture_output=True, text=True).stdout
    return re.search(r"SONAME.*\.so\.(\d+)", header).group(1)


def exported(name):
    """{(kind of nm, demangled symbol, version)} of a library."""
    lines = subprocess.run(["nm", "-D", "-C", "--defined-only", "--with-symbol-versions", library(name)], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    found = (re.fullmatch(r"[0-9a-f]+ (\w) (.*?)(?:@@?(\w+))?", line).groups() for line in lines)
    return {each for each in found if each[0] != "A"}


def functions(name):
    """What programs are linked against: functions that every compiler puts into the library. Those that are inline may stand in
    the program itself."""
    return {symbol for kind, symbol, version in exported(name) if kind == "T" and version == "LIBEMBED_" + soversion(name)}


def listing(name):
    return os.path.join(ROOT, "debian", name + soversion(name) + ".symbols")


def listed(name):
    """{symbol: release that brought it}"""
    with open(listing(name), encoding="utf-8") as file:
        return {symbol: release for symbol, _, release in LISTED.findall(file.read())}


def write(name, release):
    known = listed(name) if os.path.exists(listing(name)) else {}
    number = soversion(name)
    lines = [f"{name}.so.{number} {name}{number} #MINVER#", "* Build-Depends-Package: libembed-dev"]
    lines += [f' (c++)"{symbol}@LIBEMBED_{number}" {known.get(symbol, release)}' for symbol in sorted(functions(name))]
    # What is inline, and the compiler's own; and what only packages of the same build use, which say so.
    lines += [f" (optional|symver)LIBEMBED_{number} {release}", f" (optional|symver)LIBEMBED_PRIVATE {release}"]
    with open(listing(name), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


class Exported(unittest.TestCase):
    def test_nothing_is_exported_but_our_own(self):
        for name in self.built():
            self.assertEqual([each for each in exported(name) if not (each[2] or "").startswith("LIBEMBED_")], [], name)
            self.assertFalse([each for each in exported(name) if re.match(r"(std|nlohmann|torch|at|c10|cv)::", each[1])], name)

    def test_the_functions_are_those_of_the_symbols_file(self):
        for name in self.built():
            has, says = functions(name), set(listed(name))
            advice = f"{sys.argv[0]} {BUILD} --write brings {listing(name)} up to date"
            self.assertEqual(sorted(says - has), [], "gone, which asks for a new soversion once it was released. " + advice)
            self.assertEqual(sorted(has - says), [], "new. " + advice)

    def test_no_function_of_an_installed_header_is_internal(self):
        headers = ""
        for folder in ("libembed/include/embed", "libembed/faces/include/embed/faces"):
            for path in glob.glob(os.path.join(ROOT, folder, "*.h")):
                with open(path, encoding="utf-8") as file:
                    headers += file.read()
        for name in self.built():
            for _, symbol, version in exported(name):
                function = re.match(r"embed::(?:faces::)?(\w+)[\[(]", symbol)
                if function and version == "LIBEMBED_INTERNAL":
                    self.assertIsNone(re.search(rf"^[^/\n]*\b{function.group(1)}\(", headers, re.MULTILINE), symbol)

    def built(self):
        return [name for name in LIBRARIES if os.path.exists(library(name))]


if __name__ == "__main__":
    if "--write" in sys.argv:
        with open(os.path.join(ROOT, "meson.build"), encoding="utf-8") as meson:
            version = re.search(r"version: '([\d.]+)'", meson.read()).group(1)
        for each in LIBRARIES:
            write(each, version)
    else:
        unittest.main(argv=sys.argv[:1])
