# SPDX-License-Identifier: LGPL-2.1-or-later
"""What enrolment is not silent about: several faces, doubtful ones, what is no picture; and folders that change."""
import json
import os
import resource
import shutil
import stat
import subprocess
import unittest

from support import (DATA, ROOT, TRIPLET_GALLERY, FaceTest, environment, needs_real_data, needs_video, pgm, weights_sha256,
                     write_gallery)

PEOPLE = ("Abdullah_Gul", "George_HW_Bush", "Colin_Powell")


class EnrollTest(FaceTest):
    def enroll(self, *args, code=0):
        done = self.run_tool("enroll", "--weights", self.weights, "g", *args)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def enrolled(self, *args, code=0):
        """The JSON object."""
        return json.loads(self.enroll("--json", *args, code=code).stdout)

    def put(self, person, number, *names):
        """A photograph of LFW at people/NAMES."""
        shutil.copy(os.path.join(DATA, "lfw", person, "%s_%04d.jpg" % (person, number)), self.path("people", *names))

    def sources(self):
        rows = self.json("list", "g", *(name for name, _ in self.people_of("g")))["people"]
        return sorted(row["source"] for person in rows for row in person["row_list"])


@needs_real_data
class SeveralFaces(EnrollTest):
    def two_faces(self, name):
        clip = os.path.join(DATA, "video", "head-pose-face-detection-female-and-male.mkv")
        subprocess.run(["gst-launch-1.0", "-q", "filesrc", "location=" + clip, "!", "decodebin", "!", "videoconvert", "!",
                        "pngenc", "snapshot=true", "!", "filesink", "location=" + self.path(*name.split("/"))],
                       timeout=60, check=True)

    @needs_video
    def test_are_refused_by_name_unless_a_flag_says_which(self):
        self.put("Abdullah_Gul", 1, "Gul", "1.jpg")
        self.two_faces("people/Gul/2.png")
        done = self.enroll("--folder", "people", code=3)
        self.assertIn("triplet-gallery: people/Gul/2.png: refused: 2 faces in it; --face largest, --face centre or --face "
                      "all-of 2 says which", done.stderr)
        self.assertEqual(self.sources(), ["people/Gul/1.jpg"])
        for rule, rows in ((["largest"], 1), (["centre"], 1), (["all-of", 2], 2)):
            done = self.enrolled("--replace", "--name", "Two", "--images", "people/Gul/2.png", "--face", *rule)
            self.assertEqual((done["changes"][0]["added"], done["refused"]), (rows, []), rule)
        refused = self.enrolled("--name", "Two", "--images", "people/Gul/2.png", "--face", "all-of", 3, code=1)["refused"]
        self.assertEqual([(one["input"], one["reason"]) for one in refused],
                         [("people/Gul/2.png", "several-faces"), ("Two", "nobody")])
        self.assertIn("2 faces in it, 3 expected", refused[0]["why"])

    def test_what_the_flag_takes(self):
        for words in (["smallest"], ["all-of"], ["all-of", "0"], ["all-of", "x"], ["largest", "2"]):
            self.fails("enroll", "g", "--folder", "people", "--face", *words, code=2, says=["--face", "all-of N"])
        self.put("Abdullah_Gul", 1, "Gul", "1.jpg")
        done = self.run_tool("enroll", "--weights", self.weights, "--folder", "people", "--face", "largest", "g")
        self.assertEqual(done.returncode, 0, "the gallery may stand behind it: " + done.stderr)


