# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tables of text: Markdown that also reads well in a terminal."""


def as_time(seconds):
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.2f} {unit}"
    return f"{seconds / 1e-9:.0f} ns"


def as_rate(value, unit):
    for prefix, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}"


def table(head, rows, left=(0,)):
    """`head` and each row: as many texts. The columns `left` are set to the left, the others to the right."""
    rows = [[str(cell) for cell in row] for row in [head, *rows]]
    left = {column % len(head) for column in left}
    widths = [max(3, *(len(row[column]) for row in rows)) for column in range(len(head))]

    def line(row):
        return "| " + " | ".join(cell.ljust(width) if column in left else cell.rjust(width)
                                 for column, (cell, width) in enumerate(zip(row, widths))) + " |"
    rule = "|" + "|".join("-" * (width + 2) if column in left else "-" * (width + 1) + ":"
                          for column, width in enumerate(widths)) + "|"
    return "\n".join([line(rows[0]), rule, *map(line, rows[1:])])
