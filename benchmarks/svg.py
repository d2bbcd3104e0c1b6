# SPDX-License-Identifier: LGPL-2.1-or-later
"""Line charts as SVG, from the standard library alone, so that a page of results needs nothing to be drawn."""
import math
from xml.sax.saxutils import escape

COLOURS = ("#c2410c", "#1d4ed8", "#15803d", "#7e22ce", "#0e7490", "#a16207", "#be185d", "#475569")
WIDTH, HEIGHT, LEFT, TOP = 460, 280, 76, 46
LEGEND = 230


class Axis:
    """Values to pixels. Logarithmic ones are all above 0; others start at 0."""

    def __init__(self, values, begin, end, logarithmic):
        self.begin, self.end, self.logarithmic = begin, end, logarithmic
        self.low, self.high = (min(values), max(values)) if logarithmic else (0.0, max(values) or 1.0)
        if self.low == self.high:
            self.low, self.high = self.low / 2, self.high * 2

    def __call__(self, value):
        low, high, at = (math.log(v) if self.logarithmic else v for v in (self.low, self.high, value))
        return self.begin + (self.end - self.begin) * (at - low) / (high - low)

    def marks(self):
        """Round values to draw lines at."""
        if self.logarithmic:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            steps = (1, 2, 5) if len(decades) <= 4 else (1,)
            marks = [step * 10.0 ** decade for decade in decades for step in steps]
            return [mark for mark in marks if self.low * (1 - 1e-9) <= mark <= self.high * (1 + 1e-9)]
        step = 10 ** math.floor(math.log10(self.high / 2))
        step *= next(factor for factor in (1, 2, 5, 10) if self.high / (step * factor) <= 6)
        return [step * i for i in range(int(self.high / step + 1e-9) + 1)]


def number(value):
    if value == 0:
        return "0"
    if value >= 1e6 and value % 1e5 == 0:
        return f"{value / 1e6:g}M"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def chart(title, x_name, y_name, series, log_x=False, log_y=False):
    """The text of an SVG file. `series`: {label: [(x, y)]}, none of them empty. The x that occur are marked: a few."""
    points = [point for line in series.values() for point in line]
    across = Axis([x for x, _ in points], LEFT, LEFT + WIDTH, log_x)
    up = Axis([y for _, y in points], TOP + HEIGHT, TOP, log_y)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + LEGEND} {TOP + HEIGHT + 60}" '
             f'font-family="sans-serif" font-size="13"><rect width="100%" height="100%" fill="#fff"/>',
             f'<text x="{LEFT}" y="24" font-size="15" font-weight="bold">{escape(title)}</text>']
    for mark in up.marks():
        parts.append(f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{up(mark):.1f}" y2="{up(mark):.1f}" stroke="#e5e5e5"/>'
                     f'<text x="{LEFT - 8}" y="{up(mark) + 4:.1f}" text-anchor="end">{number(mark)}</text>')
    for mark in sorted({x for x, _ in points}):
        parts.append(f'<text x="{across(mark):.1f}" y="{TOP + HEIGHT + 20}" text-anchor="middle">{number(mark)}</text>')
    middle = TOP + HEIGHT / 2
    parts.append(f'<text x="{LEFT + WIDTH / 2}" y="{TOP + HEIGHT + 44}" text-anchor="middle">{escape(x_name)}</text>'
                 f'<text x="16" y="{middle}" text-anchor="middle" transform="rotate(-90 16 {middle})">'
                 f'{escape(y_name)}</text>')
    for i, (label, line) in enumerate(series.items()):
        colour, dash = COLOURS[i % len(COLOURS)], ' stroke-dasharray="6 4"' if i >= len(COLOURS) else ""
        where = [(across(x), up(y)) for x, y in sorted(line)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in where)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in where]
        y = TOP + 8 + 20 * i
        parts.append(f'<line x1="{LEFT + WIDTH + 14}" x2="{LEFT + WIDTH + 36}" y1="{y}" y2="{y}" stroke="{colour}" '
                     f'stroke-width="3"{dash}/><text x="{LEFT + WIDTH + 42}" y="{y + 4}">{escape(label)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
