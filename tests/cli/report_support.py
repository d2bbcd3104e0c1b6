# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of triplet-train report share: made-up sets with any names, tiny runs, the page's data, a PNG reader."""
import base64
import json
import os
import re
import shutil
import struct
import tempfile
import zlib

from support import CliTest, MANY

EVIL = "</script><img src=x onerror=alert(1)>"


def stripes(count, classes, side, channels=1):
    """Class c is stripes c % 4 + 2 wide that lie or stand; each picture has a shift of its own."""
    pixels = bytearray()
    for i in range(count):
        label = i % classes
        for y in range(side):
            for x in range(side):
                along = (x if label % 2 else y) + i // classes
                value = 220 - i % 7 if along // (label % 4 + 2) % 2 else 30 + 9 * (label // 4) + i % 5
                pixels += bytes((value, value // 2, 255 - value)[:channels])
    return bytes(pixels)


def dataset(count=64, names=("a", "b", "c", "d"), side=16, channels=1, sources=None):
    """A packed set (docs/formats.md)."""
    images = stripes(count, len(names), side, channels)
    labels = struct.pack("<%dq" % count, *(i % len(names) for i in range(count)))
    header = json.dumps({
        "__metadata__": {"kind": "tripletembed.dataset", "version": "1", "class_names": json.dumps(list(names)),
                         "sources": json.dumps(sources or ["from/%d" % i for i in range(count)])},
        "labels": {"dtype": "I64", "shape": [count], "data_offsets": [0, len(labels)]},
        "images": {"dtype": "U8", "shape": [count, side, side, channels],
                   "data_offsets": [len(labels), len(labels) + len(images)]}}).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + labels + images


def decode_png(content):
    """Width, height, channels and pixels; every checksum looked at."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, []
    while at < len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        body = content[at + 8:at + 8 + size]
        assert struct.unpack_from(">I", content, at + 8 + size)[0] == zlib.crc32(kind + body)
        chunks.append((kind, body))
        at += 12 + size
    assert [kind for kind, _ in chunks] == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, color, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
    assert depth == 8 and color in (0, 2) and rest == [0, 0, 0]
    step = 3 if color == 2 else 1
    raw, before, pixels = zlib.decompress(chunks[1][1]), bytes(width * step), b""
    assert len(raw) == height * (1 + width * step)
    for y in range(height):
        kind, *line = raw[y * (1 + width * step):(y + 1) * (1 + width * step)]
        row = bytearray()
        for i, value in enumerate(line):
            left, up, corner = (row[i - step] if i >= step else 0), before[i], (before[i - step] if i >= step else 0)
            guess = left + up - corner
            paeth = min((left, up, corner), key=lambda v: abs(guess - v))  # min keeps the first of equals, as the standard.
            row.append((value + (0, left, up, (left + up) // 2, paeth)[kind]) % 256)
        pixels += row
        before = bytes(row)
    return width, height, step, pixels


def decode_uri(uri):
    assert uri.startswith("data:image/png;base64,")
    return decode_png(base64.b64decode(uri.split(",", 1)[1], validate=True))


class ReportTest(CliTest):
    @classmethod
    def setUpClass(cls):
        cls.fixtures = tempfile.mkdtemp(prefix="triplet-train-report-")
        cls.addClassCleanup(shutil.rmtree, cls.fixtures)
        cls.put("set", dataset())
        cls.put("val", dataset(40, ("x", EVIL, "y", "z")))
        cls.train("one", "--val", "val", "--epochs", 2, "--loss", "triplet", "--pk", 4, 4, "--lr", 0.001)

    @classmethod
    def at(cls, *names):
        return os.path.join(cls.fixtures, *names)

    @classmethod
    def put(cls, name, content):
        with open(cls.at(name), "wb") as file:
            file.write(content)

    @classmethod
    def train(cls, out, *flags, data="set"):
        done = MANY.run(["train", "--data", data, "--out", out + ".safetensors", "--threads", "1", "--batch-size", "16",
                         *map(str, flags)], cls.fixtures, {})
        assert done.returncode == 0, done.stderr

    def report(self, *args):
        self.ok("report", *args, "--out", "page.html", "--precision", "fp32")
        with open(self.path("page.html"), encoding="utf-8") as file:
            return file.read()

    def data(self, page):
        blocks = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
        self.assertEqual(len(blocks), 1)
        return json.loads(blocks[0])
