#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A camera for the tests: a clip, or for ever its first frame, at an RTSP address of this machine; and a media server that takes
a stream.

usage: rtsp_server.py PORT CLIP

serves the first frame at rtsp://127.0.0.1:PORT/stream until it is killed. PORT 0 takes a free one. The address is printed."""
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402


class Server:
    """At one address, without a password, and with a thread of its own until close()."""

    def __init__(self, factory, port=0):
        context = GLib.MainContext.new()
        self.loop = GLib.MainLoop.new(context, False)
        self.server = GstRtspServer.RTSPServer(address="127.0.0.1", service=str(port))
        self.server.get_mount_points().add_factory("/stream", factory)
        if self.server.attach(context) == 0:
            raise OSError(f"port {port} of 127.0.0.1 cannot be had")
        self.address = f"rtsp://127.0.0.1:{self.server.get_bound_port()}/stream"
        self.thread = threading.Thread(target=self.loop.run, daemon=True)
        self.thread.start()

    def close(self):
        self.loop.quit()
        self.thread.join()


class RtspServer(Server):
    """Sends a clip."""

    def __init__(self, clip, port=0, still=False):
        Gst.init(None)
        factory = GstRtspServer.RTSPMediaFactory()
        frames = ("width=640,height=480 ! imagefreeze is-live=true ! video/x-raw,framerate=5/1" if still
                  else "width=320,height=240")
        factory.set_launch(f"( filesrc location={clip} ! decodebin ! videoconvert ! videoscale "
                           f"! video/x-raw,format=I420,{frames} ! x264enc tune=zerolatency speed-preset=ultrafast "
                           "key-int-max=10 ! rtph264pay name=pay0 pt=96 )")
        super().__init__(factory, port)


class RtspTaker(Server):
    """Takes the H.264 that somebody sends, into a file."""

    def __init__(self, path):
        Gst.init(None)
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
        factory.set_launch(f"( rtph264depay name=depay0 ! h264parse ! mpegtsmux ! filesink location={path} )")
        super().__init__(factory)


if __name__ == "__main__":
    served = RtspServer(sys.argv[2], int(sys.argv[1]), still=True)
    print(served.address, flush=True)
    served.thread.join()
