# SPDX-License-Identifier: LGPL-2.1-or-later
"""The report in a real browser: no error on its console, no request, every chart drawn, names as text."""
import collections
import html.parser
import re
import shutil
import subprocess
import unittest

from report_support import EVIL, ReportTest

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Elements(html.parser.HTMLParser):
    """How many elements of each kind a page has, and the attributes of its pictures."""
    def __init__(self, page):
        super().__init__()
        self.count, self.images = collections.Counter(), []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.count[tag] += 1
        if tag == "img":
            self.images.append(dict(attributes))


@unittest.skipUnless(BROWSER, "no Chromium here (apt-get install chromium)")
class Browser(ReportTest):
    def dom(self, page, size="1280,900"):
        """The page's markup after its script ran; what its console said must be nothing."""
        done = subprocess.run([BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--user-data-dir=" + self.path("profile"),
                               "--window-size=" + size, "--enable-logging=stderr", "--virtual-time-budget=4000", "--dump-dom",
                               "file://" + self.path(page)], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        self.assertEqual(said, [])
        return done.stdout

    def charts(self, dom):
        """{chart: number of its shapes} of those that were drawn."""
        parts = re.split(r'data-chart="([^"]+)"', dom)
        return {name: len(re.findall(r"<(?:path|circle|rect|image)\b", body.split("</section>")[0]))
                for name, body in zip(parts[1::2], parts[2::2])}

    def test_the_watcher_hears_a_broken_page(self):
        self.write("broken.html", "<!DOCTYPE html><script>nothing()</script>")
        with self.assertRaises(AssertionError):
            self.dom("broken.html")

    def test_one_run(self):
        self.report(self.at("one.run"))
        for size in ("1280,900", "390,800"):
            with self.subTest(size):
                dom = self.dom("page.html", size)
                charts = self.charts(dom)
                for name in ("loss", "active", "val-auc", "val-eer", "val-accuracy", "kinds", "distances", "gradient", "rate", "speed",
                             "wait", "roc", "histogram-0", "heat-0", "map-0"):
                    self.assertGreater(charts.get(name, 0), 0, name)
                self.assertGreaterEqual(charts["map-0"], 40)
                self.assertEqual(dom.count('class="pair"'), 48)
                # The name is there as text and made no element: the only pictures are the page's own.
                self.assertTrue(EVIL.replace("<", "&lt;").replace(">", "&gt;") in dom)
                found = Elements(dom)
                self.assertEqual(found.count["script"], 2)
                self.assertEqual([image for image in found.images if not image["src"].startswith("data:") or "onerror" in image], [])
                self.assertEqual(len(found.images), 96)

    def test_several_runs(self):
        self.train("two", "--val-fraction", 0, "--epochs", 1)
        self.train("three", "--val", "val", "--epochs", 1, "--lr", 0.002)
        self.report(*(self.at(name + ".run") for name in ("one", "two", "three")))
        dom = self.dom("page.html")
        charts = self.charts(dom)
        for name in ("loss", "roc", "histogram-0", "histogram-2", "map-0", "map-2"):
            self.assertGreater(charts.get(name, 0), 0, name)
        self.assertNotIn("map-1", charts)
        self.assertIn("Options that differ", dom)
        self.assertIn("without validation", dom)


if __name__ == "__main__":
    unittest.main()
