# SPDX-License-Identifier: LGPL-2.1-or-later
"""triplet-train on what should not be: too little data, unreadable pictures, config files with unknown keys. Each is a clear
error, or does what the docs say."""
import json
import os
import unittest

from support import CliTest, TrainTest, idx_images, idx_labels, needs_faces, pgm, read_safetensors, write_safetensors


class Numbers(CliTest):
    def test_nan_is_none(self):
        for flag in ("--threshold", "--far"):
            self.fails("evaluate", flag, "nan", "--data", "x", code=2, says=[flag, "a number expected, not nan"])
        self.fails("train", "--lr", "NaN", "--data", "d", "--out", "w", code=2, says=["--lr", "a number expected, not NaN"])


class LittleData(TrainTest):
    def labelled(self, name, labels, side=16):
        self.write(name + "-images", idx_images(len(labels), side, side))
        self.write(name + "-labels", idx_labels(labels))
        self.ok("pack", "--out", name, "--size", side, "--channels", 1, name + "-images")

    def start(self, run="w.run"):
        return self.metrics(run)[0]

    def test_identities_with_one_image(self):
        self.labelled("set", [0, 1, 1, 1, 2, 2, 2, 3])
        self.ok(*self.train("--epochs", 1))
        self.assertEqual((self.start()["images"], self.start()["identities"]), (6, 2))
        self.ok(*self.train("--epochs", 1, "--min-images", 1, "--lr", 0.001))
        self.assertEqual((self.start()["images"], self.start()["identities"]), (8, 4))
        # P×K batches are made of identities with two images; the others are classes that no batch shows.
        flags = ("--epochs", 1, "--min-images", 1, "--lr", 0.001, "--loss", "triplet")
        self.ok(*self.train(*flags, "--pk", 2, 2))
        self.fails(*self.train(*flags, "--pk", 3, 2), says=["--pk", "3 identities", "only 2 have two images"])
        # Offline triplets take them as negatives.
        self.ok(*self.train(*flags, "--miner", "offline", "--no-neck"))
        self.labelled("singles", [0, 1, 2, 3, 4, 5])
        self.fails(*self.train(data="singles"), says=["singles", "two identities", "--min-images 2"])
        self.ok(*self.train("--epochs", 1, "--min-images", 1, "--lr", 0.001, data="singles"))
        self.fails(*self.train(*flags, "--miner", "offline", data="singles"), says=["a class with two samples"])

    def test_one_identity_and_none(self):
        self.labelled("alone", [7] * 6)
        self.fails(*self.train(data="alone"), says=["alone", "two identities", "1 of 1"])
        write_safetensors(self.path("empty"), {"images": ("U8", [0, 16, 16, 1], b""), "labels": ("I64", [0], b"")},
                          {"kind": "tripletembed.dataset", "version": "1", "class_names": "[]", "sources": "[]"})
        self.fails(*self.train(data="empty"), says=["empty"])

    def test_validation_without_pairs_is_told_before_training(self):
        self.labelled("set", [0, 0, 1, 1, 2, 2])
        self.labelled("alone", [7] * 6)
        self.labelled("singles", [0, 1, 2, 3])
        for val, count in (("alone", "1 identities with 6 images"), ("singles", "4 identities with 4 images")):
            self.fails(*self.train("--val", val), says=[val, "validation needs two identities", count])
        self.labelled("few", [0, 0, 1, 2, 3])
        self.fails("train", "--data", "few", "--out", "w.safetensors", "--min-images", 1,
                   says=["few", "validation needs two identities", "--val-fraction 0"])
        self.assertFalse(os.path.exists(self.path("w.run")))

    def test_batches_larger_than_the_data_and_of_one_picture(self):
        self.labelled("set", [0, 0, 0, 1, 1])
        self.ok(*self.train("--epochs", 1, "--lr", 0.001, "--batch-size", 1000))
        self.assertEqual(self.start()["batches"], 1)
        self.ok(*self.train("--epochs", 1, "--lr", 0.001, "--loss", "triplet", "--pk", 2, 50))
        for pair in ((30000, 50), (2 ** 32, 2 ** 32), (2 ** 63, 2)):
            self.fails(*self.train("--pk", *pair), says=["--pk", "65536"])
        self.fails(*self.train("--loss", "contrastive", "--pk", 2, 2, "--margin", "soft"), says=["--margin", "contrastive"])
        for flags in (["--batch-size", 1], ["--batch-size", 2], ["--batch-size", 1, "--no-neck"],
                      ["--note", "--batch-size", 1]):
            with self.subTest(flags):
                self.fails(*self.train(*flags), says=["--batch-size", "one picture"])
        self.labelled("large", [0, 0, 0, 1, 1], side=40)
        self.ok(*self.train("--epochs", 1, "--lr", 0.001, "--batch-size", 1, "--no-neck", data="large"))
        self.fails(*self.train("--batch-size", 1, data="large"), says=["--batch-size", "--no-neck"])


