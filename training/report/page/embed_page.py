# SPDX-License-Identifier: LGPL-2.1-or-later
"""embed_page.py PAGE.html STYLE.css SCRIPT.js… OUT.cpp: the page with its style and scripts inside, as C++ strings.

The page holds @STYLE@, @SCRIPT@ and, where the data go, @DATA@."""
import pathlib
import sys

# Compilers take string literals of 64 KiB and more, but need not.
PIECE = 8000


def literal(text):
    pieces = [text[i:i + PIECE] for i in range(0, len(text), PIECE)]
    if any(')~~"' in piece for piece in pieces):
        sys.exit("embed_page.py: the page holds the end of a raw string")
    return "\n    ".join('R"~~(%s)~~"' % piece for piece in pieces)


def main():
    page, style, *scripts, out = map(pathlib.Path, sys.argv[1:])
    code = "\n".join(script.read_text(encoding="utf-8") for script in scripts)
    if "</script" in code or "</style" in style.read_text(encoding="utf-8"):
        sys.exit("embed_page.py: a style or script that ends its own element")
    text = page.read_text(encoding="utf-8")
    for mark, content in (("@STYLE@", style.read_text(encoding="utf-8")), ("@SCRIPT@", code)):
        if text.count(mark) != 1:
            sys.exit("embed_page.py: %s must hold %s once" % (page, mark))
        text = text.replace(mark, content)
    head, tail = text.split("@DATA@")
    out.write_text("// Made by embed_page.py.\n#include \"report_template.h\"\n\nnamespace training {\n\n"
                   "const std::string kReportHead =\n    %s;\nconst std::string kReportTail =\n    %s;\n\n"
                   "}  // namespace training\n" % (literal(head), literal(tail)), encoding="utf-8")


main()
