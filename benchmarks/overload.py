#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How late a live stream's frames are when it brings four times what the machine can do.

usage: overload.py [--seconds S] [--runs N] [--times N] [--faces N,N] [--precision P] [CLIP]
       (under ./run exec, with Debian's own Python, which has GStreamer)

A frame of the clip, with so many copies of its face side by side, comes again and again. First as fast as it is taken, which
shows the frames a second that can be done; then from a live source at `--times` that rate, through the pipelines of docs/tuning.md.
A frame's latency is the running time at which it reaches the sink less the one at which it was made. Prints the middle run by the
95th percentile: latency, frames that left, those among them that came too late to be embedded, and how much memory the process
took from the second second on.
"""
import argparse
import os
import statistics
import tempfile
import time

import gi

from pipeline import CLIPS

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

SIDE = (320, 240)
LEAKY = "queue leaky=downstream max-size-buffers=1 ! "
ELEMENTS = "tripletdetect max-side=640 ! tripletembed name=e precision={} ! fakesink name=s qos=true sync="
PIPELINES = {
    "no queue, sync=true": ELEMENTS + "true",
    "leaky queue, sync=true": LEAKY + ELEMENTS + "true",
    "leaky queue, sync=false": LEAKY + ELEMENTS + "false",
}


def montage(clip, faces, path):
    """Writes a raw RGB picture with so many copies of the clip's first frame, four a row; the launch line that reads it."""
    width, height = SIDE
    Run(f"filesrc location={clip} ! decodebin ! videoconvert ! videoscale ! videoconvert ! video/x-raw,format=RGB,width={width},"
        f"height={height} ! identity eos-after=2 ! filesink name=s location={path}").go(60, until_eos=True)
    with open(path, "rb") as one:
        pixels = one.read(3 * width * height)
    rows = [pixels[y * 3 * width:(y + 1) * 3 * width] for y in range(height)]
    columns = min(4, faces)
    with open(path, "wb") as all_of_them:
        for left in range(faces, 0, -columns):
            for row in rows:
                here = min(left, columns)
                all_of_them.write(row * here + bytes(3 * width * (columns - here)))
    width, height = columns * width, -(-faces // columns) * height
    return (f"filesrc location={path} blocksize={3 * width * height} ! rawvideoparse format=rgb width={width} height={height} "
            "! videoconvert ! video/x-raw,format=I420 ! ")


def resident_mb():
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


class Run:
    """A pipeline, and when its frames came to the sink."""

    def __init__(self, text):
        self.pipeline = Gst.parse_launch(text)
        self.latencies, self.arrivals = [], []
        self.pipeline.get_by_name("s").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self.arrive)

    def arrive(self, pad, info):
        self.arrivals.append(time.monotonic())
        clock = self.pipeline.get_clock()
        if clock is not None:
            now = clock.get_time() - self.pipeline.get_base_time()
            self.latencies.append((now - info.get_buffer().pts) / 1e6)
        return Gst.PadProbeReturn.OK

    def go(self, seconds, until_eos=False):
        """Growth of the resident memory."""
        self.pipeline.set_state(Gst.State.PLAYING)
        before = None
        bus, end = self.pipeline.get_bus(), time.monotonic() + seconds
        while until_eos or time.monotonic() < end:
            message = bus.timed_pop_filtered(100 * Gst.MSECOND, Gst.MessageType.ERROR | Gst.MessageType.EOS)
            if before is None and time.monotonic() > end - seconds + 2:
                before = resident_mb()
            if message is not None and message.type == Gst.MessageType.ERROR:
                raise SystemExit("overload.py: " + message.parse_error()[0].message)
            if message is not None:
                break
        grown = resident_mb() - (before or resident_mb())
        embed = self.pipeline.get_by_name("e")
        self.stats = embed.get_property("stats") if embed is not None else None
        self.pipeline.set_state(Gst.State.NULL)
        return grown


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def rate(picture, text):
    """Frames a second that can be done, and faces found in one."""
    run = Run(picture + "imagefreeze num-buffers=80 ! " + text.replace(LEAKY, "").replace("sync=true", "sync=false"))
    run.go(60, until_eos=True)
    took = run.arrivals[-1] - run.arrivals[20]
    return (len(run.arrivals) - 21) / took, run.stats.get_value("faces") / run.stats.get_value("frames")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--seconds", type=float, default=8)
    ap.add_argument("--runs", type=int, default=3)
    ap.add_argument("--times", type=float, default=4)
    ap.add_argument("--faces", default="1,8")
    ap.add_argument("--precision", default="auto")
    ap.add_argument("clip", nargs="?", default=os.path.join(CLIPS, "milk.mkv"))
    args = ap.parse_args()
    Gst.init(None)
    folder = tempfile.TemporaryDirectory()
    for faces in [int(text) for text in args.faces.split(",")]:
        picture = montage(args.clip, faces, folder.name + "/picture.rgb")
        for name, template in PIPELINES.items():
            text = template.format(args.precision)
            rows = []
            for _ in range(args.runs):
                can, found = rate(picture, text)
                offered = max(1, round(args.times * can))
                run = Run(picture + f"imagefreeze is-live=true ! video/x-raw,framerate={offered}/1 ! " + text)
                grown = run.go(args.seconds)
                settled = run.latencies[len(run.latencies) // 5:]
                rows.append((percentile(settled, 0.95), statistics.median(settled), can, offered, found,
                             len(run.latencies) / args.seconds, run.stats.get_value("drops") / args.seconds, grown))
            p95, p50, can, offered, found, left, late, grown = sorted(rows)[len(rows) // 2]
            print(f"{found:.0f} faces, {name}: {can:.0f} frames/s can be done, {offered} come: latency {p50:.0f} ms, p95 {p95:.0f} ms "
                  f"({min(rows)[0]:.0f} to {max(rows)[0]:.0f}); {left:.0f} frames/s leave, {late:.0f} of them late; "
                  f"memory {grown:+.1f} MB", flush=True)


if __name__ == "__main__":
    main()
