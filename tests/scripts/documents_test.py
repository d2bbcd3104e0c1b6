#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The documents hold together: every link leads somewhere, every page is led to, and those with a limit keep it."""
import os
import re
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MOST_LINES = {"README.md": 130, "docs/results.md": 90}


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def documents():
    """Every document of the tree, by its path from the root."""
    found = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "models/README.md"]
    for folder, _, names in os.walk(os.path.join(ROOT, "docs")):
        found += [os.path.relpath(os.path.join(folder, name), ROOT) for name in names if name.endswith(".md")]
    return sorted(found)


def without_code(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(path):
    """The fragments that a document's headings make, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", without_code(read(path)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def links(path):
    """The targets in the tree that a document names: (path from the root, fragment)."""
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(read(path))):
        if re.match(r"\w+:", target):
            continue
        name, _, fragment = target.partition("#")
        yield os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path, fragment


class Documents(unittest.TestCase):
    def test_every_link_leads_somewhere(self):
        for path in documents():
            for target, fragment in links(path):
                with self.subTest(document=path, target=target, fragment=fragment):
                    self.assertTrue(os.path.exists(os.path.join(ROOT, target)))
                    if fragment:
                        self.assertIn(fragment, anchors(target))

    def test_every_page_is_led_to(self):
        led_to = {target for path in ("README.md", "docs/README.md") for target, _ in links(path)}
        benchmarks = {target for target, _ in links("docs/benchmarks/README.md")}
        for path in documents():
            known = benchmarks | led_to if path.startswith("docs/benchmarks/") else led_to
            with self.subTest(document=path):
                self.assertTrue(path in known or path == "README.md")

    def test_charts_belong_to_a_page(self):
        folder = os.path.join(ROOT, "docs", "benchmarks")
        charts = {os.path.join("docs", "benchmarks", name) for name in os.listdir(folder) if name.endswith(".svg")}
        shown = {target for path in documents() if path.startswith("docs/benchmarks/") for target, _ in links(path)}
        self.assertEqual(charts - shown, set())

    def test_lengths_are_kept(self):
        for path, most in MOST_LINES.items():
            with self.subTest(document=path):
                self.assertLessEqual(len(read(path).splitlines()), most)


if __name__ == "__main__":
    unittest.main()
