# SPDX-License-Identifier: LGPL-2.1-or-later
"""triplet-gallery: list, remove, rename, merge, move and strangers, and what is common to every command."""
import fcntl
import json
import os
import subprocess
import threading
import unittest

from support import TRIPLET_GALLERY, WEIGHTS, ToolTest, column, near, place, write_gallery, write_safetensors

COMMANDS = ("enroll", "identify", "export", "list", "remove", "rename", "merge", "move", "check", "strangers")
LONG = "x" * 10_000
BAD_UTF8 = b"\xff\xfe".decode("utf-8", "surrogateescape")


def three_people():
    """Ada with three rows and a counter-example, Ben with two, Cem with one."""
    return [("Ada", near(place("ada"), 1), 0.9, 1_700_000_000, "ada/1.jpg"),
            ("Ada", near(place("ada"), 2), 0.4, 1_700_086_400, "ada/2.jpg"),
            ("Ada", near(place("ada"), 3)),
            ("Ada", place("counter"), -1.0, 0, "stranger.jpg", 1),
            ("Ben", near(place("ben"), 1)), ("Ben", near(place("ben"), 2)), ("Cem", place("cem"))]


class People(ToolTest):
    def setUp(self):
        super().setUp()
        write_gallery(self.path("g"), three_people(), notes={"Ada": "met in March"})


class Common(People):
    def test_help(self):
        top = self.ok("--help")
        for command in COMMANDS:
            self.assertIn(command, top)
            text = self.ok(command, "--help")
            self.assertIn("--json", text)
            self.assertRegex(text, "Examples?:")
        self.assertRegex(self.ok("--version"), r"^\d+\.\d+\.\d+")

    def test_wrong_usage_exits_2(self):
        self.fails(code=2)
        self.fails("fly", code=2)
        self.fails("list", code=2)
        self.fails("list", "g", "--jsno", code=2, says=["--jsno is no flag of `list`; --json is meant?"])
        self.fails("merge", "g", "Ada", code=2, says=["--into"])
        self.fails("move", "g", "Ada", code=2, says=["--to-gallery"])
        self.fails("move", "g", "Ada", "--into", "Ben", code=2, says=["--row", "merge"])
        self.fails("move", "g", "Ada", "--to-gallery", "./g", code=2, says=["another gallery"])
        self.fails("remove", "g", "Ada", "Ben", "--row", "0", code=2, says=["one NAME"])
        self.fails("check", "g", "--threshold", "nan", code=2, says=["--threshold"])
        self.fails("check", "g", "--most", "-1", code=2, says=["--most"])

    def test_a_file_that_is_not_there_or_no_gallery_is_named(self):
        for args in (["list", "no"], ["remove", "no", "Ada"], ["rename", "no", "Ada", "Al"], ["check", "no"],
                     ["merge", "no", "Ada", "--into", "Ben"], ["move", "no", "Ada", "--to-gallery", "h"], ["strangers", "no"]):
            self.fails(*args, says=["no"])
        self.assertEqual(os.listdir(self.folder), ["g"], "nothing is made, and no lock either")
        with open(self.path("text"), "w", encoding="utf-8") as file:
            file.write("no gallery")
        self.fails("list", "text", says=["text"])
        self.fails("remove", "text", "Ada", says=["text"])
        self.fails("strangers", "g", says=["g", "kind"])

    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([TRIPLET_GALLERY, "list", self.path("g")], stdout=full, stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"standard output", done.stderr)

    def test_no_libtorch_and_no_opencv(self):
        needed = subprocess.run(["ldd", TRIPLET_GALLERY], capture_output=True, text=True, check=True).stdout
        self.assertIn("libembed-core", needed)
        self.assertNotRegex(needed, "libtorch|libc10|libopencv|libembed\\.so")