class Replaced(TrainTest):
    """What is read is not replaced by what is made of it."""

    def refused(self, out, *args):
        before = self.content(out)
        self.fails(*args, says=[out, "would replace", "which is read"])
        self.assertTrue(self.content(out) == before, "it was written")

    def test_every_command_leaves_what_it_reads(self):
        self.digits()
        self.ok(*self.train("--epochs", 1, "--lr", 0.001))
        for source in ("set-images", "x=set-images"):
            self.refused("set-images", "pack", "--out", "./set-images", "--size", 16, "--channels", 1, source)
        self.refused("w.safetensors", "export", "--weights", "w.safetensors", "--out", "w.safetensors")
        self.refused("w.safetensors", "import", "w.safetensors", "--channels", 1, "--out", "w.safetensors")
        for out in ("set", "w.safetensors"):
            self.refused(out, "evaluate", "--weights", "w.safetensors", "--data", "set", "--embeddings", out)
        for out in ("set", "w.safetensors", "w.run/metrics.jsonl"):
            self.refused(out, "report", "w.run", "--data", "set", "--out", out)
        self.write("strangers", b"0\n")
        self.refused("strangers", *self.train("--without", "strangers", out="strangers"))
        # A file that is none of them is replaced as ever.
        self.write("old.onnx", b"old")
        self.ok("export", "--weights", "w.safetensors", "--out", "old.onnx")

    @needs_faces
    def test_pack_leaves_the_pictures_and_lists_it_reads(self):
        os.makedirs(self.path("people", "a"))
        for name in ("1", "2"):
            self.write(f"people/a/{name}.pgm", pgm(seed=int(name)))
        os.symlink("people/a/1.pgm", self.path("other-name"))
        self.refused("people/a/1.pgm", "pack", "--out", "people/a/1.pgm", "people")
        self.fails("pack", "--out", "other-name", "people", says=["other-name", "would replace people/a/1.pgm"])
        self.write("list.csv", b"people/a/1.pgm,a\n")
        self.refused("list.csv", "pack", "--out", "list.csv", "list.csv")


