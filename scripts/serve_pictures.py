#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the pictures of docs/serve.md: the page with people, strangers and events of nobody, in Chromium.

./run exec scripts/serve_pictures.py      after ./run test, whose program and weights it takes"""
import os
import sys
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "tools"))
import serve_page  # noqa: E402
from serve_support import ServeTest  # noqa: E402
from support import weights_sha256  # noqa: E402

IMAGES = os.path.join(ROOT, "docs", "images")
FIXTURES = os.path.join(ROOT, "build", "tests", "support")


@unittest.skipIf(serve_page.MISSING, serve_page.MISSING)
class Pictures(ServeTest):
    def path(self, *names):
        return os.path.join(self.folder, *names)

    def take(self, name, tab, shown, dark=False, size=(1060, 700), click=None):
        browser = serve_page.chromium(dark, size)
        self.addCleanup(browser.quit)
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < 500})
        browser.get(self.server.address + "#/" + tab)
        end = time.monotonic() + 20
        while not browser.find_elements("css selector", shown):
            self.assertLess(time.monotonic(), end, shown)
            time.sleep(0.1)
        if click:
            browser.find_element("css selector", click).click()
        time.sleep(1)  # Until the pictures are there too.
        browser.save_screenshot(os.path.join(IMAGES, name))

    def test_all(self):
        # Random weights, which the page enrols with as it would with others.
        serve_page.fill(self, weights_sha256(os.path.join(FIXTURES, "gallery.safetensors")))
        self.server = serve_page.serve(self, "--weights", os.path.join(FIXTURES, "weights.safetensors"))
        self.take("serve-people.png", "people", "#people img")
        self.take("serve-strangers.png", "strangers", "#strangers img", dark=True)
        self.take("serve-person.png", "people", "#people img", click="#people li:nth-child(6) button")
        self.take("serve-phone.png", "events", "#events td", size=(360, 640))


if __name__ == "__main__":
    unittest.main()
