# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pictures that are sent to triplet-gallery serve: what becomes of good ones, and of those that mean harm."""
import json
import os
import shutil
import signal
import stat
import struct
import subprocess
import threading
import time
import unittest
import zlib

from serve_support import ServeTest, Server, place, write_gallery
from support import DATA, FIXTURES, TRIPLET_GALLERY, YUNET, environment, needs_faces, needs_real_data, pgm, weights_sha256

WEIGHTS_FILE = os.path.join(FIXTURES, "weights.safetensors")


def photograph(person="Abdullah_Gul", number=1):
    with open(os.path.join(DATA, "lfw", person, "%s_%04d.jpg" % (person, number)), "rb") as file:
        return file.read()


def png(width, height, rows=b""):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + \
        chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@needs_faces
class Enrolment(ServeTest):
    def setUp(self):
        super().setUp()
        if os.path.isfile(YUNET):
            os.environ["TRIPLETEMBED_DETECTOR"] = YUNET
        os.remove(self.path("g"))

    def serve(self, *args):
        return Server(self, "g", "--weights", WEIGHTS_FILE, *args)

    def send(self, server, picture, name="Ada", more="", **headers):
        all_headers = {"Content-Type": "application/octet-stream", "X-Page-Token": server.page_token(), **headers}
        return server.ask("POST", "/api/enrol?name=%s&file=ada.jpg%s" % (name.replace(" ", "%20"), more), picture, all_headers)

    def test_pictures_that_are_none(self):
        server = self.serve()
        good = png(40, 40, b"\0" * 40 * 121)
        for what, picture in (("garbage", os.urandom(5000)), ("text", b"<svg onload=alert(1)>"), ("cut", good[:60]), ("200 megapixels", png(20_000, 10_000)),
                              ("huge sides", png(2 ** 31 - 1, 2 ** 31 - 1)), ("nobody", pgm()), ("a bomb", png(30_000, 2_000, b"\0" * 60_000))):
            answer = self.send(server, picture)
            self.assertEqual(answer.status, 422, (what, answer.body))
            self.assertIn(answer.json["code"], ("unreadable", "no-face"), what)
            self.assertNotIn("--", answer.json["error"], "flags of a command line mean nothing here")
        self.assertEqual(self.send(server, b"").status, 400)
        self.assertEqual(self.send(server, b"x" * (25 * 2 ** 20 + 1)).status, 413)
        self.assertFalse(os.path.exists(self.path("g")))

    def test_who_may_not(self):
        server = self.serve("--read-only")
        self.assertEqual(self.send(server, pgm()).json["code"], "read-only")
        server = self.serve()
        self.assertEqual(self.send(server, pgm(), Origin="http://evil.example").status, 403)
        self.assertEqual(self.send(server, pgm(), **{"X-Page-Token": "0" * 32}).status, 403)
        for name in ("", "%00", "a%0Ab", "%ff%fe", "x" * 257, "???".replace("?", "%3F")):
            answer = self.send(server, pgm(), name)
            self.assertEqual((answer.status, answer.json["code"]), (400, "invalid-argument"), name[:10])
        write_gallery(self.path("g"), [("Ada", place("ada"))])
        answer = self.send(self.serve(), pgm())
        self.assertEqual((answer.status, answer.json["code"]), (409, "weights"), "the gallery is of other ones")

    @needs_real_data
    def test_photographs(self):
        server = self.serve("--keep-crops")
        self.assertTrue(server.get("/api/state").json["enrolment"])
        first = self.send(server, photograph())
        self.assertEqual(first.status, 200, first.body)
        more = "&id=" + first.json["id"]
        self.assertEqual(self.send(server, photograph(number=2), more=more + "&anyway=1").status, 200)
        taken = self.send(server, photograph(number=3))
        self.assertEqual((taken.status, taken.json["code"]), (409, "taken"))
        rows = self.rows_of("g", "Ada")
        self.assertEqual([row["source"] for row in rows], ["ada.jpg", "ada.jpg"])
        self.assertGreater(rows[0]["quality"], 0.05)
        self.assertEqual(weights_sha256(self.path("g")), weights_sha256(os.path.join(FIXTURES, "gallery.safetensors")))
        self.assertEqual(sorted(os.listdir(self.path("g.crops"))), sorted(row["id"] + ".ppm" for row in rows))
        for path, mode in (("g.crops", 0o700), ("g.crops/%s.ppm" % rows[0]["id"], 0o600), ("g", 0o600)):
            self.assertEqual(stat.S_IMODE(os.stat(self.path(path)).st_mode), mode, path)
        self.assertEqual(server.get("/api/picture?row=" + rows[0]["id"]).headers["Content-Type"], "image/bmp")
        self.ok("rename", "g", "Ada", "Ada L.")
        self.assertEqual(self.send(server, photograph(number=2), more=more).json["code"], "conflict")

    @needs_real_data
    def test_the_same_face_under_another_name_is_asked_about(self):
        server = self.serve("--threshold", "0.2")
        self.assertEqual(self.send(server, photograph()).status, 200)
        answer = self.send(server, photograph(), "Ben")
        self.assertEqual((answer.status, answer.json["code"], answer.json["error"]), (409, "looks-like", "this looks like Ada"))
        self.assertEqual(self.send(server, photograph(), "Ben", "&anyway=1").status, 200)

    @needs_real_data
    def test_like_enroll_at_the_command_line(self):
        shutil.copy(os.path.join(DATA, "lfw", "Abdullah_Gul", "Abdullah_Gul_0001.jpg"), self.path("1.jpg"))
        subprocess.run([TRIPLET_GALLERY, "enroll", "--weights", WEIGHTS_FILE, "h", "--name", "Ada", "--images", "1.jpg"], check=True,
                       cwd=self.folder, env=environment(), stdout=subprocess.DEVNULL)
        self.assertEqual(self.send(self.serve(), photograph()).status, 200)
        with open(self.path("g"), "rb") as mine, open(self.path("h"), "rb") as theirs:
            def values(file):
                size = struct.unpack("<Q", file.read(8))[0]
                header = json.loads(file.read(size))
                begin, end = header["embeddings"]["data_offsets"]
                file.seek(8 + size + begin)
                return struct.unpack("<%df" % ((end - begin) // 4), file.read(end - begin))
            for a, b in zip(values(mine), values(theirs)):
                self.assertAlmostEqual(a, b, 5)

    def test_a_process_that_is_killed_is_told(self):
        server = self.serve()
        said = []
        asking = threading.Thread(target=lambda: said.append(self.send(server, pgm())))
        asking.start()
        children = "/proc/%d/task" % server.process.pid

        def child():
            for task in os.listdir(children):
                with open("%s/%s/children" % (children, task), encoding="ascii") as file:
                    for pid in file.read().split():
                        return int(pid)
            return 0
        self.wait_for(child)
        pid = child()
        time.sleep(0.1)
        with open("/proc/%d/limits" % pid, encoding="ascii") as file:
            limits = file.read()
        os.kill(pid, signal.SIGKILL)
        asking.join()
        self.assertEqual((said[0].status, said[0].json["code"]), (422, "unreadable"))
        self.assertRegex(limits, r"Max cpu time +30 +30 ")
        self.assertRegex(limits, r"Max file size +0 +0 ")
        self.assertEqual(server.get("/api/state").status, 200)


if __name__ == "__main__":
    unittest.main()
