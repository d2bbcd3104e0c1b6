#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sources keep to build-aux/rooms.toml, and a line that does not is found. rooms_test.py BUILD runs with the build's."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = None


def rooms(root, *arguments):
    return subprocess.run([sys.executable, str(ROOT / "build-aux" / "rooms.py"), "--root", str(root), *arguments],
                          capture_output=True, text=True, check=False)


class Rooms(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for tree in ("libembed", "tools", "gst-plugin", "training"):
            shutil.copytree(ROOT / tree, self.root / tree)
        (self.root / "build-aux").mkdir()
        shutil.copy(ROOT / "build-aux" / "rooms.toml", self.root / "build-aux")

    def refused(self, file, line, reason):
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text(encoding="utf-8") if path.exists() else None
        path.write_text(line + "\n" + (before or ""), encoding="utf-8")
        result = rooms(self.root)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr.strip(), reason)
        path.write_text(before, encoding="utf-8") if before is not None else path.unlink()

    def test_a_forbidden_include_is_named_with_its_line(self):
        self.assertEqual(rooms(self.root).stderr, "")
        self.refused("libembed/base/error.cpp", '#include "gallery/search/rows.h"',
                     'libembed/base/error.cpp:1: libembed/base may not see libembed/gallery/search ("gallery/search/rows.h")')
        self.refused("libembed/gallery/gallery.cpp", "#include <torch/torch.h>",
                     "libembed/gallery/gallery.cpp:1: libembed/gallery may not use LibTorch (<torch/torch.h>)")
        self.refused("libembed/image/preprocess.cpp", "#include <opencv2/core.hpp>",
                     "libembed/image/preprocess.cpp:1: libembed/image may not use OpenCV (<opencv2/core.hpp>)")
        self.refused("gst-plugin/sessions/embed_session.h", "#include <gst/gst.h>",
                     "gst-plugin/sessions/embed_session.h:1: gst-plugin/sessions may not use GStreamer (<gst/gst.h>)")
        self.refused("tools/gallery/people.cpp", '#include "learn/trainer.h"',
                     'tools/gallery/people.cpp:1: tools/gallery may not see training/learn ("learn/trainer.h")')
        self.refused("gst-plugin/elements/gsttripletembed.cpp", '#include "learn/trainer.h"',
                     'gst-plugin/elements/gsttripletembed.cpp:1: gst-plugin/elements may not see training/learn '
                     '("learn/trainer.h")')

    def test_an_include_names_its_room(self):
        self.refused("libembed/gallery/gallery.cpp", '#include "means.h"',
                     'libembed/gallery/gallery.cpp:1: "means.h": an include names its room')
        self.refused("libembed/gallery/gallery.cpp", '#include "gallery/none.h"',
                     'libembed/gallery/gallery.cpp:1: "gallery/none.h" is no file of ours')
        self.refused("libembed/attic/old.h", "#pragma once", "libembed/attic/old.h: in no room of build-aux/rooms.toml")

    def test_arrows_run_down(self):
        table = self.root / "build-aux" / "rooms.toml"
        table.write_text(table.read_text(encoding="utf-8").replace(
            'sees = ["libembed/include/embed"]\nuses = ["utf8proc"]',
            'sees = ["libembed/include/embed", "libembed/gallery"]\nuses = ["utf8proc"]'), encoding="utf-8")
        self.assertEqual(rooms(self.root).stderr.strip(),
                         "build-aux/rooms.toml: libembed/base sees libembed/gallery, which is not listed before it")

    def test_every_build_looks(self):
        targets = json.loads(subprocess.run(["meson", "introspect", "--targets", BUILD], capture_output=True, check=True).stdout)
        self.assertTrue([t["build_by_default"] for t in targets if t["name"] == "rooms"][0])

    def test_the_architecture_page_has_the_tree(self):
        page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
        self.assertIn(rooms(ROOT, "--tree").stdout, page)


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main()
