# SPDX-License-Identifier: LGPL-2.1-or-later
"""Galleries and strangers' files made on the spot, and the program run on them."""
import hashlib
import json
import math
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.append(os.path.join(os.path.dirname(__file__), "..", "support"))
from many_commands import ManyCommands  # noqa: E402

TRIPLET_GALLERY = os.environ.get("TRIPLET_GALLERY", "triplet-gallery")
TRIPLET_GALLERY_BARE = os.environ.get("TRIPLET_GALLERY_BARE", TRIPLET_GALLERY)
FIXTURES = os.environ.get("CLI_FIXTURES", "")
FACES = os.environ.get("HAVE_FACES", "1") == "1"
VIDEO = os.environ.get("HAVE_VIDEO", "1") == "1"
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
DATA = os.environ.get("TRIPLETEMBED_DATA", "")
YUNET = os.path.join(DATA, "models", "face_detection_yunet_2023mar.onnx")
WEIGHTS = "ab" * 32


def environment():
    """Without the user's own weights and folders."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TRIPLETEMBED_")}
    if os.path.isfile(YUNET):
        kept["TRIPLETEMBED_DETECTOR"] = YUNET
    return kept


def needs_faces(test):
    return unittest.skipUnless(FACES, "built without OpenCV")(test)


def needs_video(test):
    return unittest.skipUnless(VIDEO, "built without GStreamer")(test)


def needs_real_data(test):
    return unittest.skipUnless(FACES and os.path.isfile(YUNET) and os.path.isdir(os.path.join(DATA, "lfw")),
                               "TRIPLETEMBED_DATA has no faces")(test)


def pgm(width=40, height=40):
    """A grey picture of waves."""
    pixels = bytes(int(127 + 60 * math.sin(x / 2) + 60 * math.cos(y / 3)) for y in range(height) for x in range(width))
    return b"P5 %d %d 255\n" % (width, height) + pixels


def weights_sha256(gallery):
    """Of the weights that the gallery was made with."""
    with open(gallery, "rb") as file:
        header = file.read(struct.unpack("<Q", file.read(8))[0])
    return json.loads(header)["__metadata__"]["weights_sha256"]


def write_safetensors(path, tensors, metadata):
    """`tensors`: name → (dtype, shape, bytes or an iterator of their parts, number of bytes)."""
    header, offset = {"__metadata__": metadata}, 0
    # Long elements first, so that each tensor is aligned.
    tensors = dict(sorted(tensors.items(), key=lambda item: -int(re.sub(r"\D", "", item[1][0]))))
    for name, (dtype, shape, _, size) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, _, data, _ in tensors.values():
            for part in [data] if isinstance(data, bytes) else data:
                file.write(part)


def column(dtype, code, values, shape=None):
    data = struct.pack("<%d%s" % (len(values), code), *values)
    return dtype, shape or [len(values)], data, len(data)


def unit(values):
    length = math.sqrt(sum(value * value for value in values))
    return [value / length for value in values]


def place(seed):
    """Where a made-up person lies: two of them are at a cosine distance of about 1."""
    chance = random.Random(seed)
    return unit([chance.gauss(0, 1) for _ in range(128)])


def near(centre, seed, spread=0.3):
    """A row of the person at `centre`; the distance of two of them is about spread²."""
    chance = random.Random("%s near" % seed)
    return unit([value + spread * other for value, other in zip(centre, unit([chance.gauss(0, 1) for _ in range(128)]))])


def write_gallery(path, rows, threshold=0.5, weights=WEIGHTS, metric="cosine", notes=None):
    """`rows`: of each its name, its 128 values, and where wanted quality, time, source and role."""
    names = list(dict.fromkeys(name for name, *_ in rows))
    full = [(*row, *(-1.0, 0, "", 0)[len(row) - 2:]) for row in rows]
    sources = sorted({row[4] for row in full} - {""})
    metadata = {"kind": "tripletembed.gallery", "version": "2", "metric": metric, "weights_sha256": weights,
                "names": json.dumps(names)}
    if threshold is not None:
        metadata["threshold"] = repr(threshold)
    if sources:
        metadata["sources"] = json.dumps(sources)
    if notes:
        metadata["notes"] = json.dumps([notes.get(name, "") for name in names])
    ids = b"".join(hashlib.md5((path + name).encode()).digest() for name in names)
    write_safetensors(path, {
        "embeddings": column("F32", "f", [value for row in full for value in row[1]], [len(full), 128]),
        "identity": column("I64", "q", [names.index(row[0]) for row in full]),
        "role": column("U8", "B", [row[5] for row in full]),
        "quality": column("F32", "f", [row[2] for row in full]),
        "time": column("I64", "q", [row[3] for row in full]),
        "source": column("I64", "q", [sources.index(row[4]) if row[4] else -1 for row in full]),
        "person_ids": ("U8", [len(names), 16], ids, len(ids))}, metadata)


class ToolTest(unittest.TestCase):
    """Runs the program in a folder of its own."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="triplet-gallery-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def content(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def run_tool(self, *args):
        kept = {key: value for key, value in os.environ.items() if not key.startswith("TRIPLETEMBED_")}
        return subprocess.run([TRIPLET_GALLERY, *args], capture_output=True, text=True, errors="surrogateescape", env=kept,
                              cwd=self.folder, timeout=600, check=False)

    def ok(self, *args, code=0):
        done = self.run_tool(*args)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout

    def json(self, *args, code=0):
        output = self.ok(args[0], "--json", *args[1:], code=code)
        self.assertEqual(output.count("\n"), 1, "one JSON object in one line expected")
        return json.loads(output)

    def fails(self, *args, says=(), code=1, **how):
        done = self.run_tool(*args, **how)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        for words in says:
            self.assertIn(words, done.stderr)
        if code == 1:
            self.assertTrue(done.stderr.splitlines()[-1].startswith("triplet-gallery: "), done.stderr)
        return done

    def people(self, gallery):
        """Name → number of rows."""
        return {one["name"]: one["rows"] for one in self.json("list", gallery)["people"]}

    def rows_of(self, gallery, name):
        return self.json("list", gallery, name)["people"][0]["row_list"]

    def id_of(self, gallery, name):
        return self.json("list", gallery, name)["people"][0]["id"]


MANY = ManyCommands(os.environ.get("MANY_COMMANDS", "many-commands"), environment())


class FaceTest(ToolTest):
    """Commands that run the network, one after another in one process, so that LibTorch is loaded once. The weights and a
    gallery of them are there to be read."""
    weights = os.path.join(FIXTURES, "weights.safetensors")
    gallery = os.path.join(FIXTURES, "gallery.safetensors")

    def path(self, *names):
        path = os.path.join(self.folder, *names)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def write(self, name, content):
        path = self.path(*name.split("/"))
        with open(path, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return path

    def run_tool(self, *args, bare=False):
        if not bare:
            return MANY.run([*map(str, args)], self.folder, {})
        # Meson's path would lead it to the module of the other build.
        return subprocess.run([TRIPLET_GALLERY_BARE, *map(str, args)], capture_output=True, text=True, errors="surrogateescape",
                              env={**environment(), "LD_LIBRARY_PATH": ""}, cwd=self.folder, timeout=600, check=False)

    def listed(self, gallery="g.safetensors"):
        return self.json("list", gallery)

    def people_of(self, gallery):
        """Names and numbers of rows, in the gallery's order."""
        return [(one["name"], one["rows"]) for one in self.listed(gallery)["people"]]
