#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""scripts/element_pages.py: the committed pages say what the snapshots say, and a change of one is noticed."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(ROOT, "scripts", "element_pages.py")
sys.path.insert(0, os.path.join(ROOT, "scripts"))
import element_pages  # noqa: E402

SNAPSHOT = """Pad Templates:
  SINK template: 'sink'
    Capabilities:
      video/x-raw
                 format: { (string)RGB, (string)NV12 }

  SRC template: 'src'
    Capabilities:
      ANY

Element Properties:
  far                 : A chance
                        flags: readable, writable, changeable in NULL, READY, PAUSED or PLAYING state
                        Double. Range:           1e-09 -             0.5 Default:           0.001
  index               : flat | faiss
                        flags: readable, writable, changeable only in NULL or READY state
                        Enum "GstIndex" Default: 0, "flat"
                           (0): flat             - flat
                           (1): faiss            - faiss
  model               : A file
                        flags: readable, writable, changeable only in NULL or READY state
                        String. Default: null
  name                : The name of the object
                        flags: readable, writable
                        String. Default: "element0"
  stats               : Counts
                        flags: readable
                        Boxed pointer of type "GstStructure"
                                                              frames: 0

  threads             : Threads
                        flags: readable, writable, changeable only in NULL or READY state
                        Integer. Range: 0 - 1024 Default: 0
"""


class Pages(unittest.TestCase):
    def run_script(self, root, *arguments):
        return subprocess.run([sys.executable, SCRIPT, "--root", root, *arguments], capture_output=True, text=True,
                              check=False)

    def copy_of_the_pages(self):
        root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, root)
        for folder in (("docs", "elements"), ("tests", "gst-plugin", "inspect")):
            shutil.copytree(os.path.join(ROOT, *folder), os.path.join(root, *folder))
        return root

    def test_committed_pages_say_what_the_snapshots_say(self):
        done = self.run_script(ROOT, "--check")
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stdout + done.stderr)

    def test_a_changed_default_is_noticed_and_mended(self):
        root = self.copy_of_the_pages()
        path = os.path.join(root, "tests", "gst-plugin", "inspect", "tripletdetect.txt")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        changed = text.replace("Range: 0 - 65535 Default: 480", "Range: 0 - 65535 Default: 481")
        self.assertNotEqual(text, changed)
        with open(path, "w", encoding="utf-8") as file:
            file.write(changed)
        done = self.run_script(root, "--check")
        self.assertEqual(done.returncode, 1)
        self.assertIn("481", done.stdout)
        self.assertEqual(self.run_script(root).returncode, 0)
        self.assertEqual(self.run_script(root, "--check").returncode, 0)

    def test_an_element_without_a_page_is_refused(self):
        root = self.copy_of_the_pages()
        os.remove(os.path.join(root, "docs", "elements", "tripletjson.md"))
        done = self.run_script(root, "--check")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("tripletjson.md", done.stderr)

    def test_a_page_without_marks_is_refused(self):
        for page in ("", element_pages.BEGIN, element_pages.END + element_pages.BEGIN):
            with self.assertRaises(ValueError):
                element_pages.with_generated(page, SNAPSHOT)


class Snapshot(unittest.TestCase):
    def test_every_kind_of_property_is_read(self):
        rows = {name: (blurb, *element_pages.range_and_default(about), element_pages.when(about))
                for name, blurb, about in element_pages.properties(SNAPSHOT)}
        self.assertEqual(rows, {
            "far": ("A chance", "number, 1e-09 to 0.5", "`0.001`", "any"),
            "index": ("flat | faiss", "`flat`, `faiss`", "`flat`", "NULL, READY"),
            "model": ("A file", "text", "not set", "NULL, READY"),
            "stats": ("Counts", "GstStructure", "–", "read only"),
            "threads": ("Threads", "integer, 0 to 1024", "`0`", "NULL, READY"),
        })

    def test_a_bar_does_not_end_a_cell(self):
        self.assertIn("| flat \\| faiss |", element_pages.generated(SNAPSHOT))

    def test_formats_are_the_sink_pads(self):
        self.assertIn("the same at both pads. Formats: `RGB`, `NV12`.", element_pages.caps(SNAPSHOT))
        self.assertIn("Any caps", element_pages.caps(SNAPSHOT.replace("format: { (string)RGB, (string)NV12 }", "")
                                                 .replace("video/x-raw", "ANY")))

    def test_formats_of_a_converter_are_the_source_pads(self):
        turned = SNAPSHOT.replace("                 format: { (string)RGB, (string)NV12 }\n", "")
        turned = turned.replace("ANY", "video/x-raw\n                 format: { (string)I420 }")
        self.assertIn("each format that videoconvert takes. Formats at the source pad: `I420`.", element_pages.caps(turned))

    def test_caps_of_another_kind_are_refused(self):
        with self.assertRaisesRegex(ValueError, "list of formats"):
            element_pages.caps(SNAPSHOT.replace("format: {", "rate: {"))

    def test_what_a_bin_inherits_is_left_out(self):
        inherited = "  async-handling      : The bin\n                        flags: readable, writable\n"
        inherited += "                        Boolean. Default: false\n"
        text = SNAPSHOT.replace("  far  ", inherited + "  far  ")
        self.assertIn("async-handling", [name for name, _, _ in element_pages.properties(text)])
        text = " +----GstBin\n" + text
        self.assertNotIn("async-handling", [name for name, _, _ in element_pages.properties(text)])


if __name__ == "__main__":
    unittest.main()
