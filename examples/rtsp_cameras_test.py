#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs 07-rtsp-cameras.py with four cameras on this machine, of which one dies, one hangs, and both come back. Skips (77) without
weights, real faces or an RTSP server.

usage: rtsp_cameras_test.py EXAMPLE"""
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from datetime import datetime, timezone

EXAMPLE = os.path.abspath(sys.argv.pop(1))
VIDEO = os.path.join(os.environ.get("TRIPLETEMBED_DATA", ""), "video")
WEIGHTS = os.environ.get("TRIPLETEMBED_MODEL", "")
# Who is enrolled, from which clip, and who is seen in other clips.
ENROLLED = {"A": "bird", "B": "book"}
SEEN = {"door": ("milk", "A"), "hall": ("learn", "B"), "yard": ("please", "A"), "gate": ("night", "???")}
PATIENCE = 60  # Seconds; what is waited for takes a few on an idle machine.


def clip(stem):
    return os.path.join(VIDEO, stem + ".mkv")


class Server:
    """A camera in a process of its own, which can be killed and come back at the same address."""

    def __init__(self, stem):
        self.stem, self.port, self.process = stem, 0, None
        self.start()

    def start(self):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rtsp_server.py")
        self.process = subprocess.Popen([sys.executable, script, str(self.port), clip(self.stem)], stdout=subprocess.PIPE,
                                        text=True)
        self.address = self.process.stdout.readline().strip()
        self.port = int(re.search(r":(\d+)/", self.address).group(1))

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Output:
    """The lines of a program so far."""

    def __init__(self, process):
        self.lines = []
        self.thread = threading.Thread(target=self.read, args=(process.stdout,), daemon=True)
        self.thread.start()

    def read(self, stream):
        for line in stream:
            self.lines.append(line.rstrip("\n"))

    def wait_for(self, pattern, first=0):
        """The place of the first line from `first` on that the pattern is found in."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for i in range(first, len(self.lines)):
                if re.search(pattern, self.lines[i]):
                    return i
            time.sleep(0.05)
        raise AssertionError(f"no line with {pattern!r} in:\n" + "\n".join(self.lines))


class RtspCameras(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.gallery = os.path.join(scratch.name, "people.safetensors")
        for name, stem in ENROLLED.items():
            subprocess.run(["triplet-gallery", "enroll", "--weights", WEIGHTS, "--gallery", self.gallery, "--video", clip(stem),
                            "--name", name], check=True, stdout=subprocess.DEVNULL, timeout=120)
        self.servers = {camera: Server(stem) for camera, (stem, _) in SEEN.items()}
        for server in self.servers.values():
            self.addCleanup(server.kill)

    def test_a_camera_that_dies_or_hangs_comes_back(self):
        addresses = [f"{camera}={server.address}" for camera, server in self.servers.items()]
        example = subprocess.Popen([sys.executable, EXAMPLE, self.gallery, *addresses], stdout=subprocess.PIPE, text=True)
        self.addCleanup(example.stdout.close)
        self.addCleanup(example.kill)
        output = Output(example)
        for camera, (_, label) in SEEN.items():
            output.wait_for(f"^{camera}: .*; here: {re.escape(label)}$")

        self.servers["door"].kill()
        lost = output.wait_for("^door: .* lost A; here: nobody$")
        output.wait_for("^door: .*; asked again in 1 s$")
        output.wait_for("^door: .*; asked again in 2 s$")
        self.servers["door"].start()
        output.wait_for("^door: .* named A; here: A$", lost)

        yard = self.servers["yard"].process
        yard.send_signal(signal.SIGSTOP)
        output.wait_for("^yard: no frame for 10 s; asked again in 1 s$")
        lost = output.wait_for("^yard: .* lost A; here: nobody$")
        yard.send_signal(signal.SIGCONT)
        output.wait_for("^yard: .* named A; here: A$", lost)

        example.send_signal(signal.SIGTERM)
        self.assertEqual(example.wait(timeout=PATIENCE), 0)
        output.thread.join()
        said = "\n".join(output.lines)
        for camera in SEEN:
            starts = int(re.search(rf"^{camera}: [1-9]\d* frames, .* (\d+) starts$", said, re.MULTILINE).group(1))
            if camera in ("door", "yard"):
                self.assertGreaterEqual(starts, 3 if camera == "door" else 2, said)
            else:
                self.assertEqual(starts, 1, said)
                self.assertNotRegex(said, rf"(?m)^{camera}: .* (lost|renamed) ", "the others are not disturbed")
        # The cameras tell the time, which is this machine's here.
        stamp = datetime.fromisoformat(re.search(r"(\S+)Z named A", said).group(1)).replace(tzinfo=timezone.utc)
        self.assertLess(abs((datetime.now(timezone.utc) - stamp).total_seconds()), 300)


if __name__ == "__main__":
    if not (os.path.isfile(WEIGHTS) and os.path.isdir(VIDEO)):
        print("skipped: no default weights or no real data")
        sys.exit(77)
    try:
        import gi
        gi.require_version("GstRtspServer", "1.0")
    except (ImportError, ValueError) as error:
        print(f"skipped: no RTSP server (gir1.2-gst-rtsp-server-1.0): {error}")
        sys.exit(77)
    unittest.main()
