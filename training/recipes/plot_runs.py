#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Loss and triplet accuracy of training runs, epoch by epoch, as one SVG picture.

usage: plot_runs.py OUT.svg LABEL=RUN [LABEL=RUN ...]

RUN is a run's folder, with validation in its metrics.jsonl.
"""
import json
import os
import sys
from xml.sax.saxutils import escape

COLOURS = ("#c2410c", "#1d4ed8", "#15803d", "#7e22ce")
WIDTH, HEIGHT, LEFT, TOP, GAP = 380, 250, 60, 50, 70


def read(folder):
    epochs = []
    with open(os.path.join(folder, "metrics.jsonl"), encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if record["event"] == "epoch" and "validation" in record:
                epochs.append((record["epoch"], record["loss"], record["validation"]["triplet_accuracy"]))
    if not epochs:
        sys.exit(f"{folder}: no epoch with a validation in metrics.jsonl")
    return epochs


def panel(title, x, runs, column, top, marks):
    last = max(run[-1][0] for _, run in runs)
    across = lambda epoch: x + WIDTH * (epoch - 1) / max(1, last - 1)
    up = lambda value: TOP + HEIGHT * (1 - value / top)
    parts = [f'<text x="{x}" y="{TOP - 14}" font-weight="bold">{escape(title)}</text>']
    for mark in marks:
        parts.append(f'<line x1="{x}" x2="{x + WIDTH}" y1="{up(mark):.1f}" y2="{up(mark):.1f}" stroke="#d4d4d4"/>'
                     f'<text x="{x - 8}" y="{up(mark) + 4:.1f}" text-anchor="end">{mark:g}</text>')
    for epoch in (1, (1 + last) // 2, last):
        parts.append(f'<text x="{across(epoch):.1f}" y="{TOP + HEIGHT + 20}" text-anchor="middle">{epoch}</text>')
    parts.append(f'<text x="{x + WIDTH / 2}" y="{TOP + HEIGHT + 38}" text-anchor="middle">epoch</text>')
    for colour, (_, run) in zip(COLOURS, runs):
        points = " ".join(f"{across(row[0]):.1f},{up(min(top, row[column])):.1f}" for row in run)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return parts


def main(arguments):
    if len(arguments) < 2 or any("=" not in argument for argument in arguments[1:]):
        sys.exit(__doc__.strip())
    runs = [(label, read(folder)) for label, folder in (argument.split("=", 1) for argument in arguments[1:])]
    total, height = LEFT + 2 * WIDTH + GAP + 20, TOP + HEIGHT + 60 + 20 * len(runs)
    top = max(1.0, max(row[1] for _, run in runs for row in run[:1]))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {height}" font-family="sans-serif" '
             f'font-size="13"><rect width="{total}" height="{height}" fill="#fff"/>']
    parts += panel("loss in training mode", LEFT, runs, 1, top, [round(top * i / 4, 2) for i in range(5)])
    parts += panel("triplet accuracy on the training pictures, evaluation mode", LEFT + WIDTH + GAP, runs, 2, 1.0,
                   [0, 0.25, 0.5, 0.75, 1])
    for i, (colour, (label, run)) in enumerate(zip(COLOURS, runs)):
        y = TOP + HEIGHT + 62 + 20 * i
        parts.append(f'<line x1="{LEFT}" x2="{LEFT + 26}" y1="{y - 4}" y2="{y - 4}" stroke="{colour}" stroke-width="3"/>'
                     f'<text x="{LEFT + 34}" y="{y}">{escape(label)}: loss {run[-1][1]:.4f}, accuracy {run[-1][2]:.3f} '
                     f'at the end</text>')
    parts.append("</svg>")
    with open(arguments[0] + ".part", "w", encoding="utf-8") as file:
        file.write("\n".join(parts) + "\n")
    os.replace(arguments[0] + ".part", arguments[0])


main(sys.argv[1:])
