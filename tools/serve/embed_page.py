# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes files into C++ source, so that they are part of the program: embed_page.py FILE ... OUTPUT. All scripts become one,
page.js."""
import os
import sys


def main(*arguments):
    *files, output = arguments
    lines = ['// Made by embed_page.py.', '#include "serve/page.h"', '', 'namespace serve {', '',
             'std::optional<std::string_view> page_file(std::string_view name) {']
    contents = {}
    for path in files:
        name = "page.js" if path.endswith(".js") else os.path.basename(path)
        with open(path, "rb") as file:
            contents[name] = contents.get(name, b"") + file.read()
    for name, data in contents.items():
        parts = [data[at:at + 24] for at in range(0, len(data), 24)]
        lines.append('  static constexpr unsigned char k%s[] = {' % name.replace(".", "_"))
        lines += ["      " + " ".join("%d," % byte for byte in part) for part in parts]
        lines.append("      0};")
    for name in contents:
        symbol = "k" + name.replace(".", "_")
        lines += ['  if (name == "%s")' % name,
                  '    return std::string_view(reinterpret_cast<const char*>(%s), sizeof(%s) - 1);' % (symbol, symbol)]
    lines += ['  return std::nullopt;', '}', '', '}  // namespace serve', '']
    with open(output, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


main(*sys.argv[1:])
