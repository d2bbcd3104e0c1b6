# SPDX-License-Identifier: LGPL-2.1-or-later
"""triplet-gallery with a million rows: of 200,000 people, of as many people as rows, and of one person."""
import array
import json
import os
import random
import resource
import time
import unittest

from serve_support import Server
from support import WEIGHTS, ToolTest, write_safetensors

ROWS = 1_000_000


def blocks():
    """Random values, [ROWS, 128] float32; the blocks repeat each other with other signs, which differs enough."""
    chance = random.Random(1)
    values = array.array("f", [chance.gauss(0, 1) for _ in range(128 * 1000)])
    for _ in range(ROWS // 1000):
        flips = [chance.choice((-1.0, 1.0)) for _ in range(128)]
        at = chance.randrange(128)
        turned = values[at:] + values[:at]
        yield array.array("f", [value * flips[i & 127] for i, value in enumerate(turned)]).tobytes()


class Large(ToolTest):
    def write(self, people):
        names = ["person %d" % i for i in range(people)]
        identity = array.array("q", [i * people // ROWS for i in range(ROWS)]).tobytes()
        write_safetensors(self.path("g"), {"embeddings": ("F32", [ROWS, 128], blocks(), ROWS * 512),
                                           "identity": ("I64", [ROWS], identity, len(identity))},
                          {"kind": "tripletembed.gallery", "version": "1", "metric": "cosine", "weights_sha256": WEIGHTS,
                           "names": json.dumps(names), "threshold": "0.3"})

    def cpu_seconds(self, *args):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        said = self.ok(*args)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print("%s: %.1f s of CPU time, %.1f GB" % (" ".join(args[:2]), seconds, after.ru_maxrss / 1e6), flush=True)
        return said, seconds

    def test_every_command(self):
        self.write(200_000)
        said, _ = self.cpu_seconds("list", "g")
        self.assertEqual(said.count("\n"), 200_001)
        said, seconds = self.cpu_seconds("check", "g")
        self.assertLess(seconds, 300)
        self.assertIn("A sample: ", said)
        for name in ("rows.npy", "rows.csv", "people.json"):
            self.cpu_seconds("export", "g", name)
        self.assertEqual(os.path.getsize(self.path("rows.npy")), ROWS * 512 + 128)
        self.cpu_seconds("check", "g", "--html", "page.html", "--threshold", "0.3")
        self.cpu_seconds("rename", "g", "person 7", "Ada")
        self.cpu_seconds("merge", "g", "person 8", "person 9", "--into", "Ada")
        self.cpu_seconds("move", "g", "Ada", "--to-gallery", "h")
        self.assertEqual(self.people("h"), {"Ada": 15})
        self.cpu_seconds("remove", "g", "person 10")
        self.assertIn("199996 people, 999980 rows", self.ok("list", "g").splitlines()[0])

    def test_the_page(self):
        self.write(200_000)
        server = Server(self, "g")

        def timed(what, ask):
            begin = time.monotonic()
            answer = ask()
            with open("/proc/%d/status" % server.process.pid, encoding="ascii") as file:
                most = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
            print("page, %s: %.1f s, %.1f GB" % (what, time.monotonic() - begin, most / 1e6), flush=True)
            self.assertEqual(answer.status, 200, answer.body[:200])
            return answer
        first = timed("people", lambda: server.get("/api/people")).json
        self.assertEqual((first["found"], len(first["people"])), (200_000, 60))
        found = timed("a name", lambda: server.get("/api/people?query=person%20199999")).json["people"]
        timed("a person", lambda: server.get("/api/person?id=" + found[0]["id"]))
        change = {"id": found[0]["id"], "version": found[0]["version"], "name": "Ada"}
        timed("another name", lambda: server.post("/api/people/rename", change))
        self.assertEqual(timed("people again", lambda: server.get("/api/people")).json["people"][0]["name"], "Ada")
        timed("check", lambda: server.get("/api/check"))

    def test_as_many_people_as_rows(self):
        self.write(ROWS)
        said, seconds = self.cpu_seconds("check", "g")
        self.assertLess(seconds, 300)
        self.assertIn("People with fewer than 3 rows: 1000000\n", said)

    def test_one_person(self):
        self.write(1)
        said, seconds = self.cpu_seconds("check", "g")
        self.assertLess(seconds, 300)
        self.assertIn("1 people, 1000000 rows", said)


if __name__ == "__main__":
    unittest.main()
