#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frames a second of whole pipelines, end to end, with nothing that waits for a clock.

usage: pipeline.py [--runs N] [CLIP …]        (under ./run exec)

The clips, played one after the other, go through decoder → videoconvert → tripletdetect → tripletembed → fakesink at
default settings (every frame detected), then with tracks, which decide who each face is, and with tracks of which the network
sees a tenth, then with a thread of its own for decoding, and with every third frame detected. The rate is that of fpsdisplaysink: frames since the first one, so that loading the model does not
count. Each figure is the median of N runs.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CLIPS = os.path.join(os.environ.get("TRIPLETEMBED_DATA") or os.path.join(ROOT, "..", "shared", "data"), "video")
LIMIT = 120  # seconds: some ten times what a run takes
# 640×480, one face in nearly every frame.
DEFAULT = ["milk", "please", "learn", "school", "walk", "night", "yes"]
STAGES = {
    "decode": [],
    "decode, detect": ["tripletdetect", "!"],
    "decode, detect, embed": ["tripletdetect", "!", "tripletembed", "!"],
    "decode, detect, track, embed": ["tripletdetect", "!", "triplettrack", "!", "tripletembed", "!"],
    "decode, detect every 3rd, track, embed every 10th": ["tripletdetect", "detect-interval=3", "!", "triplettrack", "!",
                                                          "tripletembed", "reclassify-interval=10", "!"],
    "decode, queue, detect, embed": ["queue", "!", "tripletdetect", "!", "tripletembed", "!"],
    "decode, queue, detect every 3rd, embed": ["queue", "!", "tripletdetect", "detect-interval=3", "!", "tripletembed", "!"],
}


def default_clips():
    paths = [os.path.normpath(os.path.join(CLIPS, stem + ".mkv")) for stem in DEFAULT]
    return [path for path in paths if os.path.exists(path)]


def pipeline(clips, stage):
    elements = ["concat", "name=clips", "!"] + STAGES[stage]
    elements += ["fpsdisplaysink", "video-sink=fakesink", "text-overlay=false", "sync=false", "fps-update-interval=100"]
    for clip in clips:
        elements += ["filesrc", f"location={clip}", "!", "decodebin", "!", "videoconvert", "!", "clips."]
    return elements


def run(command, limit=LIMIT):
    """(what subprocess.run says, seconds). GStreamer's concat now and then sleeps for ever at the end of a clip (1.22), with
    no element of ours in the pipeline: what has not ended after `limit` seconds is begun again, twice at most."""
    for _ in range(3):
        started = time.monotonic()
        try:
            result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=limit)
            return result, time.monotonic() - started
        except subprocess.TimeoutExpired:
            print(f"pipeline.py: no end after {limit} s: again", file=sys.stderr)
    raise SystemExit(f"pipeline.py: no end after {limit} s, three times: {' '.join(command)}")


def measure(clips, stage):
    """One run: (frames a second, frames, seconds of wall clock with start and end)."""
    result, wall = run(["gst-launch-1.0", "-v"] + pipeline(clips, stage))
    if result.returncode != 0:
        raise SystemExit(f"pipeline.py: the pipeline failed:\n{result.stderr}")
    reports = re.findall(r"rendered: (\d+), dropped: \d+, current: [\d.]+, average: ([\d.]+)", result.stdout)
    if not reports:
        raise SystemExit("pipeline.py: the clips are too short: no rate was reported")
    return float(reports[-1][1]), int(reports[-1][0]), wall


def measure_all(clips, runs):
    """[(stage, median rate, slowest, fastest, frames)]"""
    rows = []
    for stage in STAGES:
        results = [measure(clips, stage) for _ in range(runs)]
        rates = [rate for rate, _, _ in results]
        rows.append((stage, statistics.median(rates), min(rates), max(rates), results[0][1]))
    return rows


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--runs", type=int, default=5)
    ap.add_argument("clips", nargs="*")
    args = ap.parse_args()
    clips = args.clips or default_clips()
    if not clips:
        raise SystemExit("pipeline.py: the sample clips are not here; give some")
    for stage, median, slowest, fastest, frames in measure_all(clips, args.runs):
        print(f"{stage:<50} {median:8.1f} frames/s  ({slowest:.1f} to {fastest:.1f}, {frames} frames, {args.runs} runs)")


if __name__ == "__main__":
    sys.exit(main())