@needs_real_data
class Doubtful(EnrollTest):
    """With the default weights, which know people apart."""
    weights = os.path.join(ROOT, "models", "faces-r18.safetensors")

    def people(self, *others):
        """Three pictures of each, and another person's picture in somebody's folder."""
        for person in PEOPLE:
            for number in (1, 2, 3):
                self.put(person, number, person, "%d.jpg" % number)
        for person, number, name in others:
            self.put(person, number, name, "odd.jpg")

    def test_pictures_of_the_right_people_are_not(self):
        self.people()
        self.assertEqual(self.enrolled("--folder", "people", "--face", "centre")["doubts"], [])

    def test_a_picture_in_another_persons_folder_is_told_with_both(self):
        self.people(("Abdullah_Gul", 5, "Colin_Powell"))
        done = self.enrolled("--folder", "people", "--face", "centre")
        self.assertEqual([(one["kind"], one["row"], one["other"]["name"], one["refused"]) for one in done["doubts"]],
                         [("near-another", {"name": "Colin_Powell", "source": "people/Colin_Powell/odd.jpg"}, "Abdullah_Gul", False)])
        self.assertEqual(dict(self.people_of("g"))["Colin_Powell"], 4, "told, and enrolled")
        os.remove(self.path("g"))
        done = self.fails("enroll", "--weights", self.weights, "g", "--folder", "people", "--face", "centre", "--strict", code=3)
        self.assertRegex(done.stderr, r"people/Colin_Powell/odd\.jpg: refused: Colin_Powell \(people/Colin_Powell/odd\.jpg\) is "
                         r"within the threshold of Abdullah_Gul \(people/Abdullah_Gul/\d\.jpg\): distance 0\.\d+")
        self.assertEqual(self.people_of("g"), [(name, 3) for name in sorted(PEOPLE)])
        self.assertIn("Colin_Powell: 4 faces in 4 images, 3 enrolled", done.stdout)

    def test_a_stranger_among_a_persons_pictures_is_told(self):
        self.people(("Bill_Clinton", 2, "Colin_Powell"))
        done = self.enroll("--folder", "people", "--face", "centre")
        self.assertRegex(done.stderr, r"doubtful: Colin_Powell \(people/Colin_Powell/odd\.jpg\) is far from the other rows of "
                         r"that name, the nearest of which is Colin_Powell \(people/Colin_Powell/\d\.jpg\)")
        self.enroll("--folder", "people", "--face", "centre", "--replace", "--strict", code=3)
        self.assertEqual(self.people_of("g"), [(name, 3) for name in sorted(PEOPLE)])

    def test_a_person_who_is_there_under_another_name_is_told(self):
        self.people()
        self.enroll("--folder", "people", "--face", "centre")
        picture = os.path.join(DATA, "lfw", "Abdullah_Gul", "Abdullah_Gul_0004.jpg")
        done = self.enroll("--name", "A. Gul", "--images", picture, "--face", "centre")
        self.assertIn("is within the threshold of Abdullah_Gul (people/Abdullah_Gul/", done.stderr)
        self.enroll("--name", "Another", "--images", picture, "--face", "centre", "--strict", code=1)
        self.assertNotIn("Another", dict(self.people_of("g")))


@needs_real_data
class Folders(EnrollTest):
    def test_what_is_no_picture_is_counted_and_named_once(self):
        self.put("Abdullah_Gul", 1, "Gul", "1.jpg")
        for name in ("Gul/notes.txt", "Gul/more.txt", "stray.jpg"):
            self.write("people/" + name, b"x")
        done = self.enroll("--folder", "people")
        self.assertEqual(done.stderr.count("not looked at: 3 that are no pictures"), 1, done.stderr)
        for name in ("Gul/notes.txt", "Gul/more.txt", "stray.jpg"):
            self.assertEqual(done.stderr.count("people/" + name), 1, done.stderr)

    def test_sub_folders_and_other_endings(self):
        self.put("Abdullah_Gul", 1, "Gul", "2001", "1.jpg")
        self.put("Abdullah_Gul", 2, "Gul", "2002", "summer", "2.JFIF")
        self.put("Abdullah_Gul", 3, "Gul", "3.jpeg")
        os.symlink("..", self.path("people", "Gul", "2001", "back"))
        self.enroll("--folder", "people")
        self.assertEqual(self.sources(), ["people/Gul/2001/1.jpg", "people/Gul/2002/summer/2.JFIF", "people/Gul/3.jpeg"])

    def test_pictures_that_cannot_be_read_are_named_with_the_reason(self):
        self.put("Abdullah_Gul", 1, "Gul", "1.jpg")
        for name in ("2.jxl", "3.GIF"):
            self.write("people/Gul/" + name, b"x")
        self.write("people/Gul/4.jpg", b"GIF89a" + bytes(64))
        refused = self.enrolled("--folder", "people", code=3)["refused"]
        self.assertEqual(sorted(one["input"] for one in refused),
                         ["people/Gul/" + name for name in ("2.jxl", "3.GIF", "4.jpg")])
        for one in refused:
            self.assertIn("convert it to JPEG or PNG", one["why"])

    def test_what_servers_and_archives_leave_is_nobody(self):
        self.put("Abdullah_Gul", 1, "Gul", "1.jpg")
        left = ("@eaDir", "__MACOSX", "#recycle", "lost+found", "$RECYCLE.BIN", ".Trash-1000")
        for name in left:
            self.put("Abdullah_Gul", 2, name, "2.jpg")
        for name in ("Gul/@eaDir/1.jpg/SYNOPHOTO_THUMB_XL.jpg", "Gul/._1.jpg", "Gul/.DS_Store", "Gul/Thumbs.db", ".DS_Store"):
            self.write("people/" + name, b"x")
        done = self.enrolled("--folder", "people")
        self.assertEqual(self.people_of("g"), [("Gul", 1)])
        self.assertEqual((done["refused"], done["not_looked_at"]), ([], []))
        self.assertEqual(len(done["left_behind"]), len(left) + 5)

    def test_links_to_nowhere_and_empty_folders_are_named(self):
        self.put("Abdullah_Gul", 1, "Gul", "1.jpg")
        os.symlink("nowhere.jpg", self.path("people", "Gul", "2.jpg"))
        os.symlink("nowhere", self.path("people", "Ben"))
        os.mkdir(self.path("people", "Cem"))
        os.mkfifo(self.path("people", "Gul", "3.jpg"))
        refused = self.enrolled("--folder", "people", code=3)["refused"]
        self.assertEqual({one["input"]: one["reason"] for one in refused},
                         {"people/Gul/2.jpg": "missing", "people/Gul/3.jpg": "missing", "people/Ben": "missing",
                          "people/Cem": "nobody"})
        self.fails("enroll", "--weights", self.weights, "g", "--folder", "people/Gul", says=["people/Gul", "no folders of people in it, but 2 pictures"])


