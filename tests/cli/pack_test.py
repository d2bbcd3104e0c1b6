# SPDX-License-Identifier: LGPL-2.1-or-later
"""triplet-train pack: every kind of source, what ends up in the file, and what is refused with which words."""
import json
import math
import os
import struct
import unittest

from support import (CliTest, DATA, TRIPLET_TRAIN_BARE, compress, idx_images, idx_labels, labels_of, needs_faces,
                     needs_real_data, pgm, read_safetensors)


class PackIdx(CliTest):
    def test_packs_plain_and_gzipped_alike(self):
        labels = [5, 0, 4, 1, 9, 2, 0, 4]
        self.write("a-images-idx3-ubyte", idx_images(8))
        self.write("a-labels-idx1-ubyte", idx_labels(labels))
        self.write("b-images-idx3-ubyte.gz", compress(idx_images(8)))
        self.write("b-labels-idx1-ubyte.gz", compress(idx_labels(labels)))
        self.ok("pack", "--out", "a.safetensors", "--size", 32, "--channels", 1, "a-images-idx3-ubyte")
        self.ok("pack", "--out", "b.safetensors", "--size", 32, "--channels", 1, "b-images-idx3-ubyte.gz")
        metadata, a = read_safetensors(self.path("a.safetensors"))
        _, b = read_safetensors(self.path("b.safetensors"))
        self.assertEqual(a["images"], b["images"])
        self.assertEqual(a["images"][1], [8, 32, 32, 1])
        # In the order of the digits, and of the file within a digit.
        self.assertEqual(labels_of(a), [0, 0, 1, 2, 3, 3, 4, 5])
        self.assertEqual(json.loads(metadata["class_names"]), ["0", "1", "2", "4", "5", "9"])
        self.assertEqual(json.loads(metadata["sources"])[:2], ["a-images-idx3-ubyte:1", "a-images-idx3-ubyte:6"])
        self.assertEqual(json.loads(metadata["crop"])["alignment"], "whole")

    def test_keeps_the_pixels_when_the_size_is_the_same(self):
        self.write("images", idx_images(3, 20, 20))
        self.write("labels", idx_labels([0, 1, 2]))
        self.ok("pack", "--out", "set.safetensors", "--size", 20, "--channels", 3, "images")
        _, tensors = read_safetensors(self.path("set.safetensors"))
        pixels = tensors["images"][2]
        expected = idx_images(3, 20, 20)[16:]
        for channel in range(3):
            worst = max(abs(p - e) for p, e in zip(pixels[channel::3], expected))
            self.assertLessEqual(worst, 1)

    def test_limits_and_prefix(self):
        self.write("images", idx_images(30))
        self.write("labels", idx_labels([i % 3 for i in range(29)] + [7]))
        out = self.ok("pack", "--out", "set.safetensors", "--limit-per-class", 4, "--min-images", 2, "digits=images")
        metadata, tensors = read_safetensors(self.path("set.safetensors"))
        self.assertEqual(json.loads(metadata["class_names"]), ["digits/0", "digits/1", "digits/2"])
        self.assertEqual(labels_of(tensors), [0] * 4 + [1] * 4 + [2] * 4)
        self.assertIn("12 images of 3 identities", out.stdout)
        first = json.loads(metadata["sources"])
        self.ok("pack", "--out", "rest.safetensors", "--skip-per-class", 4, "digits=images")
        metadata, tensors = read_safetensors(self.path("rest.safetensors"))
        # Of the ten, ten and nine; the class of one is left out.
        self.assertEqual(labels_of(tensors), [0] * 6 + [1] * 6 + [2] * 5)
        self.assertFalse(set(first) & set(json.loads(metadata["sources"])))

    def test_refuses_broken_files_by_name(self):
        good = idx_images(4)
        self.write("labels", idx_labels([0, 1, 2, 3]))
        cases = {
            "missing": (None, "no such file"),
            "empty": (b"", "ends inside its header"),
            "short-header": (good[:10], "ends inside its header"),
            "truncated": (good[:-1], "truncated"),
            "too-long": (good + b"x", "left over"),
            "wrong-magic": (idx_images(4, magic=0x801), "0x00000803 expected"),
            "zero-size": (idx_images(4, rows=0), "sides from 1 to 4096"),
            "huge-count": (idx_images(4)[:4] + b"\xff\xff\xff\xff" + good[8:], "truncated"),
            "broken.gz": (compress(good)[:-30], "truncated"),
        }
        for name, (content, words) in cases.items():
            with self.subTest(name):
                if content is not None:
                    self.write(name, content)
                self.fails("pack", "--out", "x", "--labels", "labels", name, says=[name, words])
                self.assertFalse(os.path.exists(self.path("x")))

    def test_refuses_labels_that_do_not_fit(self):
        self.write("images", idx_images(4))
        self.fails("pack", "--out", "x", "images", says=["images", "no labels file 'labels'"])
        self.write("labels", idx_labels([1, 2, 3]))
        self.fails("pack", "--out", "x", "images", says=["labels", "3 labels, but 4 images"])
        self.write("pictures", idx_images(4))
        self.fails("pack", "--out", "x", "pictures", says=["--labels"])
        self.fails("pack", "--out", "x", "--labels", "images", "images", says=["0x00000801 expected"])


