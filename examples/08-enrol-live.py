#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Enrols somebody while the video runs: the first face that nobody knows gets a name, and has it from the next frame on.

usage: ./run exec examples/08-enrol-live.py VIDEO GALLERY NAME

GALLERY is made where it is not there. Who is in front of a camera is enrolled as somebody presses a button: here the button is
pressed when a face without a name has been seen on ten frames. Needs Debian's python3-gi and gir1.2-gstreamer-1.0.
"""
import collections
import os
import sys
import warnings

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

# An array of structures is a GObject.ValueArray, and has no other way in from Python.
warnings.filterwarnings("ignore", "GObject.ValueArray.get_nth is deprecated")

FRAMES = 10


class Doorman:
    def __init__(self, video, gallery, name):
        self.gallery, self.name = gallery, name
        self.unknown = collections.Counter()  # Frames without a name, of each track.
        self.seen = collections.Counter()
        self.failure = None
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.parse_launch(
            "filesrc name=video ! decodebin ! videoconvert ! videoflip video-direction=auto ! videoconvert ! tripletdetect ! "
            "triplettrack ! tripletembed name=embed ! fakesink name=end sync=false signal-handoffs=true")
        self.embed = self.pipeline.get_by_name("embed")
        self.pipeline.get_by_name("video").set_property("location", video)
        if os.path.exists(gallery):
            self.embed.set_property("gallery", gallery)
        self.pipeline.get_by_name("end").connect("handoff", self.on_frame)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message", self.on_message)

    def on_frame(self, _sink, buffer, _pad):
        meta = buffer.get_custom_meta("TripletEmbed")
        found, array = meta.get_structure().get_array("faces") if meta else (False, None)
        for face in [array.get_nth(i) for i in range(array.n_values)] if found else []:
            label, track = face.get_string("label"), face.get_int("track")[1]
            self.seen[label] += 1
            if face.get_string("reason") not in ("far", "no-gallery", "rejected"):
                continue
            self.unknown[track] += 1
            if self.unknown[track] == FRAMES:
                self.enrol(track)

    def enrol(self, track):
        """Signals may be emitted from any thread, also from the one that brings the frames."""
        done = self.embed.emit("enroll", self.name, track)
        print(f"track {track} is {self.name}" if done else f"track {track} was not enrolled", flush=True)

    def on_message(self, _bus, message):
        if message.type == Gst.MessageType.WARNING:
            print(message.parse_warning()[0].message, file=sys.stderr)
        if message.type == Gst.MessageType.ERROR:
            self.failure = message.parse_error()[0].message
        if message.type in (Gst.MessageType.ERROR, Gst.MessageType.EOS):
            self.loop.quit()

    def run(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        try:
            self.loop.run()
            # A gallery that was there has been written already.
            self.embed.set_property("gallery", self.gallery)
            if not self.failure and not self.embed.emit("save"):
                self.failure = f"{self.gallery}: not written"
        finally:
            self.pipeline.set_state(Gst.State.NULL)
        for label, frames in self.seen.most_common():
            print(f"{label}: {frames} frames")
        return self.failure


def main():
    if len(sys.argv) != 4:
        sys.exit("usage: 08-enrol-live.py VIDEO GALLERY NAME")
    Gst.init(None)
    failure = Doorman(*sys.argv[1:]).run()
    if failure:
        sys.exit(f"08-enrol-live.py: {failure}")


main()