@needs_real_data
class Sync(EnrollTest):
    def changes(self, *args, code=0):
        return {one["name"]: (one["added"], one["removed"], one["kept"], one["gone"])
                for one in self.enrolled("--folder", "people", "--sync", *args, code=code)["changes"]}

    def test_the_difference_is_made_and_told(self):
        for number in (1, 2):
            self.put("Abdullah_Gul", number, "Gul", "%d.jpg" % number)
            self.put("George_HW_Bush", number, "Bush", "%d.jpg" % number)
        self.assertEqual(self.changes(), {"Gul": (2, 0, 0, False), "Bush": (2, 0, 0, False)})
        elsewhere = os.path.join(DATA, "lfw", "Abdullah_Gul", "Abdullah_Gul_0005.jpg")
        self.enroll("--name", "Gul", "--images", elsewhere)
        before = self.id_of("g", "Gul")
        self.assertEqual(self.changes(), {"Gul": (0, 0, 2, False), "Bush": (0, 0, 2, False)})
        os.remove(self.path("people", "Gul", "1.jpg"))
        self.put("Abdullah_Gul", 3, "Gul", "2.jpg")
        self.put("Abdullah_Gul", 4, "Gul", "4.jpg")
        shutil.rmtree(self.path("people", "Bush"))
        self.assertEqual(self.changes(), {"Gul": (2, 2, 0, False), "Bush": (0, 2, 0, True)})
        self.assertEqual(self.sources(), sorted([elsewhere, "people/Gul/2.jpg", "people/Gul/4.jpg"]))
        self.assertEqual(self.id_of("g", "Gul"), before)

    def test_a_folder_under_another_spelling_is_the_same(self):
        for number in (1, 2):
            self.put("Abdullah_Gul", number, "Gul", "%d.jpg" % number)
        self.enroll("--folder", "people")
        os.remove(self.path("people", "Gul", "1.jpg"))
        done = self.enrolled("--folder", self.folder + "/./people/", "--sync")
        self.assertEqual([done["changes"][0][key] for key in ("added", "removed", "kept")], [0, 1, 1])

    def test_a_picture_that_cannot_be_read_loses_nothing(self):
        for number in (1, 2):
            self.put("Abdullah_Gul", number, "Gul", "%d.jpg" % number)
        self.enroll("--folder", "people")
        self.write("people/Gul/1.jpg", b"cut")
        self.assertEqual(self.changes(code=3), {"Gul": (0, 0, 1, False)})
        self.assertEqual(len(self.sources()), 2)

    def test_a_folder_that_is_not_there_loses_nobody(self):
        self.put("Abdullah_Gul", 1, "Gul", "1.jpg")
        self.enroll("--folder", "people")
        shutil.rmtree(self.path("people"))
        self.fails("enroll", "--weights", self.weights, "g", "--folder", "people", "--sync", says=["people"])
        os.mkdir(self.path("people"))
        self.fails("enroll", "--weights", self.weights, "g", "--folder", "people", "--sync", says=["people"])
        self.assertEqual(self.people_of("g"), [("Gul", 1)])


