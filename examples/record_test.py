#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs 12-record-somebody.py and 13-rtsp-out.py with a camera on this machine. Skips (77) without weights, real faces or an RTSP
server.

usage: record_test.py EXAMPLES"""
import glob
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

EXAMPLES = os.path.abspath(sys.argv.pop(1))
CLIP = os.path.join(os.environ.get("TRIPLETEMBED_DATA", ""), "video", "bird.mkv")
WEIGHTS = os.environ.get("TRIPLETEMBED_MODEL", "")
RATE = 30
NOBODY_BEFORE, NOBODY_AFTER = 4, 7  # Seconds.
PATIENCE = 60


def launch(text):
    subprocess.run(["gst-launch-1.0", "-q", *text.split()], check=True, timeout=PATIENCE)


def brightness(path, folder):
    """The mean of each frame."""
    raw = os.path.join(folder, "raw")
    launch(f"filesrc location={path} ! decodebin ! videoconvert ! videoscale ! video/x-raw,format=GRAY8,width=16,height=16 "
           f"! filesink location={raw}")
    with open(raw, "rb") as file:
        pixels = file.read()
    return [sum(pixels[i:i + 256]) / 256 for i in range(0, len(pixels), 256)]


class Camera(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name
        self.gallery = os.path.join(self.scratch, "people.safetensors")
        subprocess.run(["triplet-gallery", "enroll", "--weights", WEIGHTS, "--gallery", self.gallery, "--video", CLIP, "--name", "A"],
                       check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE)

    def serve(self, clip, still=False):
        server = RtspServer(clip, still=still)
        self.addCleanup(server.close)
        return server.address

    def start(self, example, *arguments):
        process = subprocess.Popen([sys.executable, os.path.join(EXAMPLES, example), self.gallery, *arguments],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def visit(self):
        """Nobody, person A, nobody; by way of the raw frames, since GStreamer 1.22's concat hangs now and then."""
        path, raw = (os.path.join(self.scratch, name) for name in ("visit.mkv", "visit.i420"))
        launch(f"filesrc location={CLIP} ! decodebin ! videoconvert ! videoscale ! videorate "
               f"! video/x-raw,format=I420,width=320,height=240,framerate={RATE}/1 ! filesink location={raw}")
        with open(raw, "rb") as file:
            clip = file.read()
        black = bytes([16]) * (320 * 240) + bytes([128]) * (320 * 120)
        with open(raw, "wb") as file:
            file.write(black * (NOBODY_BEFORE * RATE) + clip + black * (NOBODY_AFTER * RATE))
        launch(f"filesrc location={raw} ! rawvideoparse format=i420 width=320 height=240 framerate={RATE}/1 "
               f"! x264enc speed-preset=ultrafast ! matroskamux ! filesink location={path}")
        return path

    def test_a_visit_is_recorded_with_what_was_before_and_after_it(self):
        path = self.visit()
        folder = os.path.join(self.scratch, "recorded")
        example = self.start("12-record-somebody.py", folder, self.serve(path), "--camera", "door", "--before", "2", "--after", "1")
        out, said = example.communicate(timeout=PATIENCE)
        if "no frame for" not in said:  # Some ends of a stream reach no player; to it the camera hangs.
            self.assertEqual(example.returncode, 0, said)
        self.assertRegex(out, r"door-\d{4}-\d\d-\d\dT\d{6}Z\.mkv: .*\bA\b")
        self.assertEqual(os.stat(folder).st_mode & 0o777, 0o700, "for its owner alone")
        files = os.listdir(folder)
        self.assertEqual(len(files), 1, f"{files}, {out}")
        self.assertRegex(files[0], r"\.mkv$")
        frames = [value > 40 for value in brightness(os.path.join(folder, files[0]), self.scratch)]
        before, after = frames.index(True), frames[::-1].index(True)
        # Two seconds and what lies before the keyframe; at the end two seconds until A is told to be lost, and one.
        self.assertGreaterEqual(before, 1.5 * RATE)
        self.assertLess(before, (NOBODY_BEFORE - 0.5) * RATE)
        self.assertGreaterEqual(after, 2 * RATE)
        self.assertLess(after, (NOBODY_AFTER - 1) * RATE)

    def test_a_file_is_whole_when_the_program_is_ended(self):
        folder = os.path.join(self.scratch, "recorded")
        example = self.start("12-record-somebody.py", folder, self.serve(CLIP, still=True))
        end = time.monotonic() + PATIENCE
        while not glob.glob(os.path.join(folder, "*.part")) and time.monotonic() < end:
            time.sleep(0.1)
        time.sleep(1)
        example.send_signal(signal.SIGTERM)
        out, said = example.communicate(timeout=PATIENCE)
        self.assertEqual(example.returncode, 0, said)
        files = os.listdir(folder)
        self.assertEqual([name[-4:] for name in files], [".mkv"], out + said)
        self.assertGreater(len(brightness(os.path.join(folder, files[0]), self.scratch)), 3)

    def test_a_camera_that_hangs_ends_the_program(self):
        folder = os.path.join(self.scratch, "recorded")
        script = os.path.join(EXAMPLES, "rtsp_server.py")
        with subprocess.Popen([sys.executable, script, "0", CLIP], stdout=subprocess.PIPE, text=True) as camera:
            self.addCleanup(camera.kill)
            example = self.start("12-record-somebody.py", folder, camera.stdout.readline().strip())
            end = time.monotonic() + PATIENCE
            while not glob.glob(os.path.join(folder, "*.part")) and time.monotonic() < end:
                time.sleep(0.1)
            camera.send_signal(signal.SIGSTOP)
            _, said = example.communicate(timeout=PATIENCE)
            camera.kill()
        self.assertEqual(example.returncode, 1)
        self.assertIn("no frame for 10 s", said)
        self.assertEqual([name[-4:] for name in os.listdir(folder)], [".mkv"])

    def test_a_file_that_cannot_be_written_is_told_and_the_watching_goes_on(self):
        folder = os.path.join(self.scratch, "recorded")
        example = self.start("12-record-somebody.py", folder, self.serve(self.visit()), "--camera", "no/such/folder")
        _, said = example.communicate(timeout=PATIENCE)
        self.assertEqual(example.returncode, 0, said)
        self.assertRegex(said, r"no/such/folder-.*\.mkv\.part: Could not open file")

    def last_frames(self, address, players):
        """What each of so many players shows after a while: 640 × 480 pixels of 3 bytes."""
        raws = [os.path.join(self.scratch, f"player{i}") for i in range(players)]
        running = [subprocess.Popen(
            ["gst-launch-1.0", "-q", *(f"rtspsrc location={address} latency=0 protocols=tcp ! decodebin ! videoconvert "
                                       "! video/x-raw,format=RGB ! identity eos-after=12 "
                                       f"! filesink location={raw}").split()], stderr=subprocess.PIPE) for raw in raws]
        for player in running:
            player.communicate(timeout=PATIENCE)
        frames = []
        for raw in raws:
            with open(raw, "rb") as file:
                file.seek(-640 * 480 * 3, os.SEEK_END)
                frames.append(file.read())
        return frames

    def test_players_share_a_stream_with_names(self):
        camera = self.serve(CLIP, still=True)
        example = self.start("13-rtsp-out.py", camera, "--port", "0")
        address = example.stdout.readline().strip()
        self.assertRegex(address, r"^rtsp://127\.0\.0\.1:\d+/faces$")
        bare, again = self.last_frames(camera, 2)

        def differing(a, b):
            return sum(abs(a[i] - b[i]) > 90 or abs(a[i + 1] - b[i + 1]) > 90 for i in range(0, len(a), 3))

        # The camera's frame stays the same: what differs so much is the box and the name.
        self.assertLess(differing(bare, again), 20)
        for marked in self.last_frames(address, 2):
            self.assertGreater(differing(bare, marked), 200)
        example.send_signal(signal.SIGTERM)
        self.assertEqual(example.wait(PATIENCE), 0)


if __name__ == "__main__":
    if not (os.path.isfile(WEIGHTS) and os.path.isfile(CLIP)):
        print("skipped: no default weights or no real data")
        sys.exit(77)
    try:
        from rtsp_server import RtspServer
    except (ImportError, ValueError) as error:
        print(f"skipped: no RTSP server (gir1.2-gst-rtsp-server-1.0): {error}")
        sys.exit(77)
    unittest.main()
