#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records a camera only while somebody is before it, with the seconds before they came.

usage: ./run exec examples/12-record-somebody.py GALLERY FOLDER SOURCE [--camera NAME] [--before SECONDS] [--after SECONDS]

SOURCE is an rtsp:// address of H.264, which is recorded as the camera sends it, or /dev/videoN, which is encoded here. FOLDER gets a
file for each visit, CAMERA-2026-03-01T081530Z.mkv; it is called .part until it is closed, and a file of a process that was
killed plays as far as it was written. Each file is named on standard output once it is whole, with who was there. A file begins with
a keyframe, so that one that is asked for with `--before 5` may begin earlier, by as much as the camera's keyframes lie apart.

A camera that fails or sends no frame for ten seconds ends the program, once its file is closed; a service
starts it anew.

What is recorded is personal data: docs/privacy.md. Needs Debian's python3-gi and gir1.2-gst-plugins-base-1.0.
"""
import argparse
import collections
import os
import signal
import sys
import time

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

PATIENCE = 10  # Seconds without a frame, after which a camera is taken to hang.
FACES = "queue leaky=downstream max-size-buffers=1 ! tripletbin name=faces ! fakesink sync=false "
CODED = "appsink name=coded sync=false"
NETWORK = ("rtspsrc name=source latency=200 protocols=tcp ! application/x-rtp,media=video ! rtph264depay ! h264parse ! tee name=video "
           f"video. ! queue ! avdec_h264 ! videoconvert ! {FACES} video. ! queue ! {CODED}")
LOCAL = (f"v4l2src name=source ! decodebin ! videoconvert ! tee name=video video. ! {FACES} "
         f"video. ! queue ! x264enc tune=zerolatency key-int-max=30 ! h264parse ! {CODED}")


def is_keyframe(buffer):
    return not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)


class Recording:
    """A file, from its first keyframe to close()."""

    def __init__(self, path, caps, start):
        self.path = path
        self.pipeline = Gst.parse_launch("appsrc name=coded format=time ! h264parse ! matroskamux ! filesink name=file")
        self.coded = self.pipeline.get_by_name("coded")
        self.coded.set_property("caps", caps)
        self.coded.get_static_pad("src").set_offset(-start)  # The file's time begins with it.
        self.pipeline.get_by_name("file").set_property("location", path + ".part")
        self.pipeline.set_state(Gst.State.PLAYING)

    def write(self, buffer):
        self.coded.emit("push-buffer", buffer)

    def failure(self, patience=0):
        """What went wrong, or None; waits that many nanoseconds for the end."""
        message = self.pipeline.get_bus().timed_pop_filtered(patience, Gst.MessageType.ERROR | Gst.MessageType.EOS)
        if message is None:
            return "it does not end" if patience else None
        return message.parse_error()[0].message if message.type == Gst.MessageType.ERROR else None

    def close(self):
        """Ends the file, which writes its index, and gives it its name. What went wrong, or None."""
        self.coded.emit("end-of-stream")
        failure = self.failure(10 * Gst.SECOND)
        self.pipeline.set_state(Gst.State.NULL)
        if failure is None:
            os.rename(self.path + ".part", self.path)
        return failure


class Recorder:
    def __init__(self, arguments):
        self.arguments = arguments
        self.before, self.after = (int(seconds * Gst.SECOND) for seconds in (arguments.before, arguments.after))
        self.groups = collections.deque()  # The last seconds: lists of buffers, each from a keyframe to the next.
        self.here, self.names = set(), set()  # Tracks that are here, and who was since the file was begun.
        self.recording, self.caps, self.until = None, None, None

    def on_message(self, message):
        face = message.get_structure()
        if face.get_name() != "triplet-face":
            return
        track, event = face.get_int("track")[1], face.get_string("event")
        (self.here.discard if event == "lost" else self.here.add)(track)
        self.names.add(face.get_string("label"))

    def on_sample(self, sample):
        buffer = sample.get_buffer()
        if self.caps is None or not sample.get_caps().is_equal(self.caps):  # A camera may change its size.
            self.close()
            self.groups.clear()
            self.caps = sample.get_caps()
        if is_keyframe(buffer):
            self.groups.append([])
        elif not self.groups:
            return  # Nothing can be shown before the first keyframe.
        self.groups[-1].append(buffer)
        while len(self.groups) > 1 and buffer.pts - self.groups[1][0].pts >= self.before:
            self.groups.popleft()
        if self.recording:
            self.recording.write(buffer)
        if self.here:
            self.until = buffer.pts + self.after
            if not self.recording:
                self.open(buffer.pts)
        elif self.recording and buffer.pts >= self.until:
            self.close()

    def open(self, now):
        start = self.groups[0][0].pts
        began = time.gmtime(time.time() - (now - start) / Gst.SECOND)
        name = f"{self.arguments.camera}-{time.strftime('%Y-%m-%dT%H%M%SZ', began)}.mkv"
        self.recording = Recording(os.path.join(self.arguments.folder, name), self.caps, start)
        for buffer in (buffer for group in self.groups for buffer in group):
            self.recording.write(buffer)

    def watch(self):
        """A file that cannot be written, as on a full disk, ends the file and not the watching; the next visit tries again."""
        failure = self.recording.failure() if self.recording else None
        if failure:
            self.recording.pipeline.set_state(Gst.State.NULL)
            print(f"{self.recording.path}.part: {failure}", file=sys.stderr, flush=True)
            self.recording = None
            self.here.clear()

    def close(self):
        if self.recording:
            failure = self.recording.close()
            print(f"{self.recording.path}: {failure or ', '.join(sorted(self.names))}",
                  file=sys.stderr if failure else sys.stdout, flush=True)
        self.recording = None
        self.names = set()


def make_pipeline(arguments):
    network = "://" in arguments.source
    pipeline = Gst.parse_launch(NETWORK if network else LOCAL)
    pipeline.get_by_name("source").set_property("location" if network else "device", arguments.source)
    faces = pipeline.get_by_name("faces")
    faces.set_property("gallery", arguments.gallery)
    faces.set_property("camera", arguments.camera)
    return pipeline


def main():
    parser = argparse.ArgumentParser(description="Records a camera only while somebody is before it.")
    for name in ("gallery", "folder", "source"):
        parser.add_argument(name)
    parser.add_argument("--camera", default="camera", help="what the files are called")
    parser.add_argument("--before", type=float, default=5, help="seconds to keep from before somebody came")
    parser.add_argument("--after", type=float, default=5, help="seconds to go on when everybody has gone")
    arguments = parser.parse_args()
    os.makedirs(arguments.folder, mode=0o700, exist_ok=True)
    Gst.init(None)
    recorder, pipeline, ends, failure = Recorder(arguments), make_pipeline(arguments), [], None
    for end in (signal.SIGINT, signal.SIGTERM):
        signal.signal(end, lambda *_: ends.append(True))
    coded, bus, newest = pipeline.get_by_name("coded"), pipeline.get_bus(), time.monotonic()
    pipeline.set_state(Gst.State.PLAYING)
    while not ends and not coded.get_property("eos"):
        sample = coded.emit("try-pull-sample", Gst.SECOND // 5)
        while message := bus.pop_filtered(Gst.MessageType.ELEMENT | Gst.MessageType.ERROR):
            if message.type == Gst.MessageType.ERROR:
                failure = message.parse_error()[0].message
                ends.append(True)
            else:
                recorder.on_message(message)
        if sample:
            newest = time.monotonic()
            recorder.on_sample(sample)
        elif time.monotonic() - newest > PATIENCE:
            failure = f"no frame for {PATIENCE} s"
            ends.append(True)
        recorder.watch()
    recorder.close()
    pipeline.set_state(Gst.State.NULL)
    if failure:
        sys.exit(f"12-record-somebody.py: {failure}")


if __name__ == "__main__":
    main()
