# SPDX-License-Identifier: LGPL-2.1-or-later
"""triplet-gallery enroll and identify on real faces."""
import fcntl
import json
import os
import shutil
import struct
import subprocess
import unittest

from support import DATA, TRIPLET_GALLERY, FaceTest, needs_faces, needs_real_data, needs_video, pgm, weights_sha256


class Usage(FaceTest):
    def test_wrong_usage_exits_2(self):
        self.fails("enroll", "--galery", "g", code=2, says=["--galery is no flag of `enroll`; --gallery is meant?"])
        self.fails("enroll", "--galery=g", "--name", "x", code=2, says=["--gallery is meant?"])
        self.fails("enroll", "--weights", self.weights, "--gallery", "g", code=2, says=["--folder"])
        self.fails("enroll", "--weights", self.weights, "--gallery", "g", "--video", "v", code=2, says=["--name"])
        self.fails("identify", "--weights", self.weights, "--gallery", "g", "--k", 0, "x.jpg", code=2, says=["--k"])
        self.fails("identify", "--weights", self.weights, "--gallery", "g", "--metric", "no", "x", code=2)
        self.fails("identify", "g", code=2, says=["image"])
        for flag in ("--threshold", "--far"):
            self.fails("identify", flag, "nan", "x.jpg", code=2, says=[flag, "a number expected, not nan"])

    def test_a_config_file_with_unknown_keys_is_refused(self):
        for command in ("enroll", "identify"):
            self.assertIn("--config FILE", self.ok(command, "--help"))
            self.write("bad.toml", "colour = 3\n")
            self.fails(command, "--config", "bad.toml", code=2, says=["bad.toml", "colour", "`%s`" % command])
            self.write("bad.toml", "[%s]\ncolour = 3\n" % command)
            self.fails(command, "--config", "bad.toml", code=2, says=["bad.toml", "colour", "`%s`" % command])

    @needs_faces
    def test_enroll_tells_of_a_name_before_it_looks_for_faces(self):
        latin = b"caf\xe9".decode("utf-8", "surrogateescape")
        self.write("root/Al/0.pgm", b"no picture")
        self.write("root/%s/0.pgm" % latin, pgm())
        flags = ("enroll", "--weights", self.weights, "--gallery", "new.gallery")
        done = self.fails(*flags, "--folder", "root", says=["root/%s: refused: identity name: UTF-8" % latin])
        self.assertLess(done.stderr.index("identity name"), done.stderr.index("0.pgm"))
        for name in (latin, "", "x" * 257):
            self.fails(*flags, "--name", name, "--images", "root/Al/0.pgm", says=["--name: identity name"])

    def test_pictures_are_refused_by_what_is_missing(self):
        self.write("root/Ann/1.pgm", pgm())
        self.fails("enroll", "--weights", self.weights, "--gallery", "g", "--folder", "root", says=["no OpenCV"], bare=True)