@needs_real_data
class Crops(EnrollTest):
    def test_are_kept_when_asked_and_go_with_their_rows(self):
        for number in (1, 2):
            self.put("Abdullah_Gul", number, "Gul", "%d.jpg" % number)
        self.enroll("--folder", "people")
        self.assertFalse(os.path.exists(self.path("g.crops")))
        self.enroll("--folder", "people", "--keep-crops")
        crops = self.path("g.crops")
        self.assertEqual(stat.S_IMODE(os.stat(crops).st_mode), 0o700)
        ids = [row["id"] for row in self.rows_of("g", "Gul")]
        self.assertEqual(sorted(os.listdir(crops)), sorted(one + ".jpg" for one in ids))
        self.ok("remove", "g", "Gul", "--row", ids[0])
        self.assertEqual(os.listdir(crops), [ids[1] + ".jpg"])
        self.ok("move", "g", "Gul", "--to-gallery", "h")
        self.assertEqual((os.listdir(crops), os.listdir(self.path("h.crops"))), ([], [ids[1] + ".jpg"]))
        self.ok("remove", "h", "Gul")
        self.assertEqual(os.listdir(self.path("h.crops")), [])


class BadInput(EnrollTest):
    NAMES = ("x" * 10_000, b"\xff\xfe".decode("utf-8", "surrogateescape"), "a\nb", "", "???", "\x1b[31m")

    def test_names_that_nobody_has(self):
        self.write("a.pgm", pgm())
        for name in self.NAMES:
            done = self.fails("enroll", "--weights", self.weights, "g", "--name", name, "--images", "a.pgm", says=["--name: identity name"])
            self.assertNotIn("\x1b", done.stderr)
        self.assertEqual(os.listdir(self.folder), ["a.pgm"])

    @needs_real_data
    def test_folders_that_are_called_oddly(self):
        for number, name in enumerate(("a\nb", b"\xff".decode("utf-8", "surrogateescape"), "???", "<b>&", "..."), 1):
            self.put("Abdullah_Gul", number, name, "1.jpg")
        done = self.enrolled("--folder", "people", code=3)
        self.assertEqual(self.people_of("g"), [("<b>&", 1)])
        self.assertEqual([one["reason"] for one in done["refused"]], ["name"] * 3)
        self.assertEqual(len(done["left_behind"]), 1, "a name with a dot in front")

    def test_a_place_that_cannot_be_written_is_told_before_the_work(self):
        self.write("a.pgm", pgm())
        self.fails("enroll", "--weights", self.weights, "no/g", "--name", "A", "--images", "a.pgm", says=["no/g"])
        self.fails("enroll", "--weights", self.weights, "/dev/full", "--name", "A", "--images", "a.pgm", says=["/dev/full"])

    @needs_real_data
    def test_a_disk_that_is_full_leaves_the_gallery_as_it_was(self):
        self.put("Abdullah_Gul", 1, "Gul", "1.jpg")
        self.enroll("--folder", "people")
        before = self.content("g")
        self.put("Abdullah_Gul", 2, "Gul", "2.jpg")
        done = subprocess.run([TRIPLET_GALLERY, "enroll", "--weights", self.weights, "g", "--folder", "people"], cwd=self.folder,
                              capture_output=True, text=True, check=False, env=environment(),
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)))
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("triplet-gallery: g: ", done.stderr)
        self.assertEqual(self.content("g"), before)
        self.assertEqual(sorted(os.listdir(self.folder)), ["g", "g.lock", "people"])

    @needs_real_data
    def test_galleries_of_nobody(self):
        write_gallery(self.path("g"), [], weights=weights_sha256(self.gallery))
        self.put("Abdullah_Gul", 1, "Gul", "1.jpg")
        face = self.json("identify", "--weights", self.weights, "g", "people/Gul/1.jpg")["images"][0]["faces"][0]
        self.assertEqual((face["label"], face["reason"]), ("???", "no-gallery"))
        self.enroll("--folder", "people", "--sync")
        self.assertEqual(self.people_of("g"), [("Gul", 1)])


class Usage(EnrollTest):
    def test_flags_that_do_not_go_together(self):
        self.write("a.pgm", pgm())
        self.fails("enroll", "g", "--sync", "--name", "A", "--images", "a.pgm", code=2, says=["--folder"])
        self.fails("enroll", "g", "--sync", "--replace", "--folder", "people", code=2, says=["--sync"])
        self.fails("enroll", "--folder", "people", code=2, says=["gallery"])


if __name__ == "__main__":
    unittest.main()
