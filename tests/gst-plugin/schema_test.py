#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every line that tripletjson writes is as docs/schema/tripletjson.schema.json says.

usage: schema_test.py MAKE_FIXTURES DETECTOR WEIGHTS [unittest's arguments]; DETECTOR: 1 where tripletdetect is built
($TRIPLETEMBED_DATA for the clips)"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

import jsonschema

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MAKE_FIXTURES, DETECTOR, WEIGHTS = sys.argv[1:4]
del sys.argv[1:4]
CLIP = os.path.join(os.environ.get("TRIPLETEMBED_DATA", ""), "video", "head-pose-face-detection-female-and-male.mkv")


class Schema(unittest.TestCase):
    def setUp(self):
        with open(os.path.join(ROOT, "docs", "schema", "tripletjson.schema.json"), encoding="utf-8") as file:
            schema = json.load(file)
        jsonschema.Draft202012Validator.check_schema(schema)
        self.schema = jsonschema.Draft202012Validator(schema)
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name

    def lines_of(self, *pipeline):
        """The lines of that pipeline, each of which is checked."""
        path = os.path.join(self.scratch, "lines.jsonl")
        subprocess.run(["gst-launch-1.0", "-q", *pipeline, "!", "tripletjson", f"location={path}", "lines=both", "add-embedding=true",
                        "!", "fakesink", "sync=false"], check=True)
        with open(path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        for line in lines:
            errors = [f"{error.json_path}: {error.message}" for error in self.schema.iter_errors(line)]
            self.assertEqual(errors, [], line)
        return lines

    def test_frames_and_events_of_someone_with_a_name(self):
        subprocess.run([MAKE_FIXTURES, self.scratch], check=True)
        weights, gallery = (os.path.join(self.scratch, name + ".safetensors") for name in ("weights", "gallery"))
        lines = self.lines_of("videotestsrc", "num-buffers=20", "!", "video/x-raw,width=64,height=64,framerate=10/1", "!",
                              "tripletembed", f"model={weights}", f"gallery={gallery}", "threshold=100", "inference-region=full-frame")
        self.assertEqual([line["event"] for line in lines if "event" in line], ["appeared", "named", "lost"])
        self.assertEqual([len(line["objects"]) for line in lines if "frame" in line], [1] * 20)

    def test_people_of_a_clip_whom_nobody_knows(self):
        if DETECTOR != "1" or not os.path.exists(CLIP):
            self.skipTest(f"no tripletdetect, or no {CLIP}")
        lines = self.lines_of("filesrc", f"location={CLIP}", "!", "decodebin", "!", "videoconvert", "!", "tripletdetect",
                              "detect-interval=3", "!", "triplettrack", "!", "tripletembed", f"model={WEIGHTS}")
        faces = [face for line in lines if "frame" in line for face in line["objects"]]
        self.assertTrue(any(face.get("quality") for face in faces))
        self.assertTrue(any(face["identity"]["stranger"] for face in faces))

    def test_what_is_no_line_is_noticed(self):
        for line in ({}, {"event": "gone"}, {"frame": 1}, []):
            self.assertFalse(self.schema.is_valid(line), line)


if __name__ == "__main__":
    unittest.main()
