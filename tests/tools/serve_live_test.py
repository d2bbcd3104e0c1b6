# SPDX-License-Identifier: LGPL-2.1-or-later
"""triplet-gallery serve: strangers and events, which pipelines write while it runs."""
import fcntl
import os
import socket
import threading
import time
import unittest

from serve_support import EVIL, NOW, ServeTest, event, near, place, write_strangers


class Strangers(ServeTest):
    def setUp(self):
        super().setUp()
        self.strangers()

    def labels(self, server):
        return [one["stranger"] for one in server.get("/api/strangers").json["strangers"]]

    def test_named_merged_rejected_and_dismissed(self):
        server = self.serve("--strangers", "s")
        self.assertEqual(self.labels(server), ["unknown-5", "unknown-3", "unknown-7"])
        one = server.get("/api/strangers").json["strangers"][1]
        self.assertEqual((one["tracks"], one["cameras"], one["last_seen"]), (2, ["door", "hall"], "2023-11-14T22:13:26Z"))
        answer = server.post("/api/strangers/name", {"stranger": "unknown-3", "name": "Ben"})
        self.assertEqual((answer.status, answer.json["code"]), (409, "taken"))
        self.assertEqual(server.post("/api/strangers/name", {"stranger": "unknown-3", "name": "a\n"}).status, 400)
        self.assertEqual(self.labels(server), ["unknown-5", "unknown-3", "unknown-7"])
        self.assertEqual(server.post("/api/strangers/name", {"stranger": "unknown-3", "name": "Eve"}).status, 200)
        self.assertEqual(self.people("g")["Eve"], 2)
        self.assertEqual(self.rows_of("g", "Eve")[0]["source"], "unknown-3, door")
        answer = server.post("/api/strangers/reject", {"stranger": "unknown-5", "person": server.person("Ada")})
        self.assertEqual(answer.status, 200)
        self.assertEqual(server.people()["Ada"]["counter_examples"], 1)
        self.assertEqual(self.labels(server), ["unknown-5", "unknown-7"])
        answer = server.post("/api/strangers/merge", {"stranger": "unknown-5", "into": server.person("Ben")})
        self.assertEqual((answer.status, self.people("g")["Ben"]), (200, 3))
        self.assertEqual(server.post("/api/strangers/dismiss", {"stranger": "unknown-7"}).status, 200)
        self.assertEqual(self.labels(server), [])
        self.assertEqual(self.json("strangers", "s")["strangers"], [])

    def test_while_a_pipeline_has_the_file(self):
        with open(self.path("s.lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = self.content("s")
            server = self.serve("--strangers", "s")
            self.assertEqual(server.post("/api/strangers/name", {"stranger": "unknown-3", "name": "Eve"}).status, 200)
            self.assertEqual(self.labels(server), ["unknown-5", "unknown-7"])
            self.assertEqual(self.content("s"), before, "the pipeline writes it")
            self.assertEqual(self.content("s.forget"), b"unknown-3\n")

    def test_of_two_who_name_the_same_one_is_told(self):
        servers = self.serve("--strangers", "s"), self.serve("--strangers", "s")
        for server in servers:
            server.page_token()
        said = []
        threads = [threading.Thread(target=lambda i=i: said.append(servers[i % 2].post(
            "/api/strangers/name", {"stranger": "unknown-3", "name": f"Eve {i}"}).status)) for i in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(said), [200, 409, 409, 409, 409, 409])
        self.assertEqual([name for name in self.people("g") if name.startswith("Eve")].__len__(), 1)

    def test_of_other_weights(self):
        write_strangers(self.path("s"), [(3, near(place("eve"), 1), NOW)], weights="cd" * 32)
        server = self.serve("--strangers", "s")
        answer = server.post("/api/strangers/name", {"stranger": "unknown-3", "name": "Eve"})
        self.assertEqual((answer.status, answer.json["code"]), (409, "weights"))

    def test_without_a_file_and_before_it_is_there(self):
        self.assertEqual(self.serve().get("/api/strangers").status, 404)
        self.assertEqual(self.labels(self.serve("--strangers", "later")), [])

    def test_pictures(self):
        os.mkdir(self.path("s.crops"))
        with open(self.path("s.crops/unknown-3.pgm"), "wb") as file:
            file.write(b"P5\n1 1\n255\n\x80")
        server = self.serve("--strangers", "s")
        self.assertEqual(server.get("/api/strangers/picture?stranger=unknown-3").body[54:], b"\x80\x80\x80\0")
        self.assertEqual(server.get("/api/strangers/picture?stranger=unknown-5").status, 404)
        self.assertEqual(server.post("/api/strangers/dismiss", {"stranger": "unknown-3"}).status, 200)
        self.assertEqual(os.listdir(self.path("s.crops")), [])


class Events(ServeTest):
    def write(self, name, text, mode="a"):
        with open(self.path(name), mode, encoding="utf-8") as file:
            file.write(text)

    def events(self, server, more=""):
        return server.get("/api/events?most=500" + more).json["events"]

    def test_followed_filtered_and_as_csv(self):
        self.write("e", event("appeared", "Ada", "2026-03-01T09:00:00.000Z") + '{"frame": 1, "objects": []}\nno json\n')
        server = self.serve("--events", "e", "--events", "late")
        self.wait_for(lambda: len(self.events(server)) == 1)
        self.assertEqual(server.get("/api/events").json["bad_lines"], 1)
        self.write("e", event("lost", "Ada", "2026-03-02T09:00:00.000Z") + event("appeared", utc="2026-03-02T10:00:00.000Z",
                                                                                   stranger="unknown-3")[:40])
        self.write("late", event("renamed", EVIL, "2026-03-02T11:00:00.000Z", **{"previous-label": "=cmd()"}))
        self.wait_for(lambda: len(self.events(server)) == 3)
        self.write("e", event("appeared", utc="2026-03-02T10:00:00.000Z", stranger="unknown-3")[40:])
        self.wait_for(lambda: len(self.events(server)) == 4)
        self.assertEqual({one["utc"][:10] for one in self.events(server, "&person=Ada")}, {"2026-03-01", "2026-03-02"})
        self.assertEqual(len(self.events(server, "&from=2026-03-02T00:00:00.000Z&to=2026-03-02T10:30:00.000Z")), 2)
        self.assertEqual(len(self.events(server, "&person=unknown-3")), 1)
        table = server.get("/api/events.csv?person=" + "%3Dcmd()")
        self.assertIn("attachment", table.headers["Content-Disposition"])
        lines = table.body.decode().split("\r\n")
        self.assertEqual(lines[0], "utc,event,camera,label,previous_label,stranger,reason")
        self.assertEqual(lines[1], '"2026-03-02T11:00:00.000Z","renamed","door","%s","\'=cmd()","",""' % EVIL.replace('"', '""'))

    def test_rotated_truncated_and_removed(self):
        self.write("e", event("appeared", "A0"))
        server = self.serve("--events", "e")
        self.wait_for(lambda: len(self.events(server)) == 1)
        os.rename(self.path("e"), self.path("e.1"))
        self.write("e.1", event("appeared", "A1"))
        self.write("e", event("appeared", "A2"))
        self.wait_for(lambda: len(self.events(server)) == 3)
        self.write("e", event("lost", "A3")[:-40] + "\n", mode="w")
        self.write("e", event("lost", "B"), mode="w")
        self.wait_for(lambda: "B" in [one["label"] for one in self.events(server)])
        os.remove(self.path("e"))
        time.sleep(0.5)
        self.write("e", event("appeared", "C"))
        self.wait_for(lambda: "C" in [one["label"] for one in self.events(server)])

    def test_hostile_lines(self):
        lines = [b"\xff\xfe\n", b"[" * 100_000 + b"\n", b'{"event": 1}\n', b'{"event": "x", "label": {"a": 1}, "utc": []}\n',
                 b'{"event": "x", "label": "\xff"}\n', b"x" * 6_000_000 + b"\n", b"\0\n", event("appeared", "L" * 10_000).encode()]
        with open(self.path("e"), "wb") as file:
            file.write(b"".join(lines) + event("appeared", "Ada").encode())
        server = self.serve("--events", "e")
        self.wait_for(lambda: "Ada" in [one["label"] for one in self.events(server)])
        self.assertLessEqual(max(len(one["label"]) for one in self.events(server)), 300)

    def read_live(self, live, end):
        text = b""
        while end not in text:
            got = live.recv(65536)
            self.assertTrue(got, "the server ended it")
            text += got
        return text.decode()

    def test_live_at_five_hundred_a_second(self):
        self.write("e", "")
        server = self.serve("--events", "e")
        with socket.create_connection(("127.0.0.1", int(server.port)), timeout=30) as live:
            live.sendall(b"GET /api/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.read_live(live, b"event: changed")

            def feed():
                for i in range(20):
                    self.write("e", "".join(event("appeared", f"N{i}-{k}") for k in range(50)))
                    time.sleep(0.1)
                self.write("e", event("lost", "the last one"))
            feeder = threading.Thread(target=feed)
            feeder.start()
            text = self.read_live(live, b"the last one")
            feeder.join()
        self.assertLess(text.count("event: events"), 12, "pieces, and not a message each")
        self.assertEqual(server.get("/api/events").json["newest"], 1001)

    def test_a_change_is_told_and_listeners_are_bounded(self):
        server = self.serve()
        lives = []
        for _ in range(18):
            live = socket.create_connection(("127.0.0.1", int(server.port)), timeout=30)
            self.addCleanup(live.close)
            live.sendall(b"GET /api/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            lives.append(live)
            time.sleep(0.02)
        self.assertIn(b"503", b"".join(live.recv(60) for live in lives[16:]))
        self.read_live(lives[0], b"event: changed")
        self.assertEqual(server.post("/api/people/rename", {**server.person("Ada"), "name": "Al"}).status, 200)
        self.read_live(lives[0], b"event: changed")

    def test_an_hour_keeps_the_last(self):
        with open(self.path("e"), "w", encoding="utf-8") as file:
            for i in range(120_000):
                file.write('{"event":"appeared","label":"P%d","label_id":0,"utc":"2026-03-01T10:00:00.000Z"}\n' % i)
        server = self.serve("--events", "e")
        self.wait_for(lambda: server.get("/api/events").json["newest"] == 120_000)
        table = server.get("/api/events.csv").body.decode().split("\r\n")
        self.assertEqual((len(table), table[1].split(",")[3], table[-2].split(",")[3]), (100_002, '"P20000"', '"P119999"'))


if __name__ == "__main__":
    unittest.main()