class List(People):
    def test_everybody(self):
        said = self.json("list", "g")
        self.assertEqual({key: said[key] for key in ("gallery", "metric", "threshold", "weights_sha256", "rows", "counter_examples")},
                         {"gallery": "g", "metric": "cosine", "threshold": 0.5, "weights_sha256": WEIGHTS, "rows": 6,
                          "counter_examples": 1})
        self.assertEqual([(one["name"], one["rows"]) for one in said["people"]], [("Ada", 3), ("Ben", 2), ("Cem", 1)])
        ada = said["people"][0]
        self.assertNotIn("row_list", ada)
        self.assertAlmostEqual(ada["worst_quality"], 0.4, 6)
        self.assertAlmostEqual(ada["best_quality"], 0.9, 6)
        self.assertEqual((ada["first_enrolled"], ada["last_enrolled"]), ("2023-11-14T22:13:20Z", "2023-11-15T22:13:20Z"))
        self.assertEqual((ada["note"], ada["counter_examples"]), ("met in March", 1))
        text = self.ok("list", "g")
        self.assertRegex(text, "Ada +3 rows, 1 counter-example, quality 0.40 to 0.90, enrolled 2023-11-14T22:13:20Z to .*, met in March")
        self.assertEqual(len(text.splitlines()), 4)

    def test_one_person_with_rows(self):
        rows = self.rows_of("g", "Ada")
        self.assertEqual([row["source"] for row in rows], ["ada/1.jpg", "ada/2.jpg", "", "stranger.jpg"])
        self.assertEqual([row["counter_example"] for row in rows], [False, False, False, True])
        self.assertEqual(len({row["id"] for row in rows}), 4)
        text = self.ok("list", "g", "Ada")
        self.assertIn(rows[0]["id"] + "  quality 0.90  2023-11-14T22:13:20Z  ada/1.jpg\n", text)
        self.assertEqual(self.json("list", "g", "--rows")["people"][0]["row_list"], rows)

    def test_nobody(self):
        write_gallery(self.path("empty"), [])
        self.assertEqual(self.json("list", "empty")["people"], [])
        self.assertEqual(self.ok("list", "empty").count("\n"), 1)

    def test_unknown_names_are_refused_one_by_one(self):
        said = self.json("list", "g", "Ada", "Bob", LONG, BAD_UTF8, code=3)
        self.assertEqual([one["name"] for one in said["people"]], ["Ada"])
        self.assertEqual([one["input"] for one in said["refused"]], ["Bob", LONG, "��"])
        done = self.fails("list", "g", "Bob", LONG, says=["Bob: refused: nobody"])
        self.assertLess(len(done.stderr), 2_000, "a long name is shortened")

    def test_control_characters_never_reach_the_terminal(self):
        done = self.fails("list", "g", "a\nb\x1b[2J", says=["a\\u000ab\\u001b[2J: refused"])
        self.assertNotIn("\x1b", done.stderr)


