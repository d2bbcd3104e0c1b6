#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""exported.py [--internals] SOVERSION HEADER…: the linker's version script of the libraries, out of their installed headers.

What the headers declare in namespace embed has the version LIBEMBED_<SOVERSION>. LIBEMBED_PRIVATE is what the libraries of one
build use of each other, and the hidden halves of classes. LIBEMBED_INTERNAL, with --internals, is all else in the namespace, for
tests of internal parts. Nothing else is exported.

The headers are laid out by clang-format: what is declared in a namespace begins at the beginning of a line."""
import argparse
import pathlib
import re

# What the sister libraries, and the trainer's module, use beside the installed headers; and what `impl_` points to.
PRIVATE = ["embed::all_finite[!_a-zA-Z0-9]*", "embed::cpu_features[!_a-zA-Z0-9]*", "embed::default_threads[!_a-zA-Z0-9]*",
           "embed::file_identity[!_a-zA-Z0-9]*", "embed::keep_thread_on[!_a-zA-Z0-9]*",
           "embed::WeightsFile::*", "*?for?embed::WeightsFile", "embed::nn::*", "*?for?embed::nn::*",
           "embed::*::Impl::*", "embed::*::State::*"]
INTERNAL = ["embed::*", "*?for?embed::*", "*?to?embed::*"]

TYPE = re.compile(r"(?:class|struct) (\w+)(?! *;)\b[^;(]*\{?$")
FUNCTION = re.compile(r"(?!using|template|static_assert|inline constexpr)[\w\[][\w:<>,&*\s\[\]]*?\b(\w+)\(")


def declared(header):
    """(types, functions) with their namespaces, of one header."""
    text = re.sub(r"//.*", "", header.read_text(encoding="utf-8"))
    scope = re.search(r"^namespace ([\w:]+) \{", text, re.MULTILINE).group(1)
    types, functions = set(), set()
    for line in text.splitlines():
        if match := TYPE.match(line.rstrip()):
            types.add(f"{scope}::{match.group(1)}")
        elif match := FUNCTION.match(line):
            functions.add(f"{scope}::{match.group(1)}")
    return types, functions


def patterns(headers):
    types, functions = set(), set()
    for header in headers:
        more_types, more_functions = declared(header)
        types |= more_types
        functions |= more_functions
    for name in sorted(functions):
        yield f"{name}[!_a-zA-Z0-9]*"
    for name in sorted(types):
        # Its members, and what the compiler adds: tables of virtual functions, run-time types, thunks.
        yield from (f"{name}::*", f"*?for?{name}", f"*?for?{name}::*", f"*?to?{name}::*")


def node(name, lines, rest=""):
    return f'{name} {{\n  global:\n    extern "C++" {{\n' + "".join(f"      {line};\n" for line in lines) + f"    }};\n{rest}}};\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--internals", action="store_true")
    parser.add_argument("soversion")
    parser.add_argument("headers", nargs="+", type=pathlib.Path)
    args = parser.parse_args()
    # Of two patterns that fit, the linker takes that of the later node.
    hidden = "  local:\n    *;\n"
    if args.internals:
        print(node("LIBEMBED_INTERNAL", INTERNAL), end="")
    print(node(f"LIBEMBED_{args.soversion}", patterns(args.headers), hidden), end="")
    print(node("LIBEMBED_PRIVATE", PRIVATE), end="")


if __name__ == "__main__":
    main()
