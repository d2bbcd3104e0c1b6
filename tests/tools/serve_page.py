# SPDX-License-Identifier: LGPL-2.1-or-later
"""A server with people, strangers and events that were made up, and a Chromium that shows its page."""
import os
import shutil
import time

from drawn_faces import face
from serve_support import Server, event, near, place, write_gallery, write_strangers
from support import FIXTURES, WEIGHTS

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
except ImportError:
    webdriver = None

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
MISSING = "" if webdriver and BROWSER and DRIVER else \
    "no Chromium to drive here (apt-get install chromium chromium-driver python3-selenium)"
PEOPLE = ("Ada Moreau", "Béla Kovács", "Chinua Eze", "José", "王小明", "محمد", "Grace Miller", "Emmy Roth", "Ravi",
          "Wangari", "Sophie Blanc", "Frida")


def chromium(dark=False, size=(1280, 900)):
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
                     "--disable-background-networking", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
                     "--window-size=%d,%d" % size, "--force-device-scale-factor=1", "--lang=en-GB"):
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    if dark:
        options.add_argument("--blink-settings=preferredColorScheme=0")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=Service(DRIVER), options=options)


def write_pictures(test, gallery="g", first=0):
    """A drawn face for each person, as the picture of the person's first row."""
    os.makedirs(test.path(gallery + ".crops"), exist_ok=True)
    for number, person in enumerate(test.json("list", gallery, "--rows")["people"]):
        for row in person["row_list"][:2]:
            with open(test.path(gallery + ".crops", row["id"] + ".ppm"), "wb") as file:
                file.write(face(first + number, 64))


def fill(test, weights=WEIGHTS):
    """Twelve people, five strangers and some hours of events."""
    rows = []
    for i, name in enumerate(PEOPLE):
        for k in range(1 + (5 * i + 3) % 7):
            rows.append((name, near(place(name), k), 0.55 + 0.04 * ((i + k) % 10), 1_790_000_000 + 86_400 * i + k, f"{name}/{k + 1}.jpg"))
    write_gallery(test.path("g"), rows, weights=weights)
    write_pictures(test)
    now = int(time.time() * 1000)
    write_strangers(test.path("s"), [(number, near(place(f"stranger {number}"), k), now - 1_500_000 * number - 60_000 * (3 - k))
                                     for number in (2, 3, 5, 8, 9) for k in range(1 + number % 3)], weights=weights)
    os.makedirs(test.path("s.crops"), exist_ok=True)
    for number in (2, 3, 5, 8):
        with open(test.path("s.crops", f"unknown-{number}.ppm"), "wb") as file:
            file.write(face(100 + number, 64))
    with open(test.path("e"), "w", encoding="utf-8") as file:
        for i in range(40):
            when = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now / 1000 - 400 * (40 - i)))
            name = PEOPLE[(7 * i) % len(PEOPLE)] if i % 5 else ""
            kind = ("appeared", "named", "lost")[i % 3] if name else ("appeared", "lost")[i % 2]
            file.write(event(kind, name, when, None if name else "unknown-%d" % (2 + i % 2), ("door", "yard")[i % 2]))


def serve(test, *args, **kwargs):
    return Server(test, "g", "--strangers", "s", "--events", "e", *args, **kwargs)


__all__ = ["BROWSER", "FIXTURES", "MISSING", "PEOPLE", "Server", "chromium", "event", "fill", "serve"]