class Names(TrainTest):
    def test_file_names_need_not_be_utf8(self):
        self.digits()
        self.ok(*self.train("--epochs", 1, "--lr", 0.001))
        name = os.fsencode(self.path()) + b"/caf\xe9"
        os.rename(self.path("set"), name)
        found = json.loads(self.ok("evaluate", "--weights", "w.safetensors", "--data", os.fsdecode(name), "--json").stdout)
        self.assertEqual(found["data"], "caf\ufffd")


    LATIN = os.fsdecode(b"caf\xe9")

    def test_text_for_the_weights_is_checked_before_training(self):
        self.digits()
        for flag in ("--trained-on", "--recipe"):
            with self.subTest(flag):
                self.fails(*self.train("--epochs", 1, flag, self.LATIN), says=[flag, "UTF-8"])
                self.assertFalse(os.path.exists(self.path("w.run")))
        self.ok(*self.train("--epochs", 1, "--lr", 0.001, "--recipe", "café"))
        self.assertEqual(read_safetensors(self.path("w.safetensors"))[0]["recipe"], "café")
        start = self.path(self.LATIN)
        os.rename(self.path("w.safetensors"), start)
        flags = ("import", start, "--channels", 1, "--size", 16, "--out", "again")
        self.fails(*flags, "--trained-on", self.LATIN, code=2, says=["--trained-on", "UTF-8"])
        self.ok(*flags)
        self.assertEqual(read_safetensors(self.path("again"))[0]["recipe"], "triplet-train import caf\ufffd")

    def test_pack_names_the_source_whose_name_is_no_text(self):
        self.digits()
        flags = ("pack", "--out", "new", "--size", 16, "--channels", 1)
        self.fails(*flags, self.LATIN + "=set-images", says=[self.LATIN + "=set-images: PREFIX", "UTF-8"])
        for part in ("images", "labels"):
            os.rename(self.path("set-" + part), self.path(self.LATIN + "-" + part))
        self.fails(*flags, self.LATIN + "-images", says=[self.LATIN + "-images: ", "UTF-8"])
        self.write("list.csv", b"a.pgm,Al\nb.pgm,Andr\xe9\n")
        self.fails(*flags, "list.csv", says=["list.csv: line 2: ", "UTF-8"])
        self.assertFalse(os.path.exists(self.path("new")))

    @needs_faces
    def test_pack_names_the_folder_and_the_picture_whose_name_is_no_text(self):
        for name in ("Al/0.pgm", "Bo/0.pgm", self.LATIN + "/0.pgm"):
            self.write("root/" + name, pgm())
        flags = ("pack", "--out", "set", "--size", 16, "root")
        self.fails(*flags, says=["root/%s: its name is not UTF-8" % self.LATIN])
        os.rename(self.path("root", self.LATIN, "0.pgm"), self.path("root", "Bo", self.LATIN + ".pgm"))
        os.rmdir(self.path("root", self.LATIN))
        self.fails(*flags, says=["root/Bo/%s.pgm: its name is not UTF-8" % self.LATIN])
        self.assertFalse(os.path.exists(self.path("set")))
        self.write("root/%s/0.pgm" % self.LATIN, pgm())
        done = self.ok(*flags, "--skip-bad")
        self.assertIn("left out: 2 whose names are not UTF-8", done.stderr)
        self.assertIn("2 images of 2 identities", done.stdout)


class Config(TrainTest):
    COMMANDS = ("pack", "train", "evaluate", "export", "import", "inspect")

    def test_every_command_tells_of_it_and_refuses_unknown_keys(self):
        for command in self.COMMANDS:
            with self.subTest(command):
                self.assertIn("--config FILE", self.ok(command, "--help").stdout)
                self.write("bad.toml", "colour = 3\n")
                self.fails(command, "--config", "bad.toml", code=2, says=["bad.toml", "colour", "`%s`" % command])
                self.write("bad.toml", "[%s]\ncolour = 3\n" % command)
                self.fails(command, "--config", "bad.toml", code=2, says=["bad.toml", "colour", "`%s`" % command])
                self.fails(command, "--config", "none.toml", code=2, says=["none.toml"])
        self.write("bad.toml", "[fly]\nsize = 3\n")
        self.fails("pack", "--config", "bad.toml", code=2, says=["bad.toml", "[fly]"])

    def test_one_file_says_what_the_flags_say_for_every_command(self):
        self.digits()
        self.write("all.toml", """
[pack]
out = "packed"
size = 16
channels = 1
[train]
data = "set"
out = "w.safetensors"
epochs = 1
lr = 0.001
threads = 1
val-fraction = 0
schedule = "step"
step-at = [0.25, 0.5]
[evaluate]
weights = "w.safetensors"
data = "set"
json = true
[export]
weights = "w.safetensors"
out = "w.onnx"
[import]
out = "again.safetensors"
channels = 1
size = 16
mean = 0
std = 1
[inspect]
json = true
""")
        use = ("--config", "all.toml")
        self.ok("pack", *use, "set-images")
        self.assertTrue(self.content("packed") == self.content("set"))
        self.ok("train", *use)
        self.assertEqual(self.metrics()[0]["options"]["step-at"], "[0.25,0.5]")
        self.assertEqual(json.loads(self.ok("evaluate", *use).stdout)["images"], 96)
        self.ok("export", *use)
        self.assertGreater(len(self.content("w.onnx")), 1000)
        self.ok("import", *use, "w.safetensors")
        self.assertTrue(read_safetensors(self.path("again.safetensors"))[1] == read_safetensors(self.path("w.safetensors"))[1])
        self.assertEqual(json.loads(self.ok("inspect", *use, "set").stdout)["dataset"]["images"], 96)
        self.ok("export", *use, "--out", "other.onnx")
        self.assertTrue(self.content("other.onnx") == self.content("w.onnx"), "the command line wins")
        # What a value may be is checked as on the command line.
        self.write("bad.toml", "[pack]\nsize = 3\n")
        self.fails("pack", "--config", "bad.toml", "--out", "x", "set-images", code=2, says=["--size"])


