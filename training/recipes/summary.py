#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures of several `triplet-train evaluate --json` outputs: one line each, then the means.

usage: summary.py [--error] MEASURE [MEASURE ...] -- FILE.json [FILE.json ...]

--error adds the means' standard error over the files.
Files named fold*-seed* are also averaged seed by seed, and the spread is that of the seeds' means.
"""
import json
import math
import os
import re
import statistics
import sys


def main(arguments):
    error = arguments[:1] == ["--error"]
    arguments = arguments[error:]
    if "--" not in arguments or arguments.index("--") == 0 or arguments[-1] == "--":
        sys.exit(__doc__.strip())
    split = arguments.index("--")
    measures, files = arguments[:split], sorted(arguments[split + 1:])
    width = max(len(os.path.basename(name)) for name in files)
    print(" " * width, *(f"{measure:>22}" for measure in measures))
    rows, seeds = [], {}
    for name in files:
        with open(name, encoding="utf-8") as file:
            result = json.load(file)
        row = [float(result[measure]) for measure in measures]
        rows.append(row)
        found = re.search(r"seed(\d+)", os.path.basename(name))
        seeds.setdefault(found.group(1) if found else "", []).append(row)
        print(f"{os.path.basename(name):<{width}}", *(f"{value:22.4f}" for value in row))
    print(f"{'mean':<{width}}", *(f"{statistics.fmean(column):22.4f}" for column in zip(*rows)))
    if error and len(rows) > 1:
        print(f"{'standard error':<{width}}",
              *(f"{statistics.stdev(column) / math.sqrt(len(rows)):22.4f}" for column in zip(*rows)))
    if len(seeds) > 1:
        means = [[statistics.fmean(column) for column in zip(*group)] for group in seeds.values()]
        print(f"{'spread of seeds (sd)':<{width}}", *(f"{statistics.stdev(column):22.4f}" for column in zip(*means)))


main(sys.argv[1:])
