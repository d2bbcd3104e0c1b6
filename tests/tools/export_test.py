# SPDX-License-Identifier: LGPL-2.1-or-later
"""triplet-gallery export: rows for NumPy and FAISS, a table, and people as JSON."""
import csv
import json
import os
import resource
import stat
import struct
import subprocess
import unittest

from support import TRIPLET_GALLERY, WEIGHTS, ToolTest, near, place, write_gallery

ODD = ("=SUM(A1)", 'Ada "the" <b>, Countess', "王小明", "a/b")


def npy(path):
    """(shape, rows) of a file that NumPy wrote or could have written."""
    with open(path, "rb") as file:
        content = file.read()
    assert content[:8] == b"\x93NUMPY\x01\x00", content[:8]
    size = struct.unpack("<H", content[8:10])[0]
    header = content[10:10 + size].decode()
    assert (10 + size) % 64 == 0 and header.endswith("\n")
    described = eval(header, {"__builtins__": {}})  # A literal of Python, as NumPy's format is.
    assert (described["descr"], described["fortran_order"]) == ("<f4", False)
    rows = [row for row in struct.iter_unpack("<128f", content[10 + size:])]
    return described["shape"], rows


class Export(ToolTest):
    def gallery(self):
        rows = [(name, near(place(name), i), 0.5, 1_700_000_000, 'pictures, "%d".jpg' % i) for name in ODD for i in range(2)]
        rows.insert(3, ("Late", place("late")))
        write_gallery(self.path("g"), rows, notes={"a/b": "met <b>"})
        return rows

    def table(self, name):
        with open(self.path(name), encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def test_the_forms_have_the_same_rows(self):
        rows = self.gallery()
        said = self.ok("export", "g", "r.npy", "r.csv", "p.json")
        self.assertEqual(said.count("9 rows of 5 people"), 3)
        shape, values = npy(self.path("r.npy"))
        self.assertEqual(shape, (9, 128))
        table = self.table("r.csv")
        with open(self.path("p.json"), encoding="utf-8") as file:
            people = json.load(file)
        self.assertEqual((people["metric"], people["weights_sha256"], people["rows"]), ("cosine", WEIGHTS, 9))
        by_row = {row["row"]: (person, row) for person in people["people"] for row in person["rows"]}
        for i, row in enumerate(rows):
            for got, wanted in zip(values[i], row[1]):
                self.assertAlmostEqual(got, wanted, places=6)
            line, (person, one) = table[i], by_row[i]
            self.assertEqual((line["row"], line["name"], line["row_id"], line["person_id"], line["label_id"]),
                             (str(i), row[0], one["row_id"], person["person_id"], str(person["label_id"])))
            self.assertEqual(person["name"], row[0])
            self.assertEqual(line["source"], row[4] if len(row) > 2 else "")
        self.assertEqual((table[3]["quality"], table[3]["time"], by_row[3][1]["quality"], by_row[3][1]["time"]), ("", "", None, None))
        self.assertEqual((table[0]["quality"], table[0]["time"]), ("0.5", "2023-11-14T22:13:20Z"))
        self.assertEqual([one["note"] for one in people["people"] if one["name"] == "a/b"], ["met <b>"])
        self.assertEqual(table[0]["row_id"], self.rows_of("g", ODD[0])[0]["id"], "as `list` has it")
        self.assertNotIn("embedding", by_row[0][1])

    def test_embeddings_in_the_json_when_asked_for(self):
        self.gallery()
        self.json("export", "g", "p.json", "--embeddings")
        self.ok("export", "g", "r.npy")
        with open(self.path("p.json"), encoding="utf-8") as file:
            rows = {row["row"]: row["embedding"] for person in json.load(file)["people"] for row in person["rows"]}
        _, values = npy(self.path("r.npy"))
        self.assertEqual([struct.pack("<128f", *rows[i]) for i in range(9)], [struct.pack("<128f", *row) for row in values])

    def test_numpy_reads_it(self):
        numpy = self.numpy()
        self.gallery()
        self.ok("export", "g", "r.npy")
        array = numpy.load(self.path("r.npy"), allow_pickle=False)
        self.assertEqual((array.shape, array.dtype), ((9, 128), numpy.dtype("<f4")))

    def numpy(self):
        try:
            import numpy
            return numpy
        except ImportError:
            self.skipTest("no NumPy")

    def test_a_gallery_of_nobody(self):
        write_gallery(self.path("g"), [])
        self.assertEqual(self.json("export", "g", "r.npy", "r.csv", "p.json"),
                         {"gallery": "g", "people": 0, "rows": 0, "written": ["r.npy", "r.csv", "p.json"]})
        self.assertEqual(npy(self.path("r.npy")), ((0, 128), []))
        self.assertEqual(self.table("r.csv"), [])
        with open(self.path("p.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["people"], [])

    def test_new_files_are_their_owners_alone(self):
        self.gallery()
        with open(self.path("old.csv"), "w", encoding="utf-8"):
            os.chmod(self.path("old.csv"), 0o640)
        self.ok("export", "g", "r.npy", "old.csv")
        self.assertEqual([stat.S_IMODE(os.stat(self.path(name)).st_mode) for name in ("r.npy", "old.csv")], [0o600, 0o640])

    def test_wrong_usage(self):
        self.gallery()
        self.fails("export", "g", code=2)
        for name in ("r.txt", "r", "r.npz", ".npy"):
            self.fails("export", "g", "r.csv", name, code=2, says=[name, "NAME.npy, NAME.csv or NAME.json"])
        self.assertEqual(os.listdir(self.folder), ["g"])
        self.fails("export", "g", "r.csv", "--embeddings", code=2, says=["--embeddings", ".json"])
        self.fails("export", "no", "r.csv", says=["no"])

    def test_a_disk_that_is_full(self):
        self.gallery()
        done = subprocess.run([TRIPLET_GALLERY, "export", "g", "r.npy"], cwd=self.folder, capture_output=True, text=True, check=False,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)))
        self.assertEqual(done.returncode, 1)
        self.assertIn("r.npy", done.stderr)
        self.assertEqual(os.listdir(self.folder), ["g"], "no part of it is left")


if __name__ == "__main__":
    unittest.main()
