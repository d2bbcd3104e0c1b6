#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long frames take through a pipeline, for board_report.py: for so many seconds, from its element `source` to its element `sink`,
all in one streaming thread.

usage: board_pipeline.py SECONDS PIPELINE

Prints a line for each frame: nanoseconds from the source to the sink, and when it reached the sink. (GStreamer has a tracer
for that, which never starts with Debian 13's gst-launch-1.0.)"""
import sys
import time

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

WAIT_FOR_FIRST = 60  # seconds, in which a model is loaded


def main():
    seconds, text = float(sys.argv[1]), sys.argv[2]
    Gst.init(None)
    pipeline = Gst.parse_launch(text)
    begin, frames = [0], []

    def leaves(_pad, _info):
        begin[0] = time.monotonic_ns()
        return Gst.PadProbeReturn.OK

    def arrives(_pad, _info):
        now = time.monotonic_ns()
        frames.append((now - begin[0], now))
        return Gst.PadProbeReturn.OK

    pipeline.get_by_name("source").get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, leaves)
    pipeline.get_by_name("sink").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, arrives)
    pipeline.set_state(Gst.State.PLAYING)
    end, message = time.monotonic() + WAIT_FOR_FIRST, None
    while message is None and time.monotonic() < end:
        message = pipeline.get_bus().timed_pop_filtered(Gst.SECOND // 20, Gst.MessageType.ERROR | Gst.MessageType.EOS)
        if frames:
            end = min(end, frames[0][1] / 1e9 + seconds)
    pipeline.set_state(Gst.State.NULL)
    if message is not None and message.type == Gst.MessageType.ERROR:
        sys.exit(message.parse_error()[0].message)
    for took, when in frames:
        print(took, when)


if __name__ == "__main__":
    main()
