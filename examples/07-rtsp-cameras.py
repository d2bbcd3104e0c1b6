#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who is where: the people before several network cameras, as tripletembed's messages on the bus tell it.

usage: ./run exec examples/07-rtsp-cameras.py GALLERY NAME=rtsp://ADDRESS…

Prints a line whenever somebody comes, is named or goes, with all who are before that camera then, and counts when it ends
(interrupt it, or end it with SIGTERM). Each camera has a pipeline of its own, so that one that fails holds no other up. They
share one model. A camera that fails, ends its stream or sends no frame for ten seconds is asked again, after one second at
first and after half a minute at most; what it was, and who was there, is told.

Needs Debian's python3-gi and gir1.2-gstreamer-1.0; no header and no binding of this project.
"""
import signal
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

SHORTEST_PAUSE, LONGEST_PAUSE = 1, 30  # Seconds before a camera is asked again.
PATIENCE = 10  # Seconds without a frame.


def say(camera, text):
    print(f"{camera}: {text}", flush=True)


class Camera:
    def __init__(self, name, address, gallery):
        self.name = name
        self.here = {}  # The label of each track that has appeared and is not lost.
        self.starts, self.pause = 0, SHORTEST_PAUSE
        self.frames = self.frames_before = self.still = 0
        # A leaky queue keeps the newest frame where the machine is too slow for all of them.
        self.pipeline = Gst.parse_launch(
            "rtspsrc name=source latency=200 protocols=tcp add-reference-timestamp-meta=true "
            "decodebin name=decoder "
            "videoconvert name=convert ! queue leaky=downstream max-size-buffers=1 "
            "! tripletdetect ! triplettrack ! tripletembed name=embed ! fakesink sync=false")
        self.source, self.decoder, self.convert, self.embed = (
            self.pipeline.get_by_name(each) for each in ("source", "decoder", "convert", "embed"))
        self.source.set_property("location", address)
        self.embed.set_property("gallery", gallery)
        self.embed.set_property("camera", name)
        # The pads come anew with each start.
        self.source.connect("pad-added", self.on_pad, self.decoder)
        self.decoder.connect("pad-added", self.on_pad, self.convert)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::element", self.on_element)
        bus.connect("message::error", self.on_error)
        bus.connect("message::eos", lambda *_: self.again("the stream has ended"))
        GLib.timeout_add_seconds(1, self.watch)

    @staticmethod
    def on_pad(_element, pad, target):
        kind = pad.query_caps().get_structure(0)
        if kind.get_name() == "video/x-raw" or kind.get_string("media") == "video":
            pad.link(target.get_static_pad("sink"))

    def start(self):
        self.starts += 1
        self.still = 0
        self.pipeline.set_state(Gst.State.PLAYING)
        return GLib.SOURCE_REMOVE

    def again(self, why):
        """Stops the pipeline and starts it again after a pause."""
        if self.pipeline.target_state <= Gst.State.READY:
            return  # One failure may post several errors.
        say(self.name, f"{why}; asked again in {self.pause} s")
        # In READY the model stays loaded, and the bus still hands out who is lost by the end.
        self.pipeline.set_state(Gst.State.READY)
        GLib.timeout_add_seconds(self.pause, self.start)
        self.pause = min(2 * self.pause, LONGEST_PAUSE)

    def watch(self):
        self.frames = self.counted("frames")
        if self.frames != self.frames_before:
            self.frames_before, self.still, self.pause = self.frames, 0, SHORTEST_PAUSE
        elif self.pipeline.target_state == Gst.State.PLAYING:
            self.still += 1
            if self.still >= PATIENCE:
                self.again(f"no frame for {PATIENCE} s")
        return GLib.SOURCE_CONTINUE

    def counted(self, what):
        return self.embed.get_property("stats").get_uint64(what)[1]

    def on_error(self, _bus, message):
        self.again(message.parse_error()[0].message)

    def on_element(self, _bus, message):
        face = message.get_structure()
        if face.get_name() != "triplet-face":
            return
        track, event = face.get_int("track")[1], face.get_string("event")
        if event == "lost":
            self.here.pop(track, None)
        else:
            self.here[track] = face.get_string("label")
        say(self.name, f"{face.get_string('utc')} {event} {face.get_string('label')}; "
            f"here: {', '.join(sorted(self.here.values())) or 'nobody'}")

    def stop(self):
        frames, embedded, late = (self.counted(what) for what in ("frames", "embedded", "drops"))
        self.pipeline.set_state(Gst.State.NULL)
        say(self.name, f"{frames} frames, {embedded} faces embedded, {late} frames too late, {self.starts} starts")


def main():
    if len(sys.argv) < 3 or not all("=" in each for each in sys.argv[2:]):
        sys.exit("usage: 07-rtsp-cameras.py GALLERY NAME=rtsp://ADDRESS…")
    Gst.init(None)
    cameras = [Camera(*each.split("=", 1), sys.argv[1]) for each in sys.argv[2:]]
    loop = GLib.MainLoop()
    for end in (signal.SIGINT, signal.SIGTERM):
        GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, end, lambda: loop.quit() or GLib.SOURCE_CONTINUE)
    for camera in cameras:
        camera.start()
    loop.run()
    for camera in cameras:
        camera.stop()


main()
