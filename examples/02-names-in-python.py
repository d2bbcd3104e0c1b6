#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads the names inside an application: from the custom meta `TripletEmbed` that each frame carries.

usage: ./run exec examples/02-names-in-python.py VIDEO GALLERY

Needs Debian's python3-gi and gir1.2-gstreamer-1.0; no header and no binding of this project. The meta survives
videoconvert, videoscale, videoflip and videocrop; this program reads it behind the first two to show it.
"""
import signal
import struct
import sys
import warnings

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

# An array of structures is a GObject.ValueArray, and has no other way in from Python.
warnings.filterwarnings("ignore", "GObject.ValueArray.get_nth is deprecated")


def faces_of(buffer):
    """The faces of a frame, each a Gst.Structure."""
    meta = buffer.get_custom_meta("TripletEmbed")
    if meta is None:
        return
    found, array = meta.get_structure().get_array("faces")
    for i in range(array.n_values if found else 0):
        yield array.get_nth(i)


def embedding_of(face):
    """The 128 values, or None where the face was not embedded."""
    content = face.get_value("embedding") if face.has_field("embedding") else None
    return struct.unpack("<128f", content.get_data()) if content else None


def on_frame(_sink, buffer, _pad):
    for face in faces_of(buffer):
        found, distance = face.get_double("distance")
        length = sum(value * value for value in embedding_of(face) or ()) ** 0.5
        print(f"{buffer.pts / Gst.SECOND:8.3f} s  {face.get_string('label')}  "
              f"distance {distance if found else float('nan'):.3f}  |embedding| {length:.3f}  "
              f"{face.get_string('reason') or ''}".rstrip())


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: 02-names-in-python.py VIDEO GALLERY")
    # A closed pipe (`| head`) ends the program as it ends cat, without a traceback.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    Gst.init(None)
    pipeline = Gst.parse_launch(
        "filesrc name=video ! decodebin ! videoconvert ! videoflip video-direction=auto ! videoconvert ! tripletdetect ! tripletembed name=embed ! "
        "videoconvert ! videoscale ! video/x-raw,format=RGB,width=320,height=240 ! "
        "fakesink name=end sync=false signal-handoffs=true")
    pipeline.get_by_name("video").set_property("location", sys.argv[1])
    pipeline.get_by_name("embed").set_property("gallery", sys.argv[2])
    pipeline.get_by_name("end").connect("handoff", on_frame)
    loop = GLib.MainLoop()
    failures = []

    def on_message(_bus, message):
        if message.type == Gst.MessageType.ERROR:
            failures.append(message.parse_error()[0].message)
        if message.type in (Gst.MessageType.ERROR, Gst.MessageType.EOS):
            loop.quit()

    bus = pipeline.get_bus()
    bus.add_signal_watch()
    bus.connect("message", on_message)
    pipeline.set_state(Gst.State.PLAYING)
    try:
        loop.run()
    finally:
        pipeline.set_state(Gst.State.NULL)
    if failures:
        sys.exit(f"02-names-in-python.py: {failures[0]}")


main()
