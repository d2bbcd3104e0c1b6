# SPDX-License-Identifier: LGPL-2.1-or-later
"""triplet-gallery check --html: a page that needs no other file, shows pictures that are kept, and runs nothing."""
import base64
import html.parser
import os
import resource
import stat
import subprocess
import unittest

from support import TRIPLET_GALLERY, ToolTest, near, place, write_gallery

SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;"
LONG = "<i>" * 85  # As many bytes as a name may have.
JPEG = b"\xff\xd8\xff\xe0 a picture"


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.words = [], [], []
        self.feed(text)
        self.text = "".join(self.words)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.words.append(data)

    def pictures(self):
        return [value for name, value in self.attributes if name == "src"]


class CheckPage(ToolTest):
    def people(self):
        """Two names of one person, and somebody with a stranger's row."""
        rows = [(SCRIPT, near(place("a"), i, 0.2), 0.9, 0, "a/%d<b>.jpg" % i) for i in range(3)]
        rows += [(LONG, near(place("a"), 10 + i, 0.2), 0.9) for i in range(3)]
        rows += [("Ben", near(place("b"), i, 0.2), 0.9) for i in range(3)] + [("Ben", place("c"), 0.9, 0, "wrong.jpg")]
        write_gallery(self.path("g"), rows)

    def page(self, *args):
        self.ok("check", "g", "--html", "page.html", *args)
        with open(self.path("page.html"), encoding="utf-8") as file:
            return Page(file.read())

    def test_the_findings_are_there(self):
        self.people()
        page = self.page()
        for words in ("g\n", "3 people, 10 rows", "Two people who may be one: 1", "Rows far from their own person: 1", "wrong.jpg",
                      "What the threshold does to this gallery", "0.500"):
            self.assertIn(words, page.text)
        self.assertEqual(page.pictures(), [])
        self.assertEqual(stat.S_IMODE(os.stat(self.path("page.html")).st_mode), 0o600)

    def test_names_are_never_markup(self):
        self.people()
        page = self.page()
        self.assertEqual(set(page.tags) - {"html", "head", "meta", "style", "title", "body", "h1", "h2", "p", "ul", "li", "table", "tr",
                                           "th", "td"}, set())
        self.assertIn(SCRIPT, page.text)
        self.assertIn("a/0<b>.jpg", page.text)
        self.assertEqual([name for name, _ in page.attributes if name.startswith("on")], [])
        self.assertIn("default-src 'none'", dict(page.attributes)["content"])

    def test_odd_file_names_are_harmless(self):
        self.people()
        for name in (b"<script>", b"new\nline", b"\xff\xfe", b"g" * 240):
            with self.subTest(name):
                os.rename(self.path("g"), os.path.join(os.fsencode(self.folder), name))
                done = subprocess.run([TRIPLET_GALLERY, "check", name, "--html", "page.html"], cwd=self.folder, capture_output=True, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                with open(self.path("page.html"), encoding="utf-8") as file:
                    page = Page(file.read())
                self.assertNotIn("script", page.tags)
                os.rename(os.path.join(os.fsencode(self.folder), name), self.path("g"))

    def test_crops_are_in_the_page(self):
        self.people()
        os.mkdir(self.path("g.crops"), 0o700)
        kept = {row["id"]: row["source"] for row in self.rows_of("g", "Ben")}
        wrong = next(one for one, source in kept.items() if source == "wrong.jpg")
        right = next(one for one in kept if one != wrong)
        with open(self.path("g.crops/" + wrong + ".jpg"), "wb") as file:
            file.write(JPEG)
        with open(self.path("g.crops/" + right + ".ppm"), "wb") as file:
            file.write(b"P6\n2 1\n255\n" + bytes(range(6)))
        page = self.page()
        first, *others = page.pictures()
        self.assertEqual(base64.b64decode(first.partition("data:image/jpeg;base64,")[2], validate=True), JPEG)
        self.assertTrue(others[0].startswith("data:image/bmp;base64,"))
        self.assertEqual(base64.b64decode(others[0].partition(",")[2], validate=True)[-8:-2], bytes((2, 1, 0, 5, 4, 3)))
        self.assertTrue(all(one.startswith("data:image/") for one in page.pictures()))

    def test_a_gallery_of_nobody_and_of_one(self):
        write_gallery(self.path("g"), [])
        self.assertIn("0 people, 0 rows, threshold none", self.page().text)
        write_gallery(self.path("g"), [("Ada", place("a"))])
        self.assertIn("1 people, 1 rows", self.page().text)

    def test_a_page_that_cannot_be_written(self):
        self.people()
        self.fails("check", "g", "--html", "no/page.html", says=["no/page.html"])
        done = subprocess.run([TRIPLET_GALLERY, "check", "g", "--html", "page.html"], cwd=self.folder, capture_output=True, text=True,
                              check=False, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500)))
        self.assertEqual(done.returncode, 1)
        self.assertIn("page.html", done.stderr)
        self.assertFalse(os.path.exists(self.path("page.html")))


if __name__ == "__main__":
    unittest.main()