@needs_faces
class BadPictures(CliTest):
    def test_good_ones_among_bad_ones(self):
        for i in range(3):
            self.write("root/Al/%d.pgm" % i, pgm(seed=i))
            self.write("root/Bo/%d.pgm" % i, pgm(seed=i + 5))
        self.write("root/Al/empty.png", b"")
        self.write("root/Bo/words.jpg", b"no picture")
        self.write("root/Bo/cut.pgm", pgm()[:200])
        self.write("root/Cy/only.jpg", b"\xff\xd8\xff\xe0 and no more")
        os.mkdir(self.path("root", "Al", "folder.jpg"))
        bad = ("empty.png", "words.jpg", "cut.pgm", "only.jpg")
        done = self.fails("pack", "--out", "set", "root")
        self.assertTrue(any(name in done.stderr for name in bad), done.stderr)
        self.assertFalse(os.path.exists(self.path("set")))
        done = self.ok("pack", "--out", "set", "--skip-bad", "root")
        for name in bad:
            self.assertIn(name, done.stderr)
        self.assertIn("unreadable 4", done.stdout)
        self.assertIn("6 images of 2 identities", done.stdout)
        self.assertIn("Cy", done.stderr)

    def test_files_that_are_no_pictures_are_counted_and_named_once(self):
        for name in ("Al/0.pgm", "Bo/0.pgm"):
            self.write("root/" + name, pgm())
        for name in ("Al/IMG_1.gif", "Bo/notes.txt", "stray.jpg"):
            self.write("root/" + name, b"x")
        os.mkdir(self.path("root", "Bo", "more"))
        done = self.ok("pack", "--out", "set", "--size", 16, "root")
        self.assertEqual(done.stderr.count("not looked at: 4 that are no pictures"), 1, done.stderr)
        for name in ("Al/IMG_1.gif", "Bo/notes.txt", "stray.jpg", "Bo/more"):
            self.assertEqual(done.stderr.count("root/" + name), 1, done.stderr)
        self.assertIn("1 of them are pictures of a kind that is not read: convert them to JPEG or PNG", done.stderr)

    def test_folders_that_are_links_to_nowhere_are_missed(self):
        for name in ("Al", "Bo"):
            self.write("root/%s/0.pgm" % name, pgm())
        os.symlink("nowhere", self.path("root", "Cy"))
        self.fails("pack", "--out", "set", "--size", 16, "root", says=["root/Cy", "nowhere"])
        self.assertIn("Cy", self.ok("pack", "--out", "set", "--size", 16, "--skip-bad", "root").stderr)

    def test_links_to_nowhere_are_missed(self):
        self.write("root/Al/0.pgm", pgm())
        os.symlink("nowhere.pgm", self.path("root", "Al", "1.pgm"))
        os.symlink("2.pgm", self.path("root", "Al", "2.pgm"))
        os.mkfifo(self.path("root", "Al", "3.pgm"))
        self.fails("pack", "--out", "set", "root", says=["1.pgm", "no image file"])
        done = self.ok("pack", "--out", "set", "--skip-bad", "root")
        self.assertIn("left out: 3 files that are not there", done.stderr)
        self.assertIn("1 images of 1 identities", done.stdout)


if __name__ == "__main__":
    unittest.main()
