#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a frame costs in each pixel format, from the source's format to its names.

usage: pixel_formats.py [--runs N] [--frames N] [--size WIDTHxHEIGHT] [CLIP]        (under ./run exec)

The clip's first frame, scaled to the size, is repeated by imagefreeze, so that next to nothing is decoded: a camera's frames go
through tripletdetect → tripletembed → fakesink as they are, or through videoconvert to BGRx first. Turn by turn, so that what
slows the machine down meets all alike: a figure is the median over the turns, and a ratio the median of the ratios within a
turn. CPU seconds of the whole process are told beside the rate, since other work on the machine touches them less.
"""
import argparse
import os
import resource
import statistics
import subprocess
import time

from pipeline import CLIPS

WAYS = {
    "I420": ("I420", []),
    "NV12": ("NV12", []),
    "YUY2": ("YUY2", []),
    "UYVY": ("UYVY", []),
    "BGRx": ("BGRx", []),
    "YUY2, videoconvert to BGRx": ("YUY2", ["videoconvert", "!", "video/x-raw,format=BGRx", "!"]),
}


def pipeline(clip, size, caps_format, convert, frames):
    width, height = size.split("x")
    return (["gst-launch-1.0", "-q", "filesrc", f"location={clip}", "!", "decodebin", "!", "videoconvert", "!", "videoscale", "!",
             "videoconvert", "!", f"video/x-raw,format={caps_format},width={width},height={height}", "!",
             "imagefreeze", f"num-buffers={frames}", "!"] + convert +
            ["tripletdetect", "!", "tripletembed", "!", "fakesink", "sync=false"])


def seconds(command):
    """(wall clock, CPU) of one run."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True)
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(args, way):
    """(wall clock, CPU) of a frame: a long run less a short one, which has the same start."""
    few = 5
    short = seconds(pipeline(args.clip, args.size, *WAYS[way], few))
    long = seconds(pipeline(args.clip, args.size, *WAYS[way], few + args.frames))
    return [(b - a) / args.frames for a, b in zip(short, long)]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--runs", type=int, default=7)
    ap.add_argument("--frames", type=int, default=150)
    ap.add_argument("--size", default="1920x1080")
    ap.add_argument("clip", nargs="?", default=os.path.join(CLIPS, "milk.mkv"))
    args = ap.parse_args()
    turns = [{way: measure(args, way) for way in WAYS} for _ in range(args.runs)]
    base = "I420"
    print(f"{'':28} frames/s   of {base}'s   CPU ms a frame   of {base}'s")
    for way in WAYS:
        rate = statistics.median(1 / turn[way][0] for turn in turns)
        ratio = statistics.median(turn[base][0] / turn[way][0] for turn in turns)
        cpu = statistics.median(turn[way][1] for turn in turns)
        cpu_ratio = statistics.median(turn[way][1] / turn[base][1] for turn in turns)
        print(f"{way:28} {rate:8.1f} {ratio:11.2f} {1000 * cpu:16.2f} {cpu_ratio:11.2f}")


if __name__ == "__main__":
    main()
