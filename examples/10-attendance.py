#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Attendance: who was before the camera on which day, first and last seen, as tripletembed's messages on the bus tell it.

usage: ./run exec examples/10-attendance.py GALLERY SOURCE

SOURCE is a video file, a camera (/dev/video0) or an address (rtsp://…). Prints a line when somebody has gone, and the list when the
video ends or the program is interrupted. Days and times are this computer's. A person counts as who they were last, so that one
who was taken for somebody else at first is listed once. Needs Debian's python3-gi and gir1.2-gstreamer-1.0.
"""
import datetime
import os
import signal
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402


class Attendance:
    def __init__(self):
        self.seen = {}  # (day, name) → the first and the last time, as text.

    def saw(self, name, moment):
        day, time = moment.strftime("%F %T").split()
        first, last = self.seen.get((day, name), (time, time))
        self.seen[day, name] = min(first, time), max(last, time)

    def add(self, name, first, last):
        """A stay; one over midnight counts on each of its days."""
        self.saw(name, first)
        while first.date() < last.date():
            midnight = datetime.datetime.combine(first.date() + datetime.timedelta(1), datetime.time()).astimezone()
            self.saw(name, midnight - datetime.timedelta(seconds=1))
            self.saw(name, midnight)
            first = midnight
        self.saw(name, last)

    def take(self, message):
        """A message of the bus. Who is lost, a name and two moments, is all that a stay is made of."""
        face = message.get_structure()
        if face.get_name() != "triplet-face" or face.get_string("event") != "lost" or face.get_int("label_id")[1] < 0:
            return
        told = datetime.datetime.fromisoformat(face.get_string("utc").replace("Z", "+00:00")).astimezone()
        now, first, last = (face.get_uint64(field)[1] for field in ("running-time", "first-seen", "last-seen"))
        first, last = (told - datetime.timedelta(microseconds=(now - then) / 1000) for then in (first, last))
        name = face.get_string("label")
        print(f"{name} was there from {first:%F %T} to {last:%T}", file=sys.stderr, flush=True)
        self.add(name, first, last)


def make_pipeline(gallery, source):
    live = source.startswith("/dev/") or ("://" in source and not source.startswith("file://"))
    pipeline = Gst.parse_launch("uridecodebin name=source ! queue name=newest max-size-buffers=1 ! tripletbin name=faces "
                                "! fakesink sync=false")
    if live:  # Of a camera that is faster than this machine the newest frame counts.
        pipeline.get_by_name("newest").set_property("leaky", "downstream")
    uri = "v4l2://" + source if source.startswith("/dev/") else source
    pipeline.get_by_name("source").set_property("uri", uri if "://" in uri else Gst.filename_to_uri(os.path.abspath(uri)))
    pipeline.get_by_name("faces").set_property("gallery", gallery)
    return pipeline


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: 10-attendance.py GALLERY SOURCE")
    Gst.init(None)
    attendance, pipeline, failure = Attendance(), make_pipeline(*sys.argv[1:]), None
    ends = []
    for end in (signal.SIGINT, signal.SIGTERM):
        signal.signal(end, lambda *_: ends.append(True))
    bus = pipeline.get_bus()
    kinds = Gst.MessageType.ELEMENT | Gst.MessageType.ERROR | Gst.MessageType.EOS
    pipeline.set_state(Gst.State.PLAYING)
    while not ends:
        message = bus.timed_pop_filtered(Gst.SECOND // 5, kinds)
        if message and message.type == Gst.MessageType.ELEMENT:
            attendance.take(message)
        elif message:
            ends.append(True)
            failure = message.parse_error()[0].message if message.type == Gst.MessageType.ERROR else None
    pipeline.set_state(Gst.State.READY)  # Which tells who was there still; NULL would empty the bus.
    while message := bus.pop_filtered(Gst.MessageType.ELEMENT):
        attendance.take(message)
    pipeline.set_state(Gst.State.NULL)
    for (day, name), (first, last) in sorted(attendance.seen.items()):
        print(f"{day}  {first}  {last}  {name}")
    if failure:
        sys.exit(f"10-attendance.py: {failure}")


if __name__ == "__main__":
    main()
