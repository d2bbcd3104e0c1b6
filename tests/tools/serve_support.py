# SPDX-License-Identifier: LGPL-2.1-or-later
"""A server of the page, run on files made on the spot, and what is said to it."""
import http.client
import json
import os
import re
import signal
import subprocess
import time

from support import TRIPLET_GALLERY, WEIGHTS, ToolTest, column, near, place, unit, write_gallery, write_safetensors

EVIL = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"
NOW = 1_700_000_000_000


def write_strangers(path, tracks, weights=WEIGHTS, cameras=("door", "hall")):
    """`tracks`: of each its group, 128 values and time in milliseconds."""
    write_safetensors(path, {
        "embeddings": column("F32", "f", [value for track in tracks for value in track[1]], [len(tracks), 128]),
        "weight": column("F32", "f", [9.0 for _ in tracks]),
        "looks": column("I64", "q", [10 for _ in tracks]),
        "group": column("I64", "q", [track[0] for track in tracks]),
        "first": column("I64", "q", [track[2] for track in tracks]),
        "last": column("I64", "q", [track[2] + 5000 for track in tracks]),
        "camera": column("I64", "q", [i % len(cameras) for i in range(len(tracks))]),
        "joined": ("I64", [0, 2], b"", 0)},
        {"kind": "tripletembed.strangers", "version": "1", "cameras": json.dumps(cameras), "last_number": "9",
         "weights_sha256": weights})


def event(name, label="", utc="2026-03-01T10:00:00.000Z", stranger=None, camera="door", **more):
    return json.dumps({"event": name, "camera": camera, "track": 1, "label": label or "???", "label_id": 0 if label else -1,
                       "distance": 0.2, "threshold": 0.5, "quality": None, "running-time": 1, "utc": utc, "first-seen": 1,
                       "last-seen": 1, "reason": None if label else "far", "stranger": stranger, **more}) + "\n"


class Answer:
    def __init__(self, reply):
        self.status, self.headers, self.body = reply.status, reply.headers, reply.read()

    @property
    def json(self):
        return json.loads(self.body)


class Server:
    def __init__(self, test, *args, port="0"):
        kept = {key: value for key, value in os.environ.items() if key != "TRIPLETEMBED_MODEL"}
        self.process = subprocess.Popen([TRIPLET_GALLERY, "serve", *args, "--port", port], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, cwd=test.folder, env=kept)
        test.addCleanup(self.end)
        line = self.process.stdout.readline()
        test.assertRegex(line, r"^http://.*:\d+/$", "" if line else self.process.stderr.read())
        self.address = line.strip()
        self.host, self.port = re.match(r"http://(.*):(\d+)/", self.address).groups()
        self.token = ""

    def end(self):
        """The exit status after Ctrl-C."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(20)
        finally:
            self.process.kill()
            self.process.stdout.close()
            self.process.stderr.close()

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", int(self.port), timeout=600)
        try:
            connection.request(method, path, body, headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.ask("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def page_token(self):
        self.token = self.token or self.get("/api/state").json["page_token"]
        return self.token

    def post(self, path, values, **headers):
        all_headers = {"Content-Type": "application/json", "X-Page-Token": self.page_token(),
                       "Origin": "http://127.0.0.1:" + self.port,
                       **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.ask("POST", path, json.dumps(values).encode(), {k: v for k, v in all_headers.items() if v is not None})

    def people(self):
        return {person["name"]: person for person in self.get("/api/people").json["people"]}

    def person(self, name):
        """Who is called so, as a change names them."""
        return {key: self.people()[name][key] for key in ("id", "version")}


class ServeTest(ToolTest):
    """A gallery of Ada with three rows, Ben with two and somebody with a name that is a script."""

    def setUp(self):
        super().setUp()
        write_gallery(self.path("g"), [("Ada", near(place("ada"), i), 0.9, 1_700_000_000 + i, "ada/%d.jpg" % i) for i in range(3)] +
                      [("Ben", near(place("ben"), i)) for i in range(2)] + [(EVIL, place("evil"), 0.3, 0, EVIL)])

    def strangers(self):
        write_strangers(self.path("s"), [(3, near(place("eve"), 1), NOW), (3, near(place("eve"), 2), NOW + 1000),
                                         (5, near(place("fay"), 1), NOW + 90_000), (7, near(place("gil"), 1), NOW - 90_000)])

    def serve(self, *args):
        return Server(self, "g", *args)

    def wait_for(self, what, seconds=20):
        end = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), end, "it did not come")
            time.sleep(0.05)


__all__ = ["EVIL", "NOW", "ServeTest", "Server", "event", "near", "place", "unit", "write_gallery", "write_strangers"]
