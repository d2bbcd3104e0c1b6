#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The demo, offline, on the photographs of Debian packages: each who is enrolled is named, and nobody else is. And what
the demo keeps is made anew when what it was made of changes.

usage: demo_test.py BUILD [unittest's arguments]"""
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts"))
import demo  # noqa: E402
import demo_gallery  # noqa: E402
import demo_photographs  # noqa: E402
import detector  # noqa: E402

BUILD = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
DATA = os.environ.get("TRIPLETEMBED_DATA", "")
YUNET = os.path.join(DATA, "models", detector.YUNET.file)
CENTERFACE = os.path.join(detector.Places().kept, detector.CENTERFACE.file)
FRAMES = 12  # of each photograph
UNDECIDED = "(undecided)"  # In the place of a label.


class Scratch(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name
        saved = dict(os.environ)
        self.addCleanup(lambda: (os.environ.clear(), os.environ.update(saved)))

    def write(self, name, content, mode=0o644):
        path = os.path.join(self.scratch, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        os.chmod(path, mode)
        return path


def label_of(face):
    identity = face.get("identity", {})
    return UNDECIDED if identity.get("reason") == "undecided" else identity.get("label")


class EachOneEnrolledIsNamed(Scratch):
    def demo(self, model):
        """[labels of the faces that were found on frame 0, on frame 1, …] of the demo's run."""
        # What the demo keeps goes to a folder of the test's own beside the built tree.
        for part in ("examples", "libembed"):
            os.symlink(os.path.join(BUILD, part), os.path.join(self.scratch, part))
        output = os.path.join(self.scratch, "output")
        result = subprocess.run(
            [sys.executable, os.path.join(ROOT, "scripts", "demo.py"), "--photographs", "--frames", str(FRAMES),
             "--build", self.scratch, "--output", output],
            env=dict(os.environ, TRIPLETEMBED_DETECTOR=model), capture_output=True, text=True, timeout=240, check=False)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        with open(os.path.join(output, "photographs.jsonl"), encoding="utf-8") as lines:
            frames = [json.loads(line)["objects"] for line in lines]
        return [[label_of(face) for face in faces if not face["detection"]["predicted"]] for faces in frames], result

    def check(self, model, name):
        missing = [photo.inside for photo in demo_photographs.PHOTOGRAPHS if not demo_photographs.path_of(photo)]
        if missing:
            self.skipTest(f"no {os.path.basename(missing[0])} (./run demo --photographs fetches it)")
        if not os.path.isfile(model):
            self.skipTest(f"no {os.path.basename(model)} (./run detector {name} fetches it)")
        labels, result = self.demo(model)
        self.assertIn(model, result.stderr)
        photographs = demo_photographs.PHOTOGRAPHS
        self.assertEqual(len(labels), FRAMES * len(photographs))
        for number, photograph in enumerate(photographs):
            seen = labels[number * FRAMES:(number + 1) * FRAMES]
            names = {label for faces in seen for label in faces} - {None, "???", UNDECIDED}
            self.assertEqual(names, {photograph.name} - {None})
            if photograph.name:
                # The first frame of a track is too little to go by, and so are two of a track that went over the cut.
                self.assertTrue(all(UNDECIDED in faces or photograph.name in faces for faces in seen[:2]), photograph.name)
                self.assertTrue(all(photograph.name in faces for faces in seen[2:]), photograph.name)
                self.assertIn(photograph.name, result.stdout)

    def test_with_yunet(self):
        self.check(YUNET, "yunet")

    def test_with_centerface(self):
        self.check(CENTERFACE, "centerface")


class AClipOnItsSide(Scratch):
    """What the demo says of a clip in which nobody was found; what would be found in turned frames is given."""

    def told(self, seen, found, source=None):
        lines = self.write("seen.jsonl", json.dumps({"frame": 0, "objects": seen}) + "\n")
        source = source or self.write("side.mp4", "x")
        said, asked = io.StringIO(), []

        def turned(_, direction, __):
            asked.append(direction)
            return found.get(direction, 0), demo.TURNED_FRAMES

        with unittest.mock.patch.object(demo, "faces_when_turned", turned), contextlib.redirect_stdout(said):
            demo.tell_if_turned(source, lines)
        return said.getvalue(), asked

    def test_is_told_with_the_turn_that_shows_most_faces(self):
        said, _ = self.told([], {"90r": 40, "180": 3})
        for words in ("side.mp4", "no face found", "90 degrees clockwise", "in 40 of the first 50 frames", "--video-direction 90r"):
            self.assertIn(words, said)
        self.assertIn("anticlockwise", self.told([], {"90r": 1, "90l": 2})[0])
        self.assertIn("--video-direction 180", self.told([], {"180": 50})[0])

    def test_is_not_told_where_no_turn_helps(self):
        self.assertEqual(self.told([], {}), ("", ["90r", "90l", "180"]))

    def test_is_not_looked_for_where_a_face_was_found_or_the_source_cannot_be_read_again(self):
        self.assertEqual(self.told([{"roi_type": "face"}], {"90r": 50}), ("", []))
        self.assertEqual(self.told([], {"90r": 50}, source="rtsp://camera/stream"), ("", []))


class WhatIsKept(Scratch):
    """With a triplet-gallery that writes down how often it was called."""

    def setUp(self):
        super().setUp()
        train = self.write("bin/triplet-gallery", '#!/bin/sh\nwhile [ "$1" != --gallery ]; do shift; done\n'
                           'echo x >>"$CALLS"\n[ -z "$FAILS" ] || exit 1\necho made >"$2"\n', 0o755)
        self.calls = os.path.join(self.scratch, "calls")
        os.environ.update(PATH=os.path.dirname(train) + ":" + os.environ["PATH"], CALLS=self.calls, FAILS="",
                          TRIPLETEMBED_MODEL=self.write("weights", "1"),
                          TRIPLETEMBED_DETECTOR=self.write("net.onnx", "1"))
        self.write("people/Ada/1.jpg", "1")
        self.write("build/libembed/libembed.so", "1")

    def enrol(self):
        """(gallery, what was said, calls so far)."""
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            store = demo_gallery.Store(os.path.join(self.scratch, "build"))
            gallery = store.from_folder(os.path.join(self.scratch, "people"))
        with open(self.calls, encoding="utf-8") as calls:
            return gallery, said.getvalue(), len(calls.readlines())

    def test_enrolled_once(self):
        gallery, said, calls = self.enrol()
        self.assertTrue(os.path.isfile(gallery))
        self.assertNotIn("anew", said)
        again, said, calls = self.enrol()
        self.assertEqual((again, calls), (gallery, 1))
        self.assertIn("enrolled before", said)

    def test_made_anew_when_something_changes(self):
        gallery, _, _ = self.enrol()
        changes = [("detector", lambda: self.write("net.onnx", "2")), ("weights", lambda: self.write("weights", "2")),
                   ("rule", lambda: self.write("build/libembed/libembed.so", "2")),
                   ("pictures", lambda: self.write("people/Ben/1.jpg", "1")),
                   ("detector", lambda: os.environ.pop("TRIPLETEMBED_DETECTOR"))]
        for number, (name, change) in enumerate(changes):
            change()
            again, said, calls = self.enrol()
            self.assertEqual((again, calls), (gallery, number + 2), name)
            self.assertIn(f"anew, for what it was made of has changed ({name})", said)

    def test_a_note_that_cannot_be_read_counts_for_nothing(self):
        for number, content in enumerate(("", "no JSON", "[1]", "{}")):
            gallery, _, _ = self.enrol()
            with open(gallery + ".json", "w", encoding="utf-8") as note:
                note.write(content)
            self.assertEqual(self.enrol()[2], number + 2)

    def test_a_gallery_that_could_not_be_made_is_tried_again(self):
        os.environ["FAILS"] = "yes"
        with self.assertRaisesRegex(demo_gallery.GalleryError, "triplet-gallery failed"):
            self.enrol()
        os.environ["FAILS"] = ""
        self.assertEqual(self.enrol()[2], 2)


if __name__ == "__main__":
    unittest.main()
