#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of scripts/gpu-check: what gpu-bench, training.py and gpu_peer.py measured against the bars.

usage: gpu_table.py RESULTS_FOLDER   (bench.json, train.json, peer.json, tests.txt, versions.txt; any may be missing)

Of a .json file the last whole line counts: each holds all figures that were known when it was written.

Exits 1 when a bar is not met or a part is missing."""
import json
import os
import sys

# What is measured, its unit, the bar and whether more is better.
BARS = [
    ("network_256", "network, batch 256", "faces/s", 200_000, True),
    ("stream_256", "host pixels to host vectors, batch 256", "faces/s", 200_000, True),
    ("latency_1_ms", "one face, host pixels to host vector", "ms", 0.35, False),
    ("crop_64_us", "64 faces out of a 1080p NV12 frame", "µs", 40, False),
    ("cosine", "least cosine to fp32", "", 0.999, True),
]
TRAIN_BAR = 15_000
PEER_FACTOR = 1.2
ALSO = [("latency_1_p99_ms", "one face, 99th percentile", "ms"), ("frame_64_ms", "a device frame's 64 faces to vectors", "ms"),
        ("load_s", "load and capture, batch 256", "s")]
PEER_TOO = [("stream_256", "peer, host to host, batch 256", "faces/s"),
            ("latency_1_ms", "peer, one face, host to host", "ms")]


def read_json(folder, name):
    for line in reversed(read_lines(folder, name)):
        try:
            return json.loads(line)
        except ValueError:  # A time limit cut it off.
            continue
    return None


def read_lines(folder, name):
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return file.read().splitlines()
    except OSError:
        return []


def shown(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}" if abs(value) < 0.99 or abs(value) >= 1 else f"{value:.5f}"


def verdict(value, bar, more):
    met = value >= bar if more else value <= bar
    return "PASS" if met else f"short of it by {abs(value - bar) / bar:.1%}"


def rows_of(bench, train, peer):
    """[(what, value, bar, verdict)]"""
    rows = []
    for key, what, unit, bar, more in BARS:
        sign = "≥" if more else "≤"
        if bench is None or key not in bench:
            rows.append((what, "not measured", f"{sign} {shown(bar)} {unit}".strip(), "MISSING"))
            continue
        rows.append((what, f"{shown(bench[key])} {unit}".strip(), f"{sign} {shown(bar)} {unit}".strip(),
                     verdict(bench[key], bar, more)))
    what, bar = "training, batches of 512", f"≥ {shown(TRAIN_BAR)} images/s"
    if train:
        rate = train["images_per_second"]
        rows.append((what, f"{shown(rate)} images/s ({train['data_wait']:.1%} waiting)", bar, verdict(rate, TRAIN_BAR, True)))
    else:
        rows.append((what, "not measured", bar, "MISSING"))
    what, bar = "network, batch 256, × torch.compile", f"≥ {PEER_FACTOR}"
    if bench and peer and "network_256" in bench and "network_256" in peer:
        factor = bench["network_256"] / peer["network_256"]
        by = f"{shown(peer['network_256'])} by {peer.get('network_256_by', 'torch.compile')}"
        rows.append((what, f"{factor:.2f} (peer: {by})", bar, verdict(factor, PEER_FACTOR, True)))
    else:
        rows.append((what, "not measured", bar, "MISSING"))
    for key, what, unit in ALSO:
        if bench and key in bench:
            rows.append((what, f"{shown(bench[key])} {unit}", "", ""))
    for key, what, unit in PEER_TOO:
        if peer and key in peer:
            rows.append((what, f"{shown(peer[key])} {unit}", "", ""))
    return rows


def main():
    folder = sys.argv[1]
    bench, train, peer = (read_json(folder, name + ".json") for name in ("bench", "train", "peer"))
    for line in read_lines(folder, "versions.txt") + read_lines(folder, "tests.txt"):
        print(line)
    for name, part in (("bench", bench), ("train", train), ("peer", peer)):
        if part and "input" in part:
            print(f"{name:<9} pictures of {part['input']}")
    rows = [("", "measured", "bar", "")] + rows_of(bench, train, peer)
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    failed = [row for row in rows if row[3].startswith(("short", "MISSING"))]
    if failed:
        print(f"{len(failed)} of {len(BARS) + 2} bars not met or not measured")
    sys.exit(1 if failed else 0)


main()
