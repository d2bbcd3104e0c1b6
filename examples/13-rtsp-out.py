#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A camera with names on it: an RTSP server that takes a stream from a camera and sends it on with boxes and names.

usage: ./run exec examples/13-rtsp-out.py GALLERY SOURCE [--address 127.0.0.1] [--port 8554] [--cover unknown]

SOURCE is an address (rtsp://…) or /dev/videoN. Players open rtsp://127.0.0.1:8554/faces. All of them share one pipeline, which runs
while anybody watches. Without a password: another --address than loopback is for networks that are trusted. Needs Debian's
python3-gi and gir1.2-gst-rtsp-server-1.0.
"""
import argparse
import signal

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

PIPELINE = ("( uridecodebin name=source ! queue leaky=downstream max-size-buffers=1 ! tripletbin name=faces ! tripletoverlay name=overlay "
            "! videoconvert ! video/x-raw,format=I420 ! x264enc tune=zerolatency key-int-max=30 ! rtph264pay name=pay0 pt=96 )")


def main():
    parser = argparse.ArgumentParser(description="An RTSP server that draws names.")
    for name in ("gallery", "source"):
        parser.add_argument(name)
    parser.add_argument("--address", default="127.0.0.1", help="where to listen")
    parser.add_argument("--port", default="8554", help="0 takes a free one")
    parser.add_argument("--cover", default="none", choices=["none", "unknown", "known", "all"], help="whose faces nobody is to see")
    arguments = parser.parse_args()
    Gst.init(None)

    def on_configure(_factory, media):
        """Names and addresses are set here, where no character of them means anything to a pipeline's text."""
        pipeline = media.get_element()
        source = arguments.source
        pipeline.get_by_name("source").set_property("uri", "v4l2://" + source if source.startswith("/dev/") else source)
        pipeline.get_by_name("faces").set_property("gallery", arguments.gallery)
        pipeline.get_by_name("overlay").set_property("cover", arguments.cover)

    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(PIPELINE)
    factory.set_shared(True)
    factory.connect("media-configure", on_configure)
    server = GstRtspServer.RTSPServer(address=arguments.address, service=arguments.port)
    server.get_mount_points().add_factory("/faces", factory)
    if server.attach(None) == 0:
        raise SystemExit(f"13-rtsp-out.py: port {arguments.port} of {arguments.address} cannot be had")
    print(f"rtsp://{arguments.address}:{server.get_bound_port()}/faces", flush=True)
    loop = GLib.MainLoop()
    for end in (signal.SIGINT, signal.SIGTERM):
        GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, end, lambda: loop.quit() or GLib.SOURCE_REMOVE)
    loop.run()


main()