@needs_real_data
class EnrollAndIdentify(FaceTest):
    PEOPLE = ("Abdullah_Gul", "George_HW_Bush")

    def picture(self, person, number):
        return os.path.join(DATA, "lfw", person, "%s_%04d.jpg" % (person, number))

    def people(self):
        for person in self.PEOPLE:
            for number in (1, 2, 3):
                shutil.copy(self.picture(person, number), self.path("people", person, "%d.jpg" % number))

    def enroll(self, *args, code=0):
        done = self.run_tool("enroll", "--weights", self.weights, "--gallery", "g.safetensors", *args)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def rows(self):
        return self.listed()["rows"]

    def test_a_folder_of_people(self):
        self.people()
        self.assertIn("3 faces in 3 images, 3 enrolled", self.enroll("--folder", "people").stdout)
        self.assertEqual(self.people_of("g.safetensors"), [(name, 3) for name in self.PEOPLE])
        self.assertEqual(self.listed()["weights_sha256"], weights_sha256(self.gallery))
        self.enroll("--folder", "people")
        self.assertEqual(self.rows(), 6, "the same pictures again add nothing")
        self.enroll("--images", self.picture("Abdullah_Gul", 4), "--name", "Gül")
        self.assertEqual(self.rows(), 7)
        self.enroll("--images", self.picture("Abdullah_Gul", 5), "--name", "Abdullah_Gul", "--replace")
        self.assertEqual(dict(self.people_of("g.safetensors"))["Abdullah_Gul"], 1)

    def test_spellings_of_a_name_that_look_alike_are_one_person(self):
        # é as one character, as e and its accent, and with a blank behind it.
        for number, folder in enumerate(("Ren\u00e9", "Rene\u0301", "Ren\u00e9 "), 1):
            shutil.copy(self.picture("Abdullah_Gul", number), self.path("people", folder, "1.jpg"))
        done = self.enroll("--folder", "people")
        self.assertEqual(done.stderr.count("Ren\u00e9 is there in more than one spelling: one person"), 1, done.stderr)
        self.assertEqual(self.people_of("g.safetensors"), [("Ren\u00e9", 3)])

    def test_names_what_was_enrolled(self):
        self.people()
        self.enroll("--folder", "people", "--max-per-identity", 2)
        self.assertEqual(self.rows(), 4)
        image = self.picture("Abdullah_Gul", 7)
        self.enroll("--images", image, "--name", "Seven")
        result = self.json("identify", "--weights", self.weights, "--gallery", "g.safetensors", image)
        face = result["images"][0]["faces"][0]
        self.assertEqual(face["label"], "Seven")
        self.assertAlmostEqual(face["distance"], 0, places=5)
        self.assertEqual(set(face["box"]), {"x", "y", "w", "h"})
        self.assertIn(face["runner_up"], self.PEOPLE)
        far = self.json("identify", "--weights", self.weights, "--gallery", "g.safetensors", "--threshold", 0,
                           self.picture("George_HW_Bush", 9))
        self.assertEqual(far["images"][0]["faces"][0]["label"], "???")
        self.assertEqual(far["images"][0]["faces"][0]["reason"], "far")

    def test_identify_takes_the_gallery_in_front_too(self):
        self.people()
        self.enroll("--folder", "people")
        image = self.picture("Abdullah_Gul", 1)
        one, other = (self.json("identify", "--weights", self.weights, *gallery, image)
                      for gallery in (["g.safetensors"], ["--gallery", "g.safetensors"]))
        self.assertEqual(one, other)

    def test_identify_goes_on_after_an_unreadable_image_and_tells(self):
        self.people()
        self.enroll("--folder", "people")
        self.write("bad.jpg", b"no picture")
        done = self.fails("identify", "--weights", self.weights, "--gallery", "g.safetensors", "bad.jpg",
                          self.picture("Abdullah_Gul", 1), "--json", says=["bad.jpg"], code=3)
        images = json.loads(done.stdout)["images"]
        self.assertIn("error", images[0])
        self.assertEqual(len(images[1]["faces"]), 1)
        self.fails("identify", "--weights", self.weights, "--gallery", "g.safetensors", "bad.jpg", says=["bad.jpg"])

    def test_people_without_a_face(self):
        self.people()
        self.write("people/Nobody/1.pgm", b"P5 64 64 255\n" + bytes(64 * 64))
        self.fails("enroll", "--weights", self.weights, "--gallery", "g.safetensors", "--folder", "people", code=3,
                   says=["people/Nobody/1.pgm: refused: no face in it", "people/Nobody: refused: no face that can be enrolled"])
        self.assertEqual(len(self.people_of("g.safetensors")), 2, "the others are enrolled")
        self.assertIn("people/Nobody", self.enroll("--folder", "people", "--skip-bad").stderr)
        self.fails("enroll", "--weights", self.weights, "--gallery", "new", "--name", "A", "--images", "people/Nobody/1.pgm",
                   says=["people/Nobody/1.pgm", "nobody is left to enrol"])
        self.assertFalse(os.path.exists(self.path("new")))

    @needs_video
    def test_a_video(self):
        clip = os.path.join(DATA, "video", "head-pose-face-detection-male.mkv")
        self.enroll("--video", clip, "--name", "G", "--max-per-identity", 6, "--every", 4)
        self.assertEqual(self.people_of("g.safetensors"), [("G", 6)])
        self.fails("enroll", "--weights", self.weights, "--gallery", "g.safetensors", "--video", "no.mkv", "--name",
                   "X", says=["no.mkv"])
        self.fails("enroll", "--weights", self.weights, "--gallery", "g.safetensors", "--video", clip, "--name", "X",
                   "--smallest-face", 5000, says=[clip, "no face of 5000 pixels"])

    def clip(self, name, *stages):
        """A clip of one who is enrolled from bird.mkv, turned or what the stages do with it."""
        source = os.path.join(DATA, "video", "bird.mkv")
        done = subprocess.run(["gst-launch-1.0", "-q", "filesrc", "location=" + source, "!", "decodebin", "!",
                               "videoconvert", *stages, "!", "jpegenc", "!", "qtmux", "faststart=true", "!", "filesink",
                               "location=" + self.path(name)], capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            self.skipTest("gst-launch-1.0: " + done.stderr)
        return self.path(name)

    def refused(self, clip, *args, says=()):
        self.fails("enroll", "--weights", self.weights, "--gallery", "g.safetensors", "--name", "A", "--video", clip,
                   *args, says=says)
        self.assertFalse(os.path.exists(self.path("g.safetensors")))

    @needs_video
    def test_a_clip_that_lies_on_its_side(self):
        clip = self.clip("side.mov", "!", "videoflip", "video-direction=90l")
        self.refused(clip, says=["side.mov", "no face", "turned by 90 degrees clockwise there would be",
                                 "--video-direction 90r"])
        self.enroll("--video", clip, "--name", "A", "--video-direction", "90r")
        self.assertEqual(self.people_of("g.safetensors")[0][0], "A")
        # As phones do: the pixels lie, and the file says how to turn them.
        os.remove(self.path("g.safetensors"))
        with open(clip, "r+b") as file:
            matrix = file.read().index(b"tkhd") + 44
            file.seek(matrix)
            file.write(struct.pack(">5i", 0, 1 << 16, 0, -1 << 16, 0))
        self.enroll("--video", clip, "--name", "A")

    @needs_video
    def test_cut_clips_are_refused_with_the_second(self):
        clip = self.clip("cut.mov")
        with open(clip, "r+b") as file:
            file.truncate(os.path.getsize(clip) // 2)
        self.refused(clip, says=["cut.mov", " s: the file is cut"])
        self.assertIn("cut.mov", self.enroll("--video", clip, "--name", "A", "--skip-bad").stderr)
        self.assertEqual(self.people_of("g.safetensors")[0][0], "A")

    @needs_video
    def test_what_is_no_clip_is_refused_and_not_waited_for(self):
        os.mkfifo(self.path("fifo"))
        self.refused("fifo", says=["fifo", "not a regular file"])
        self.write("random.mp4", bytes((i * i * 7 + i // 3) % 251 for i in range(9000)))
        self.refused("random.mp4", says=["random.mp4", "at its start"])
        done = self.fails("enroll", "--weights", self.weights, "--gallery", "g.safetensors", "--name", "A", "--video",
                          "rtsp://user:secret@127.0.0.1:9/x?key=hidden", says=["rtsp://127.0.0.1:9/x"])
        self.assertNotIn("secret", done.stderr)
        self.assertNotIn("hidden", done.stderr)

    @needs_video
    def test_a_second_face_is_told(self):
        clip = os.path.join(DATA, "video", "head-pose-face-detection-female-and-male.mkv")
        told = r"a second face in \d+ of \d+ frames, from [\d.]+ s to [\d.]+ s"
        done = self.fails("enroll", "--weights", self.weights, "--gallery", "g.safetensors", "--video", clip, "--name", "F",
                          says=[clip + ": refused: ", "--face largest or --face centre says which"])
        self.assertRegex(done.stderr, told)
        self.assertFalse(os.path.exists(self.path("g.safetensors")))
        for which in ("largest", "centre"):
            self.assertRegex(self.enroll("--video", clip, "--name", "F", "--face", which).stderr, told)
        self.fails("enroll", "--weights", self.weights, "--gallery", "g.safetensors", "--video", clip, "--name", "F", "--face",
                   "all-of", 2, code=2, says=["--face", "--video"])
        clip = os.path.join(DATA, "video", "head-pose-face-detection-male.mkv")
        self.assertNotIn("second face", self.enroll("--video", clip, "--name", "G").stderr)

    def test_poor_pictures_are_refused_with_the_reason(self):
        self.people()
        for name, effect in (("blurred", "gaussianblur sigma=6"), ("dark", "videobalance contrast=0.07")):
            subprocess.run(["gst-launch-1.0", "-q", "filesrc", "location=" + self.picture("Abdullah_Gul", 1), "!", "jpegdec",
                            "!", "videoconvert", "!", *effect.split(), "!", "videoconvert", "!", "pngenc", "!", "filesink",
                            "location=" + self.path("people", "Abdullah_Gul", name + ".png")], timeout=60, check=True)
        refused = r"people/Abdullah_Gul/%s\.png: refused: the face is %s, of a quality of 0\.\d+: %.3f or more expected"
        done = self.enroll("--folder", "people", code=3)
        self.assertRegex(done.stderr, refused % ("blurred", "blurred", 0.05))
        self.assertNotIn("dark.png: refused", done.stderr, "it can still be recognised")
        self.assertIn("Abdullah_Gul: 4 faces in 5 images", done.stdout)
        done = self.enroll("--folder", "people", "--min-quality", 0.3, "--replace", code=3)
        self.assertRegex(done.stderr, refused % ("dark", "dark", 0.3))
        self.assertIn("Abdullah_Gul: 3 faces in 5 images", done.stdout)
        self.assertIn("5 faces in 5 images", self.enroll("--folder", "people", "--min-quality", 0, "--replace").stdout)
        self.fails("enroll", "--weights", self.weights, "--gallery", "g.safetensors", "--name", "A", "--images",
                   "people/Abdullah_Gul/blurred.png", says=["no face that can be enrolled in any of its 1 images"])

    def test_pictures_that_lie_on_their_side_are_told(self):
        path = self.path("people", "Gul", "1.png")
        subprocess.run(["gst-launch-1.0", "-q", "filesrc", "location=" + self.picture("Abdullah_Gul", 1), "!", "jpegdec",
                        "!", "videoconvert", "!", "videoflip", "video-direction=90r", "!", "pngenc", "!", "filesink",
                        "location=" + path], timeout=60, check=True)
        done = self.fails("enroll", "--weights", self.weights, "--gallery", "g.safetensors", "--folder", "people",
                          says=["1.png: refused: no face in it; turned by 270 degrees clockwise there would be 1: turn the picture"])
        self.assertEqual(done.returncode, 1)

    def test_damaged_and_large_pictures_are_refused_by_name(self):
        self.people()
        whole = self.picture("Abdullah_Gul", 4)
        with open(whole, "rb") as file:
            content = file.read()
        self.write("people/Abdullah_Gul/4.jpg", content[:len(content) // 2] + b"\xff\xd9")
        enroll = ("enroll", "--weights", self.weights, "--gallery", "g.safetensors")
        self.fails(*enroll, "--folder", "people", code=3, says=["people/Abdullah_Gul/4.jpg: refused: ", "damaged"])
        done = self.enroll("--folder", "people", "--skip-bad")
        self.assertEqual(done.stderr.count("Abdullah_Gul/4.jpg"), 1)
        self.assertIn("Abdullah_Gul: 3 faces in 4 images", done.stdout)
        os.remove(self.path("g.safetensors"))
        self.fails(*enroll, "--skip-bad", "--name", "A", "--images", "people/Abdullah_Gul/4.jpg",
                   says=["nobody is left to enrol"])
        self.write("big.pgm", b"P5 9000 9000 255\n")
        self.fails(*enroll, "--name", "A", "--images", "big.pgm", says=["big.pgm", "9000x9000", "81 megapixels"])
        self.fails(*enroll, "--name", "A", "--images", "big.pgm", "--max-megapixels", 0, says=["big.pgm", "decoded"])

    def test_two_enrolments_at_once_lose_nobody(self):
        base = [TRIPLET_GALLERY, "enroll", "--weights", self.weights, "--gallery", "g.safetensors", "--name"]
        with open(self.path("g.safetensors.lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # As a third one at work, so that both wait.
            both = [subprocess.Popen([*base, name, "--images", self.picture(name, 1)], cwd=self.folder, text=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE) for name in self.PEOPLE]
            for process in both:
                self.assertIn("g.safetensors: another program is changing it", process.stderr.readline())
        said = [process.communicate(timeout=120) for process in both]
        self.assertEqual([process.returncode for process in both], [0, 0], said)
        self.assertEqual({name for name, _ in self.people_of("g.safetensors")}, set(self.PEOPLE))
        self.assertEqual(os.stat(self.path("g.safetensors")).st_mode & 0o777, 0o600, "faces are their owner's")
        os.chmod(self.path("g.safetensors"), 0o640)
        self.enroll("--images", self.picture("Abdullah_Gul", 4), "--name", "G")
        self.assertEqual(os.stat(self.path("g.safetensors")).st_mode & 0o777, 0o640)

    def test_a_gallery_of_other_weights_is_refused(self):
        self.people()
        other = weights_sha256(self.gallery).translate(str.maketrans("0123456789", "1234567890"))
        with open(self.gallery, "rb") as file:
            content = file.read()
        self.write("g.safetensors",
                   content.replace(weights_sha256(self.gallery).encode(), other.encode()))
        self.fails("enroll", "--weights", self.weights, "--gallery", "g.safetensors", "--folder", "people",
                   says=["g.safetensors", "weights"])
        self.fails("identify", "--weights", self.weights, "--gallery", "g.safetensors",
                   self.picture("Abdullah_Gul", 1), says=["g.safetensors", "weights"])


if __name__ == "__main__":
    unittest.main()
