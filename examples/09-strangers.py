#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Strangers who come back: plays videos one after another, nobody enrolled, says who was in which of them, and names one.

usage: ./run exec examples/09-strangers.py STRANGERS GALLERY NAME VIDEO…

STRANGERS is the file that keeps them from video to video, and from one call to the next; GALLERY gets NAME, the stranger who
was in most of the videos. Both are made where they are not there. Needs Debian's python3-gi and gir1.2-gstreamer-1.0.
"""
import collections
import os
import sys
import warnings

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

# An array of structures is a GObject.ValueArray, and has no other way in from Python.
warnings.filterwarnings("ignore", "GObject.ValueArray.get_nth is deprecated")


class Player:
    """One video at a time."""

    def __init__(self, video, strangers, gallery):
        self.frames = collections.Counter()  # By names and strangers' labels.
        self.pipeline = Gst.parse_launch(
            "filesrc name=video ! decodebin ! videoconvert ! videoflip video-direction=auto ! videoconvert ! tripletdetect ! "
            "triplettrack ! tripletembed name=embed ! fakesink name=end sync=false signal-handoffs=true")
        self.pipeline.get_by_name("video").set_property("location", video)
        self.embed = self.pipeline.get_by_name("embed")
        self.embed.set_property("strangers", strangers)
        if os.path.exists(gallery):
            self.embed.set_property("gallery", gallery)
        self.pipeline.get_by_name("end").connect("handoff", self.on_frame)

    def on_frame(self, _sink, buffer, _pad):
        meta = buffer.get_custom_meta("TripletEmbed")
        found, array = meta.get_structure().get_array("faces") if meta else (False, None)
        for face in [array.get_nth(i) for i in range(array.n_values)] if found else []:
            if face.get_int("label_id")[1] >= 0:
                self.frames[face.get_string("label")] += 1
            elif face.has_field("stranger"):
                self.frames[face.get_string("stranger")] += 1

    def play(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        message = self.pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, Gst.MessageType.ERROR | Gst.MessageType.EOS)
        if message.type == Gst.MessageType.ERROR:
            self.close()
            sys.exit(f"09-strangers.py: {message.parse_error()[0].message}")

    def name(self, stranger, person, gallery):
        """Whether it was done; the element is in use still."""
        done = self.embed.emit("name-stranger", stranger, person)
        self.embed.set_property("gallery", gallery)
        return done and self.embed.emit("save")

    def close(self):
        self.pipeline.set_state(Gst.State.NULL)


def main():
    if len(sys.argv) < 5:
        sys.exit("usage: 09-strangers.py STRANGERS GALLERY NAME VIDEO…")
    strangers, gallery, name, *videos = sys.argv[1:]
    Gst.init(None)
    seen_in = collections.Counter()
    for video in videos:
        player = Player(video, strangers, gallery)
        player.play()
        for label, frames in player.frames.most_common():
            print(f"{os.path.basename(video)}: {label}, {frames} frames", flush=True)
            seen_in[label] += label.startswith("unknown-")
        if video == videos[-1] and +seen_in:
            stranger, count = seen_in.most_common(1)[0]
            done = player.name(stranger, name, gallery)
            print(f"{stranger}, who was in {count} videos, is {name}" if done else f"{stranger} was not named")
        player.close()


main()