@needs_faces
class PackFolder(CliTest):
    def people(self, root, **images):
        for name, count in images.items():
            for i in range(count):
                self.write("%s/%s/%02d.pgm" % (root, name, i), pgm(seed=len(name) * 10 + i))

    def test_packs_identities_in_order_with_their_sources(self):
        self.people("root", Bob=2, Al=3)
        self.ok("pack", "--out", "set.safetensors", "--size", 16, "root")
        metadata, tensors = read_safetensors(self.path("set.safetensors"))
        self.assertEqual(json.loads(metadata["class_names"]), ["Al", "Bob"])
        self.assertEqual(labels_of(tensors), [0, 0, 0, 1, 1])
        self.assertEqual(json.loads(metadata["sources"])[3], "Bob/00.pgm")
        self.assertEqual(tensors["images"][1], [5, 16, 16, 3])

    def test_same_prefix_joins_identities(self):
        self.people("one", Al=2)
        self.people("two", Al=3, Bo=1)
        self.ok("pack", "--out", "set.safetensors", "p=one", "p=two", "q=two")
        metadata, tensors = read_safetensors(self.path("set.safetensors"))
        self.assertEqual(json.loads(metadata["class_names"]), ["p/Al", "p/Bo", "q/Al", "q/Bo"])
        self.assertEqual([labels_of(tensors).count(i) for i in range(4)], [5, 1, 3, 1])
        self.ok("pack", "--out", "unique.safetensors", "--unique-names", "p=one", "p=two")
        _, tensors = read_safetensors(self.path("unique.safetensors"))
        self.assertEqual(labels_of(tensors), [0, 0, 0, 1])

    def test_people_lists(self):
        self.people("root", Ann=2, Ben=2, Cy=2)
        self.write("view1.txt", "2\nAnn\t2\nCy\t1\n")
        self.write("plain.txt", "Ben\n")
        self.write("none.txt", "")
        for people, names in (("view1.txt", ["Ann", "Cy"]), ("plain.txt", ["Ben"])):
            self.ok("pack", "--out", "set.safetensors", "--people", people, "root")
            self.assertEqual(json.loads(read_safetensors(self.path("set.safetensors"))[0]["class_names"]), names)
        self.fails("pack", "--out", "x", "--people", "none.txt", "root", says=["none.txt", "no name"])

    def test_an_unreadable_image_is_named_and_can_be_skipped(self):
        self.people("root", Al=2, Bo=2)
        self.write("root/Al/99.jpg", b"this is no picture")
        self.fails("pack", "--out", "x", "root", says=["99.jpg"])
        done = self.ok("pack", "--out", "set.safetensors", "--skip-bad", "root")
        self.assertIn("99.jpg", done.stderr)
        self.assertIn("unreadable 1", done.stdout)
        self.assertIn("4 images of 2 identities", done.stdout)

    def test_empty_folders_are_refused(self):
        self.people("root", Al=2)
        os.mkdir(self.path("root", "Nobody"))
        self.fails("pack", "--out", "x", "root", says=["Nobody", "without any image"])
        self.assertIn("Nobody", self.ok("pack", "--out", "set", "--skip-bad", "root").stderr)
        os.mkdir(self.path("empty"))
        self.fails("pack", "--out", "x", "empty", says=["empty", "root/identity"])

    def test_context_adds_the_same_border_on_both_sides(self):
        self.people("root", Al=2)
        self.ok("pack", "--out", "set.safetensors", "--size", 64, "--context", 1.25, "root")
        metadata, tensors = read_safetensors(self.path("set.safetensors"))
        self.assertEqual(tensors["images"][1], [2, 80, 80, 3])
        self.assertEqual(float(metadata["context"]), 1.25)
        self.assertEqual(json.loads(metadata["input"])["width"], 64)
        self.fails("pack", "--out", "x", "--size", 64, "--context", 1.02, "root", says=["--context", "65"])

    def test_a_wider_field_of_view_is_the_networks_own(self):
        self.people("root", Al=2)
        for align in "whole", "box":
            with self.subTest(align):
                cut = ("--align", align, "--fallback", "centre", "root")
                self.ok("pack", "--out", "room.safetensors", "--size", 64, "--context", 1.25, *cut)
                self.ok("pack", "--out", "wide.safetensors", "--size", 80, "--field-of-view", 1.25, *cut)
                (room, room_tensors), (wide, wide_tensors) = (read_safetensors(self.path(name + ".safetensors"))
                                                              for name in ("room", "wide"))
                self.assertTrue(room_tensors["images"] == wide_tensors["images"], "the same field, the same pixels")
                for metadata, side, field, context in ((room, 64, 1, 1.25), (wide, 80, 1.25, 1)):
                    self.assertEqual(json.loads(metadata["input"])["width"], side)
                    self.assertAlmostEqual(json.loads(metadata["crop"])["context"], field)
                    self.assertAlmostEqual(float(metadata["context"]), context)
        # Training takes over what the set says.
        self.people("root", Bo=2)
        self.ok("pack", "--out", "set", "--size", 32, "--field-of-view", 1.5, "root")
        self.ok("train", "--data", "set", "--out", "w.safetensors", "--val-fraction", 0, "--epochs", 1, "--batch-size", 4,
                "--threads", 1)
        self.assertAlmostEqual(json.loads(read_safetensors(self.path("w.safetensors"))[0]["crop"])["context"], 1.5)
        self.fails("pack", "--out", "x", "--field-of-view", 4, "--context", 2, "root",
                   says=["--field-of-view", "times --context is", "0.5 to 4 expected"])
        self.fails("pack", "--out", "x", "--context", "nan", "root", code=2, says=["--context"])
        self.fails("pack", "--out", "x", "--field-of-view", 5, "root", code=2, says=["--field-of-view"])
        self.fails("pack", "--out", "x", "--field-of-view", 2, "--weights", self.weights, "root", code=2, says=["--weights"])

    def test_nothing_to_pack_names_the_source_and_says_why(self):
        self.people("root", Al=2)
        self.write("strangers", "Zed\n")
        self.fails("pack", "--out", "x", "--min-images", 3, "root", says=["root: ", "no image is left", "--min-images 3"])
        self.fails("pack", "--out", "x", "--skip-per-class", 2, "root",
                   says=["root: ", "no image is left", "--skip-per-class 2"])
        self.fails("pack", "--out", "x", "--people", "strangers", "root", says=["strangers: none of its names", "root"])
        os.makedirs(self.path("none", "Bo"))
        self.fails("pack", "--out", "x", "--skip-bad", "none", says=["none: no image in it"])
        self.write("images", idx_images(0))
        self.write("labels", idx_labels([]))
        self.fails("pack", "--out", "x", "images", says=["images: no image in it"])
        self.ok("pack", "--out", "set", "--min-images", 2, "root")
        self.people("root", Bo=1)
        self.assertIn("1 identities with fewer than 2 images left out",
                      self.ok("pack", "--out", "set", "--min-images", 2, "root").stdout)

    def test_what_is_no_source_is_told_by_name(self):
        self.people("root", Al=2)
        self.fails("pack", "--out", "x", "root/Al", says=["root/Al: ", "2 pictures", "root/identity/*.jpg expected"])
        self.fails("pack", "--out", "x", "root/Al/00.pgm", says=["root/Al/00.pgm: a picture alone"])
        self.write("labels", idx_labels([1]))
        self.fails("pack", "--out", "x", "--labels", "labels", "root", says=["labels: --labels is for IDX files"])
        self.fails("pack", "--out", "x", "x" * 300, says=["x" * 300])

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_folders_that_cannot_be_read_are_named(self):
        self.people("root", Al=2)
        for mode in (0o000, 0o400):
            os.chmod(self.path("root", "Al"), mode)
            self.fails("pack", "--out", "x", "root", says=["root/Al", "Permission denied"])
            os.chmod(self.path("root", "Al"), 0o700)
        os.chmod(self.path("root"), 0o400)
        self.fails("pack", "--out", "x", "root", says=["root/Al: Permission denied"])
        os.chmod(self.path("root"), 0o700)

    def test_csv_of_a_spreadsheet(self):
        self.write("root/Al/00.pgm", pgm())
        self.write("root/Al/01.pgm", pgm(seed=1))
        for head in ("path,label\n", ""):
            self.write("list.csv", ("\ufeff" + head + "root/Al/00.pgm,Al\nroot/Al/01.pgm,Bo\n").encode())
            self.assertIn("2 images of 2 identities", self.ok("pack", "--out", "set.safetensors", "list.csv").stdout)

    def test_csv(self):
        self.people("root", Al=2)
        self.write("list.csv", 'path,label\nroot/Al/00.pgm,"Al, senior"\r\nroot/Al/01.pgm,Bo\n')
        self.ok("pack", "--out", "set.safetensors", "list.csv")
        names = json.loads(read_safetensors(self.path("set.safetensors"))[0]["class_names"])
        self.assertEqual(names, ["Al, senior", "Bo"])
        bad = {"path,label\nroot/Al/00.pgm\n": "line 2", "root/Al/00.pgm,a,b\n": "line 1",
               'root/Al/00.pgm,"a\n': "line 1", "root/Al/00.pgm,a\n\nnowhere.jpg,b\n": "line 3",
               "root/Al/00.pgm,a\nroot/Al/01.pgm,a\nroot/Al/00.pgm,b\n": "line 3: root/Al/00.pgm is 'b', but 'a' in line 1",
               "": "no `path,label` line"}
        for text, words in bad.items():
            with self.subTest(text):
                self.write("bad.csv", text)
                self.fails("pack", "--out", "x", "bad.csv", says=["bad.csv", words])

    def test_a_face_rule_without_a_detector_is_refused(self):
        self.people("root", Al=2)
        self.fails("pack", "--out", "x", "--align", "five-point", "root", says=["--detect"])
        self.ok("pack", "--out", "set", "--align", "five-point", "--fallback", "centre", "root")

    def test_pictures_without_a_face(self):
        self.write("root/Al/0.pgm", b"P5 64 64 255\n" + bytes(64 * 64))
        self.fails("pack", "--out", "x", "--detect", "root", says=["Al (root)", "no face"])
        done = self.ok("pack", "--out", "set", "--detect", "--fallback", "centre", "root")
        self.assertIn("no face in 1", done.stdout)
        self.assertIn("centre box in 1", done.stdout)

    def test_faces_as_far_cameras_show_them(self):
        stripes = bytes(255 * (x % 2) for _ in range(64) for x in range(64))
        self.write("root/Al/0.pgm", b"P5 64 64 255\n" + stripes)
        pack = ("pack", "--detect", "--fallback", "centre", "--size", 48, "--channels", 1, "root")
        spread = {}
        for size in (0, 8, 1000):
            self.ok(*pack, "--face-size", size, "--out", "set")
            pixels = read_safetensors(self.path("set"))[1]["images"][2]
            spread[size] = max(pixels[1000:1200]) - min(pixels[1000:1200])
        self.assertGreater(spread[0], 150)
        self.assertLess(spread[8], 60, "stripes that so few pixels cannot show")
        self.assertEqual(spread[1000], spread[0], "a face is never enlarged first")
        self.fails("pack", "--face-size", 8, "--size", 48, "--out", "x", "root", code=2, says=["--detect"])

    def test_weights_give_size_and_rule(self):
        self.people("root", Al=2)
        self.ok("pack", "--out", "set.safetensors", "--weights", self.weights, "--fallback", "centre", "root")
        metadata, tensors = read_safetensors(self.path("set.safetensors"))
        self.assertEqual(tensors["images"][1], [2, 64, 64, 3])
        self.assertEqual(json.loads(metadata["crop"])["alignment"], "five-point")
        self.fails("pack", "--out", "x", "--weights", self.weights, "--size", 32, "root", code=2, says=["--size"])
        self.fails("pack", "--out", "x", "--weights", self.gallery, "root", says=["gallery.safetensors", "kind"])

    def test_config_file(self):
        self.people("root", Al=2)
        self.write("pack.toml", "size = 16\nchannels = 1\n")
        self.ok("pack", "--config", "pack.toml", "--out", "set.safetensors", "root")
        self.assertEqual(read_safetensors(self.path("set.safetensors"))[1]["images"][1], [2, 16, 16, 1])
        self.ok("pack", "--config", "pack.toml", "--size", 24, "--out", "set.safetensors", "root")
        self.assertEqual(read_safetensors(self.path("set.safetensors"))[1]["images"][1], [2, 24, 24, 1])


