# SPDX-License-Identifier: LGPL-2.1-or-later
"""triplet-gallery serve over HTTP, without a browser: what it says, what it changes, and what it refuses."""
import fcntl
import os
import socket
import threading
import time
import unittest

from serve_support import EVIL, ServeTest, near, place, write_gallery

CHANGES = ("people/rename", "people/merge", "people/remove", "people/remove-rows", "strangers/name", "strangers/merge",
           "strangers/reject", "strangers/dismiss")


class Pages(ServeTest):
    def test_the_page_and_its_headers(self):
        server = self.serve()
        for path, kind in (("/", "text/html"), ("/page.js", "text/javascript"), ("/page.css", "text/css"), ("/api/state", "application/json"),
                           ("/nothing", "application/json")):
            answer = server.get(path)
            self.assertEqual(answer.status, 404 if path == "/nothing" else 200, path)
            self.assertTrue(answer.headers["Content-Type"].startswith(kind), path)
            policy = answer.headers["Content-Security-Policy"]
            self.assertIn("default-src 'none'", policy)
            self.assertIn("script-src 'self';", policy)
            self.assertNotIn("unsafe", policy)
            self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
            self.assertEqual(answer.headers["Cache-Control"], "no-store")
            self.assertNotIn("Access-Control-Allow-Origin", answer.headers)
        page = server.get("/").body.decode()
        self.assertNotRegex(page, r"<script(?! src=)|\son\w+=|style=|https?://")

    def test_ctrl_c_ends_it_also_while_a_page_is_open(self):
        server = self.serve()
        with socket.create_connection(("127.0.0.1", int(server.port))) as live, \
                socket.create_connection(("127.0.0.1", int(server.port))):
            live.sendall(b"GET /api/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertIn(b"200", live.recv(1000))
            begin = time.monotonic()
            self.assertEqual(server.end(), 0)
            self.assertLess(time.monotonic() - begin, 10)

    def test_what_is_wrong_at_the_start_is_told(self):
        self.fails("serve", "none", says=["none"])
        self.fails("serve", "g", "--address", "0.0.0.0", says=["--token", "without encryption"])
        self.fails("serve", "g", "--address", "0.0.0.0", "--token", "short", says=["12 characters"])
        self.fails("serve", "g", "--token", "@no-file", says=["no-file", "--token"])
        self.fails("serve", "g", "--address", "192.0.2.1", "--token", "x" * 20, says=["192.0.2.1", "listen"])
        server = self.serve()
        self.fails("serve", "g", "--port", server.port, says=["port " + server.port])


class Guard(ServeTest):
    def test_only_names_that_are_meant(self):
        server = self.serve("--host", "faces.lan")
        for host, status in (("localhost", 200), ("127.0.0.1:" + server.port, 200), ("[::1]:80", 200), ("faces.lan:80", 200),
                             ("evil.example", 403), ("evil.example:" + server.port, 403), ("127.0.0.1.evil.example", 403),
                             ("localhost.evil.example", 403), ("", 400)):
            for path in ("/", "/api/people"):
                self.assertEqual(server.get(path, Host=host).status, status, host)

    def test_every_change_needs_the_page(self):
        self.strangers()
        server = self.serve("--strangers", "s")
        before = self.content("g"), self.content("s")
        body = {"id": server.person("Ada")["id"], "version": server.person("Ada")["version"], "name": "Al", "rows": ["0" * 12],
                "into": server.person("Ben"), "person": server.person("Ben"), "stranger": "unknown-3"}
        for change in CHANGES:
            path = "/api/" + change
            for headers, status in (({"X_Page_Token": None}, 403), ({"X_Page_Token": "0" * 32}, 403), ({"X_Page_Token": ""}, 403),
                                    ({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403),
                                    ({"Origin": "http://127.0.0.1:1"}, 403), ({"Sec_Fetch_Site": "cross-site"}, 403),
                                    ({"Sec_Fetch_Site": "same-site"}, 403), ({"Content_Type": "text/plain"}, 415),
                                    ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
                                    ({"Content_Type": "multipart/form-data; boundary=x"}, 415), ({"Host": "evil.example"}, 403)):
                self.assertEqual(server.post(path, body, **headers).status, status, (change, headers))
            self.assertEqual(server.get(path).status, 404)
        for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)):
            self.assertEqual(server.get("/api/people", Sec_Fetch_Site=site).status, status)
            self.assertEqual(server.get("/", Sec_Fetch_Site=site).status, 200, "a link may lead here")
            for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "PRI"):
                self.assertEqual(server.ask(method, path, b"{}").status, 405)
        self.assertEqual((self.content("g"), self.content("s")), before)

    def test_read_only(self):
        self.strangers()
        server = self.serve("--strangers", "s", "--read-only")
        self.assertTrue(server.get("/api/state").json["read_only"])
        before = self.content("g"), self.content("s"), sorted(os.listdir(self.folder))
        for change in CHANGES:
            answer = server.post("/api/" + change, {"stranger": "unknown-3"})
            self.assertEqual((answer.status, answer.json["code"]), (403, "read-only"))
        for path in ("/api/people", "/api/strangers", "/api/check", "/api/events"):
            self.assertEqual(server.get(path).status, 200)
        self.assertEqual((self.content("g"), self.content("s"), sorted(os.listdir(self.folder))), before)

    def test_a_token(self):
        with open(self.path("token"), "w", encoding="utf-8") as file:
            file.write("correct horse battery\n")
        server = self.serve("--token", "@token", "--address", "0.0.0.0")
        self.assertEqual(server.get("/").status, 200)
        for path in ("/api/state", "/api/people", "/api/live", "/api/events.csv", "/api/picture?row=" + "0" * 12):
            self.assertEqual(server.get(path).status, 401, path)
        check_in = {"Content-Type": "application/json"}
        self.assertEqual(server.ask("POST", "/api/check-in", b'{"token":"wrong"}', check_in).status, 401)
        answer = server.ask("POST", "/api/check-in", b'{"token":"correct horse battery"}', check_in)
        self.assertEqual(answer.status, 200)
        cookie = answer.headers["Set-Cookie"]
        self.assertRegex(cookie, "HttpOnly; SameSite=Strict$")
        cookie = cookie.split(";")[0]
        self.assertEqual(server.get("/api/people", Cookie="other=1; " + cookie).status, 200)
        self.assertEqual(server.get("/api/people", Cookie=cookie + "0").status, 401)
        token = server.get("/api/state", Cookie=cookie).json["page_token"]
        rename = {**{key: server.get("/api/people", Cookie=cookie).json["people"][1][key] for key in ("id", "version")}, "name": "Al"}
        server.token = token
        self.assertEqual(server.post("/api/people/rename", rename).status, 401, "the page's token alone is not enough")
        self.assertEqual(server.post("/api/people/rename", rename, Cookie=cookie).status, 200)
        for _ in range(12):
            status = server.ask("POST", "/api/check-in", b'{"token":"wrong"}', check_in).status
        self.assertEqual(status, 429)
        answer = server.ask("POST", "/api/check-in", b'{"token":"correct horse battery"}', check_in)
        self.assertEqual(answer.status, 429, "nor the right one then: else guessing would go on")

    def test_no_path_leads_out(self):
        os.mkdir(self.path("g.crops"))
        with open(self.path("secret.jpg"), "wb") as file:
            file.write(b"\xff\xd8\xffsecret")
        server = self.serve("--strangers", "s")
        for path in ("/../secret.jpg", "/..%2fsecret.jpg", "/%2e%2e/secret.jpg", "//etc/passwd", "/page.js/../../secret.jpg", "/page.js%00",
                     "/api/picture?row=../secret", "/api/picture?row=%2e%2e%2fsecret", "/api/picture?row=" + "a" * 11 + "/",
                     "/api/picture?row=" + "a" * 11 + "%00", "/api/picture", "/api/strangers/picture?stranger=../secret",
                     "/api/strangers/picture?stranger=unknown-../1", "/api/strangers/picture?stranger=", "/" + "a" * 8000):
            answer = server.get(path)
            self.assertIn(answer.status, (400, 404, 414), path)
            self.assertNotIn(b"secret\n", answer.body)

    def test_bodies_that_are_none(self):
        server = self.serve()
        headers = {"Content-Type": "application/json", "X-Page-Token": server.page_token()}
        deep = b'{"id":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
        for body, status in ((b"", 400), (b"{", 400), (b"[]", 400), (b'"x"', 400), (b"\xff\xfe", 400), (b'{"id":"\xff"}', 400), (b"{}", 400),
                             (b'{"id":1}', 400), (deep, 400), (b"x" * 70_000, 413), (b"x" * 100_000_000, 413)):
            try:
                answer = server.ask("POST", "/api/people/remove", body, headers)
            except (BrokenPipeError, ConnectionResetError):
                self.assertGreater(len(body), 1_000_000, "the server heard enough")
                continue
            self.assertEqual(answer.status, status, body[:20])
        with socket.create_connection(("127.0.0.1", int(server.port))) as chunked:
            chunked.sendall(b"POST /api/people/remove HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Page-Token: " +
                            server.page_token().encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(100):
                chunked.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            chunked.sendall(b"0\r\n\r\n")
            self.assertIn(b" 413 ", chunked.recv(1000))
        self.assertEqual(len(server.people()), 3)


class People(ServeTest):
    def test_who_is_there(self):
        server = self.serve()
        people = server.people()
        self.assertEqual(list(people), [EVIL, "Ada", "Ben"])
        self.assertEqual((people["Ada"]["rows"], people["Ada"]["last_enrolled"]), (3, "2023-11-14T22:13:22Z"))
        found = server.get("/api/people?query=AD&most=1").json
        self.assertEqual(([person["name"] for person in found["people"]], found["found"]), (["Ada"], 1))
        self.assertEqual([p["name"] for p in server.get("/api/people?offset=1&most=1").json["people"]], ["Ada"])
        self.assertEqual([p["name"] for p in server.get("/api/names?query=Ben").json["people"]], ["Ben"])
        rows = server.get("/api/person?id=" + people["Ada"]["id"]).json["row_list"]
        self.assertEqual([row["source"] for row in rows], ["ada/0.jpg", "ada/1.jpg", "ada/2.jpg"])
        for wrong in ("offset=-1", "most=201", "offset=x", "offset=99999999999999999999"):
            self.assertEqual(server.get("/api/people?" + wrong).status, 400)

    def test_rename_merge_and_remove(self):
        server = self.serve()
        self.assertEqual(server.post("/api/people/rename", {**server.person("Ada"), "name": " Ada Lovelace "}).status, 200)
        taken = server.post("/api/people/rename", {**server.person("Ada Lovelace"), "name": "Ben"})
        self.assertEqual((taken.status, taken.json["code"]), (409, "taken"))
        rows = self.rows_of("g", "Ada Lovelace")
        self.assertEqual(server.post("/api/people/remove-rows", {**server.person("Ada Lovelace"), "rows": [rows[0]["id"]]}).status, 200)
        self.assertEqual(self.people("g"), {"Ada Lovelace": 2, "Ben": 2, EVIL: 1})
        self.assertEqual(server.post("/api/people/merge", {**server.person("Ben"), "into": server.person("Ada Lovelace")}).status, 200)
        self.assertEqual(server.post("/api/people/remove", server.person(EVIL)).status, 200)
        self.assertEqual(self.people("g"), {"Ada Lovelace": 4})

    def test_names_that_are_none(self):
        server = self.serve()
        for name in ("", " ", "???", "a\nb", "a\0b", "\x1b[2J", "x" * 10_000, "x" * 257):
            answer = server.post("/api/people/rename", {**server.person("Ada"), "name": name})
            self.assertEqual((answer.status, answer.json["code"]), (400, "invalid-argument"), name[:20])
        for name in ("../../etc/passwd", EVIL + "2", "王小明", "José", "محمد", "x" * 256):
            person = {key: server.people()[list(server.people())[-1]][key] for key in ("id", "version")}
            self.assertEqual(server.post("/api/people/rename", {**person, "name": name}).status, 200, name[:20])
            self.assertIn(name, server.people())

    def test_the_second_of_two_is_told_and_nothing_is_lost(self):
        first, second = self.serve(), self.serve()
        seen = second.person("Ada"), second.person("Ben")
        self.assertEqual(first.post("/api/people/rename", {**first.person("Ada"), "name": "Ada L."}).status, 200)
        after = self.content("g")
        for path, body in (("rename", {**seen[0], "name": "Al"}), ("remove", seen[0]), ("merge", {**seen[0], "into": seen[1]}),
                           ("merge", {**seen[1], "into": seen[0]}), ("remove-rows", {**seen[0], "rows": ["0" * 12]})):
            answer = second.post("/api/people/" + path, body)
            self.assertEqual((answer.status, answer.json["code"]), (409, "conflict"), path)
            self.assertIn("Ada L.", answer.json["error"])
        self.assertEqual(self.content("g"), after)
        self.assertEqual(second.post("/api/people/rename", {**seen[1], "name": "Benno"}).status, 200, "of somebody else")
        self.assertEqual(first.post("/api/people/remove", first.person("Ada L.")).status, 200)
        gone = second.post("/api/people/remove", seen[0])
        self.assertEqual((gone.status, gone.json["code"]), (409, "conflict"))

    def test_many_at_once_lose_nothing(self):
        servers = self.serve(), self.serve()
        people = [(f"P{i:02}", place(i)) for i in range(24)]
        write_gallery(self.path("g"), people)
        before = servers[0].people()

        def rename(i):
            server = servers[i % 2]
            person = before[f"P{i:02}"]
            answer = server.post("/api/people/rename", {"id": person["id"], "version": person["version"], "name": f"Q{i:02}"})
            self.assertEqual(answer.status, 200, answer.body)
        for server in servers:
            server.page_token()
        threads = [threading.Thread(target=rename, args=(i,)) for i in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(self.people("g")), [f"Q{i:02}" for i in range(24)])

    def test_another_program_that_holds_the_file(self):
        server = self.serve()
        with open(self.path("g.lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            answer = server.post("/api/people/remove", server.person("Ada"))
            self.assertEqual((answer.status, answer.json["code"]), (503, "busy"))
        self.assertEqual(server.post("/api/people/remove", server.person("Ada")).status, 200)

    def test_what_others_change_is_seen(self):
        server = self.serve()
        server.people()
        self.ok("rename", "g", "Ada", "Ada Byron")
        self.assertIn("Ada Byron", server.people())

    def test_nobody_and_one(self):
        for rows in ([], [("Ada", place("ada"))]):
            write_gallery(self.path("g"), rows)
            server = self.serve()
            self.assertEqual(len(server.people()), len(rows))
            self.assertEqual(server.get("/api/check").status, 200)
            self.assertEqual(server.end(), 0)

    def test_a_large_gallery(self):
        write_gallery(self.path("g"), [(f"Person {i}", near(place(i % 50), i)) for i in range(3000)])
        server = self.serve()
        found = server.get("/api/people?offset=2990&most=60").json
        self.assertEqual((len(found["people"]), found["found"]), (10, 3000))
        self.assertEqual(server.post("/api/people/remove", server.get("/api/people?query=Person 2999".replace(" ", "%20")).json["people"][0])
                         .status, 200)

    def test_pictures(self):
        os.mkdir(self.path("g.crops"))
        ids = [row["id"] for row in self.rows_of("g", "Ada")]
        with open(self.path("g.crops/" + ids[0] + ".ppm"), "wb") as file:
            file.write(b"P6\n2 2\n255\n" + bytes(range(12)))
        with open(self.path("g.crops/" + ids[1] + ".ppm"), "wb") as file:
            file.write(b"P6\n999999 999999\n255\n")
        with open(self.path("g.crops/" + ids[2] + ".jpg"), "wb") as file:
            file.write(b"<html>")
        server = self.serve()
        answer = server.get("/api/picture?row=" + ids[0])
        self.assertEqual((answer.status, answer.headers["Content-Type"], answer.body[:2], len(answer.body)), (200, "image/bmp", b"BM", 70))
        self.assertEqual(answer.body[54:62], bytes([8, 7, 6, 11, 10, 9, 0, 0]), "the lowest row first, blue before red")
        for row in ids[1:]:
            self.assertEqual(server.get("/api/picture?row=" + row).status, 404)
        self.assertEqual(server.post("/api/people/remove-rows", {**server.person("Ada"), "rows": [ids[0]]}).status, 200)
        self.assertFalse(os.path.exists(self.path("g.crops/" + ids[0] + ".ppm")), "the picture goes with its row")
        self.ok("remove", "g", "Ada", "--row", ids[1])
        self.assertEqual(os.listdir(self.path("g.crops")), [ids[2] + ".jpg"], "also where a command removes it")
        self.assertEqual(server.post("/api/people/remove", server.person("Ada")).status, 200)
        self.assertEqual(os.listdir(self.path("g.crops")), [])

    def test_check(self):
        write_gallery(self.path("g"), [("Ada", near(place("ada"), i), 0.9) for i in range(4)] +
                      [("A. Lovelace", near(place("ada"), 9 + i), 0.9) for i in range(4)])
        report = self.serve().get("/api/check").json
        self.assertEqual(report["findings"]["same_person"]["count"], 1)
        self.assertEqual({report["findings"]["same_person"]["first"][0][key] for key in ("name", "other")}, {"Ada", "A. Lovelace"})
        mine = self.json("check", "g", "--most", "50")
        self.assertEqual(report, mine)


if __name__ == "__main__":
    unittest.main()
