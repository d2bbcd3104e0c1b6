#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs every pipeline of README.md, docs/pipelines.md, docs/from-a-camera-to-names.md and the elements' pages as it is written
there, with a clip in the place of party.mp4 and of the camera, and RTSP servers on this machine. Skips (77) without weights or
real faces.

usage: pipelines_test.py ROOT"""
import glob
import itertools
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "."
DATA = os.environ.get("TRIPLETEMBED_DATA", "")
WEIGHTS = os.environ.get("TRIPLETEMBED_MODEL", "")
CLIP = os.path.join(DATA, "video", "bird.mkv")
FRAMES = 30
# What USB cameras send, made of the clip; the caps that follow choose the size.
CAMERA = ["filesrc", f"location={CLIP}", "!", "decodebin", "!", "videoconvert", "!", "videoscale", "!", "videorate", "!"]
CAMERAS = {"YUY2": [*CAMERA, "capsfilter", "caps=video/x-raw,format=YUY2"], "MJPG": [*CAMERA, "capsfilter", "caps=video/x-raw,format=I420", "!", "jpegenc"]}
DOCUMENTS = ["README.md", "docs/pipelines.md", "docs/from-a-camera-to-names.md"] + sorted(
    os.path.join("docs", "elements", name) for name in os.listdir(os.path.join(ROOT, "docs", "elements")))


def pipelines(name):
    """The arguments of gst-launch-1.0, of each pipeline in a document that is written out in full."""
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        blocks = re.findall(r"^```sh\n(.*?)^```", file.read(), re.DOTALL | re.MULTILINE)
    commands = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    prefix = "./run exec gst-launch-1.0 "
    return [shlex.split(command[len(prefix):]) for command in commands
            if command.startswith(prefix) and "…" not in command]


class Pipelines(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.gallery = os.path.join(cls.scratch.name, "people.safetensors")
        subprocess.run(["triplet-gallery", "enroll", "--weights", WEIGHTS, "--gallery", cls.gallery, "--video", CLIP, "--name",
                        "A"], check=True, stdout=subprocess.DEVNULL, timeout=120)
        try:
            from rtsp_server import RtspServer, RtspTaker
            cls.rtsp = RtspServer(CLIP)
            cls.addClassCleanup(cls.rtsp.close)
            cls.taken = os.path.join(cls.scratch.name, "taken.ts")
            cls.taker = RtspTaker(cls.taken)
            cls.addClassCleanup(cls.taker.close)
        except (ImportError, ValueError) as error:
            print(f"no RTSP server (gir1.2-gst-rtsp-server-1.0): {error}", file=sys.stderr)
            cls.rtsp = None
        # Turn by turn, where the pipeline does not say which one it wants.
        cls.cameras = itertools.cycle(CAMERAS)
        cls.seen_cameras = set()

    def camera_for(self, arguments):
        kinds = [kind for kind, caps in (("MJPG", "image/jpeg"), ("YUY2", "video/x-raw,format=YUY2"))
                 if any(argument.startswith(caps) for argument in arguments)]
        if not kinds and "decodebin" not in arguments:
            return "YUY2"  # Nothing decodes there what the camera sends.
        kind = kinds[0] if kinds else next(self.cameras)
        self.seen_cameras.add((kind, bool(kinds)))
        return kind

    def in_test(self, arguments):
        """The pipeline with what a test has in the place of what a user has."""
        made = []
        for argument in arguments:
            if argument == "v4l2src":
                # One who is enrolled is held before the camera.
                made += CAMERAS[self.camera_for(arguments)]
            elif argument == "device=/dev/video0":
                continue
            elif argument == "leaky=downstream":
                # A file is read faster than a camera gives: what a busy machine drops of it would be anybody's guess.
                made.append("leaky=no")
            elif argument == "autovideosink":
                made.append("fakesink")
            elif argument.startswith("location=rtsp://"):
                if self.rtsp is None:
                    self.skipTest("no RTSP server")
                made.append(f"location={(self.taker if 'server' in argument else self.rtsp).address}")
            else:
                made.append(argument.replace("party.mp4", CLIP).replace("people.safetensors", self.gallery))
        return made

    def check(self, arguments):
        for element, where in (("objectdetectionoverlay", "GStreamer 1.24"), ("rtspclientsink", "gstreamer1.0-rtsp")):
            if element in arguments and subprocess.run(["gst-inspect-1.0", "--exists", element], check=False).returncode != 0:
                self.skipTest(f"no {element}: {where} has it")
        folder = tempfile.mkdtemp(dir=self.scratch.name)
        quiet = [] if "-m" in arguments else ["-q"]  # Which would silence the messages too.
        command = ["gst-launch-1.0", *quiet, *self.in_test(arguments)]
        if "rtspclientsink" in arguments:
            return self.check_sent(command, folder)
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        if "location=names.jsonl" in arguments:
            with open(os.path.join(folder, "names.jsonl"), encoding="utf-8") as lines:
                named = sum('"label":"A"' in line for line in lines)
            # A live stream drops what comes while the machine is busy.
            self.assertGreaterEqual(named, 3 if "rtspsrc" in arguments else FRAMES)
        if "location=events.jsonl" in arguments:
            with open(os.path.join(folder, "events.jsonl"), encoding="utf-8") as lines:
                self.assertEqual([line["event"] for line in map(json.loads, lines) if line["label"] == "A"],
                                 ["appeared", "named", "lost"])
        if "-m" in arguments:
            self.assertIn('event=(string)named, camera=(string)door', done.stdout)
        if "location=marked.mp4" in arguments:
            self.assertGreater(os.path.getsize(os.path.join(folder, "marked.mp4")), 10000)
        if "hlssink" in arguments:
            self.check_hls(folder)

    def check_sent(self, command, folder):
        """What a media server got. How the pipeline ends is not judged: the clip ends, as no camera does, and the server here closes
        the connection before rtspclientsink has said that it wants to."""
        with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as sender:
            try:
                _, said = sender.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                sender.kill()
                _, said = sender.communicate()
        self.assertTrue(os.path.exists(self.taken), said)
        self.assertGreater(self.frames_of(self.taken), 3)

    def check_hls(self, folder):
        with open(os.path.join(folder, "live.m3u8"), encoding="utf-8") as file:
            listed = [line.strip() for line in file if not line.startswith("#") and line.strip()]
        self.assertEqual(sorted(listed), sorted(os.path.basename(path) for path in glob.glob(os.path.join(folder, "*.ts"))))
        for name in listed:  # Each by itself, as a player that comes later takes them.
            self.assertGreater(self.frames_of(os.path.join(folder, name)), 0, name)

    def frames_of(self, path):
        """How many frames a file decodes to."""
        done = subprocess.run(["gst-launch-1.0", "-v", "filesrc", f"location={path}", "!", "decodebin", "!", "fakesink",
                               "silent=false"], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.count("last-message = chain")

    def test_every_pipeline(self):
        found = [(name, arguments) for name in DOCUMENTS for arguments in pipelines(name)]
        kinds = [next((word for word in ("v4l2src", "rtspsrc", "tee", "filesrc") if word in arguments), "other")
                 for _, arguments in found]
        self.assertLessEqual({"v4l2src", "rtspsrc", "tee", "filesrc"}, set(kinds))
        for (name, arguments), kind in zip(found, kinds):
            with self.subTest(document=name, kind=kind):
                self.check(arguments)
        self.assertEqual(len(self.seen_cameras), 4, "each camera with decodebin and by its caps")

    def test_files_are_read_as_people_see_them(self):
        for name in [*DOCUMENTS, "docs/cuda.md"]:
            for arguments in pipelines(name):
                if "filesrc" in arguments or "uridecodebin" in arguments:
                    self.assertTrue({"video-direction=auto", "tripletbin"} & set(arguments), f"{name}: {arguments}")


if __name__ == "__main__":
    if not (os.path.isfile(WEIGHTS) and os.path.isfile(CLIP)):
        print("skipped: no default weights or no real data")
        sys.exit(77)
    unittest.main()