class Remove(People):
    def test_people(self):
        said = self.json("remove", "g", "Ada", "Bob", "Cem", code=3)
        self.assertEqual([(one["name"], one["rows"], one["person_gone"]) for one in said["removed"]],
                         [("Ada", 3, True), ("Cem", 1, True)])
        self.assertEqual([one["input"] for one in said["refused"]], ["Bob"])
        self.assertEqual(self.people("g"), {"Ben": 2})
        for trace in (b"Ada", b"ada/1.jpg", b"stranger.jpg", b"met in March"):
            self.assertNotIn(trace, self.content("g"))

    def test_rows(self):
        first, second, *_ = (row["id"] for row in self.rows_of("g", "Ada"))
        said = self.json("remove", "g", "Ada", "--row", second + ",000000000000", code=3)
        self.assertEqual((said["removed"][0]["rows"], said["removed"][0]["person_gone"]), (1, False))
        self.assertEqual([one["input"] for one in said["refused"]], ["000000000000"])
        self.assertEqual([row["source"] for row in self.rows_of("g", "Ada")], ["ada/1.jpg", "", "stranger.jpg"])
        self.assertIn(first, [row["id"] for row in self.rows_of("g", "Ada")], "ids stay")

    def test_with_the_last_row_the_person_goes(self):
        ids = [row["id"] for row in self.rows_of("g", "Ben")]
        self.assertIn("who is forgotten", self.ok("remove", "g", "Ben", "--row", ids[0], "--row", ids[1]))
        self.assertEqual(self.people("g"), {"Ada": 3, "Cem": 1})

    def test_where_all_is_refused_the_file_stays(self):
        before = self.content("g"), os.stat(self.path("g")).st_mtime_ns
        self.fails("remove", "g", "Bob", LONG, BAD_UTF8, "", "a\nb", says=["Bob: refused"])
        self.assertEqual((self.content("g"), os.stat(self.path("g")).st_mtime_ns), before)

    def test_another_writer_is_waited_for(self):
        with open(self.path("g.lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            process = subprocess.Popen([TRIPLET_GALLERY, "remove", self.path("g"), "Cem"], stderr=subprocess.PIPE, text=True,
                                       stdout=subprocess.DEVNULL)
            self.assertIn("waiting", process.stderr.readline())
            self.assertIsNone(process.poll())
        self.assertEqual(process.wait(60), 0)
        process.stderr.close()
        self.assertEqual(self.people("g"), {"Ada": 3, "Ben": 2})


class RenameAndMerge(People):
    def test_rename(self):
        known = self.id_of("g", "Ada")
        said = self.json("rename", "g", "Ada", "Ada/Lovelace ")
        self.assertEqual(said, {"gallery": "g", "from": "Ada", "to": "Ada/Lovelace", "id": known})
        self.assertEqual(self.people("g"), {"Ada/Lovelace": 3, "Ben": 2, "Cem": 1})
        self.assertEqual(self.json("list", "g", "Ada/Lovelace")["people"][0]["note"], "met in March")

    def test_names_that_are_none(self):
        for name in (LONG, BAD_UTF8, "", "a\nb", "???", "Ben"):
            before = self.content("g")
            done = self.fails("rename", "g", "Ada", name, says=["g: "])
            self.assertLess(len(done.stderr), 1_000)
            self.assertEqual(self.content("g"), before)
        self.fails("rename", "g", "Bob", "Al", says=["g: nobody in the gallery is called 'Bob'"])
        self.ok("rename", "g", "--", "Ada", "-Ada")
        self.assertIn("-Ada", self.people("g"))

    def test_merge(self):
        said = self.json("merge", "g", "Ben", "Bob", "Ada", "Cem", "--into", "Ada", code=3)
        self.assertEqual(said["merged"], [{"name": "Ben", "rows": 2}, {"name": "Cem", "rows": 1}])
        self.assertEqual([one["input"] for one in said["refused"]], ["Bob", "Ada"])
        self.assertEqual((said["into"]["name"], said["into"]["rows"]), ("Ada", 6))
        self.assertEqual(self.people("g"), {"Ada": 6})
        self.fails("merge", "g", "Ada", "--into", "Bob", says=["--into", "Bob"])


class Move(People):
    def test_a_person_to_a_new_gallery(self):
        known = self.id_of("g", "Ada")
        ids = {row["id"] for row in self.rows_of("g", "Ada")}
        said = self.json("move", "g", "Ada", "--to-gallery", "h")
        self.assertEqual((said["name"], said["rows"], said["into"], said["to_gallery"]), ("Ada", 3, "Ada", "h"))
        self.assertEqual((self.people("g"), self.people("h")), ({"Ben": 2, "Cem": 1}, {"Ada": 3}))
        there = self.json("list", "h", "Ada")
        self.assertEqual((there["threshold"], there["weights_sha256"]), (0.5, WEIGHTS))
        self.assertEqual((there["people"][0]["id"], there["people"][0]["note"]), (known, "met in March"))
        self.assertEqual({row["id"] for row in there["people"][0]["row_list"]}, ids, "the counter-example too")
        self.assertEqual(os.stat(self.path("h")).st_mode & 0o777, 0o600)

    def test_rows_of_a_person_and_the_rest_later(self):
        known, row = self.id_of("g", "Ada"), self.rows_of("g", "Ada")[1]["id"]
        self.ok("move", "g", "Ada", "--row", row, "--to-gallery", "h")
        self.assertEqual((self.people("g")["Ada"], self.people("h")), (2, {"Ada": 1}))
        self.ok("move", "g", "Ada", "--to-gallery", "h")
        self.assertEqual((self.people("g"), self.people("h")), ({"Ben": 2, "Cem": 1}, {"Ada": 3}))
        self.assertEqual(self.id_of("h", "Ada"), known)

    def test_a_move_that_was_interrupted_can_be_given_again(self):
        before = self.content("g")
        self.ok("move", "g", "Ada", "--to-gallery", "h")
        with open(self.path("g"), "wb") as file:
            file.write(before)
        self.ok("move", "g", "Ada", "--to-gallery", "h")
        self.assertEqual((self.people("g"), self.people("h")), ({"Ben": 2, "Cem": 1}, {"Ada": 3}))

    def test_somebody_else_of_that_name(self):
        write_gallery(self.path("h"), [("Ada", place("another ada"))])
        before = self.content("g"), self.content("h")
        self.fails("move", "g", "Ada", "--to-gallery", "h", says=["h: somebody else is called 'Ada'", "--into"])
        self.assertEqual((self.content("g"), self.content("h")), before)
        self.ok("move", "g", "Ada", "--to-gallery", "h", "--into", "Ada L.")
        self.assertEqual(self.people("h"), {"Ada": 1, "Ada L.": 3})

    def test_another_gallery_of_other_weights(self):
        write_gallery(self.path("h"), [("Dan", place("dan"))], weights="cd" * 32)
        before = self.content("g"), self.content("h")
        self.fails("move", "g", "Ada", "--to-gallery", "h", says=["h: ", "weights"])
        self.assertEqual((self.content("g"), self.content("h")), before)

    def test_a_folder_that_is_not_there_changes_nothing(self):
        before = self.content("g")
        self.fails("move", "g", "Ada", "--to-gallery", "no/h", says=["no/h"])
        self.assertEqual(self.content("g"), before)

    def test_rows_to_another_person(self):
        row = self.rows_of("g", "Ada")[0]["id"]
        said = self.json("move", "g", "Ada", "--row", row + ",000000000000", "--into", "Ben", code=3)
        self.assertEqual((said["rows"], said["into"], said["to_gallery"]), (1, "Ben", None))
        self.assertEqual(self.people("g"), {"Ada": 2, "Ben": 3, "Cem": 1})
        self.assertIn("ada/1.jpg", [one["source"] for one in self.rows_of("g", "Ben")])
        self.fails("move", "g", "Ben", "--row", row, "--into", "Bob", says=["Bob"])

    def test_two_moves_in_opposite_directions_do_not_wait_for_each_other(self):
        write_gallery(self.path("h"), [("Dan", place("dan")), ("Eve", place("eve"))])
        moves = [threading.Thread(target=self.ok, args=args) for args in (
            ("move", "g", "Ada", "--to-gallery", "h"), ("move", "h", "Dan", "--to-gallery", "g"))]
        for thread in moves:
            thread.start()
        for thread in moves:
            thread.join(60)
        self.assertEqual((self.people("g"), self.people("h")), ({"Ben": 2, "Cem": 1, "Dan": 1}, {"Eve": 1, "Ada": 3}))


class Strangers(ToolTest):
    def write(self, tracks, cameras):
        """`tracks`: of each its group, weight, looks, first, last (milliseconds) and camera."""
        numbers = {"looks": 2, "group": 0, "first": 3, "last": 4, "camera": 5}
        write_safetensors(self.path("s"), {
            "embeddings": column("F32", "f", [value for i in range(len(tracks)) for value in place(i)], [len(tracks), 128]),
            "weight": column("F32", "f", [track[1] for track in tracks]),
            **{name: column("I64", "q", [track[at] for track in tracks]) for name, at in numbers.items()},
            "joined": ("I64", [0, 2], b"", 0)},
            {"kind": "tripletembed.strangers", "version": "1", "cameras": json.dumps(cameras), "last_number": "9",
             "weights_sha256": WEIGHTS})

    def test_groups_most_recent_first(self):
        day = 86_400_000
        now = 1_700_000_000_000
        self.write([(3, 8.0, 10, now, now + 1000, 0), (3, 2.0, 10, now - day, now - day, 1), (5, 6.0, 10, now + day, now + day, 1)],
                   ["door", "hall\n"])
        said = self.json("strangers", "s")["strangers"]
        self.assertEqual([(one["stranger"], one["tracks"], one["cameras"]) for one in said],
                         [("unknown-5", 1, ["hall\n"]), ("unknown-3", 2, ["door", "hall\n"])])
        self.assertEqual((said[1]["first_seen"], said[1]["last_seen"]), ("2023-11-13T22:13:20Z", "2023-11-14T22:13:21Z"))
        self.assertAlmostEqual(said[1]["quality"], 0.5, 6)
        text = self.ok("strangers", "s")
        self.assertRegex(text, r"unknown-3 +2 tracks, quality 0.50, 2023-11-13T22:13:20Z to 2023-11-14T22:13:21Z, door, hall\\u000a\n")

    def test_nobody_and_while_a_pipeline_writes(self):
        self.write([], [])
        with open(self.path("s.lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assertEqual(self.json("strangers", "s")["strangers"], [])


if __name__ == "__main__":
    unittest.main()