@needs_real_data
class PackFaces(CliTest):
    def test_finds_the_faces_of_real_pictures(self):
        for name in ("George_HW_Bush", "Abdullah_Gul"):
            os.makedirs(self.path("lfw"), exist_ok=True)
            os.symlink(os.path.join(DATA, "lfw", name), self.path("lfw", name))
        done = self.ok("pack", "--out", "set.safetensors", "--detect", "--context", 1.25, "lfw")
        self.assertIn("no face in 0", done.stdout)
        metadata, tensors = read_safetensors(self.path("set.safetensors"))
        self.assertEqual(tensors["images"][1][1:], [80, 80, 3])
        self.assertIn("yunet", metadata["detector"])


class PackTransform(CliTest):
    def pack(self, *flags, side=20):
        """A bright square on dark ground, 20 pixels wide: packed without resizing."""
        pixels = bytes(200 if 6 <= x < 14 and 6 <= y < 14 else 10 for y in range(side) for x in range(side))
        self.write("images", struct.pack(">IIII", 0x803, 1, side, side) + pixels)
        self.write("labels", idx_labels([3]))
        self.ok("pack", "--out", "set", "--size", side, "--channels", 1, *flags, "images")
        metadata, tensors = read_safetensors(self.path("set"))
        self.assertEqual(labels_of(tensors), [0])
        return metadata, tensors["images"][2]

    def test_transforms_pixel_by_pixel(self):
        plain = self.pack()[1]
        self.assertNotIn("transform", self.pack("--transform", "none")[0])
        metadata, inverted = self.pack("--transform", "invert")
        self.assertEqual(metadata["transform"], "invert")
        self.assertEqual(inverted, bytes(255 - p for p in plain))

        def sobel(x, y):
            def at(dx, dy):
                return plain[min(19, max(0, y + dy)) * 20 + min(19, max(0, x + dx))]
            weights = ((-1, 1), (0, 2), (1, 1))
            gx = sum(w * (at(1, d) - at(-1, d)) for d, w in weights)
            gy = sum(w * (at(d, 1) - at(d, -1)) for d, w in weights)
            return min(255, math.floor(math.hypot(gx, gy) / 4 + 0.5))

        edges = self.pack("--transform", "edges")[1]
        self.assertEqual(edges, bytes(sobel(x, y) for y in range(20) for x in range(20)))
        self.assertEqual(edges[10 * 20 + 10], 0, "flat inside")
        self.assertEqual(edges[10 * 20 + 6], 190, "a full step of 190")
        metadata, both = self.pack("--transform", "edges,invert")
        self.assertEqual(metadata["transform"], "edges,invert")
        self.assertEqual(both, bytes(255 - p for p in edges))
        self.fails("pack", "--out", "x", "--transform", "blur", "images", says=["--transform", "blur"])


class WithoutOpenCv(CliTest):
    """The program as it is built with -Dfaces=disabled."""
    program = TRIPLET_TRAIN_BARE
    alone = True

    def test_idx_files_are_packed_and_trained_on(self):
        self.write("digits-images", idx_images(8))
        self.write("digits-labels", idx_labels([0, 1] * 4))
        self.ok("pack", "--out", "set", "--size", 16, "--channels", 1, "digits-images")
        self.assertEqual(labels_of(read_safetensors(self.path("set"))[1]), [0] * 4 + [1] * 4)
        self.ok("train", "--data", "set", "--out", "w.safetensors", "--val-fraction", 0, "--batch-size", 8,
                "--epochs", 1)
        self.assertEqual(self.ok_json("inspect", "w.safetensors")["kind"], "tripletembed.weights")

    def test_pictures_are_refused_by_what_is_missing(self):
        self.write("root/Ann/1.pgm", pgm())
        self.write("list.csv", "root/Ann/1.pgm,Ann\n")
        for source in "root", "list.csv":
            with self.subTest(source):
                self.fails("pack", "--out", "x", source, says=["no OpenCV", "-Dfaces=disabled"])


if __name__ == "__main__":
    unittest.main()
