# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of triplet-train are made of: the program, tiny inputs made on the spot, a safetensors reader."""
import gzip
import json
import math
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.append(os.path.join(os.path.dirname(__file__), "..", "support"))
from many_commands import ManyCommands  # noqa: E402

TRIPLET_TRAIN = os.environ.get("TRIPLET_TRAIN", "triplet-train")
TRIPLET_TRAIN_BARE = os.environ.get("TRIPLET_TRAIN_BARE", TRIPLET_TRAIN)
FIXTURES = os.environ.get("CLI_FIXTURES", "")
FACES = os.environ.get("HAVE_FACES", "1") == "1"
DATA = os.environ.get("TRIPLETEMBED_DATA", "")
YUNET = os.path.join(DATA, "models", "face_detection_yunet_2023mar.onnx")


def environment():
    """Without the user's own weights and folders."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TRIPLETEMBED_")}
    if os.path.isfile(YUNET):
        kept["TRIPLETEMBED_DETECTOR"] = YUNET
    return kept


# All tests of a file share it.
MANY = ManyCommands(os.environ.get("MANY_COMMANDS", "many-commands"), environment())


def needs_faces(test):
    return unittest.skipUnless(FACES, "built without OpenCV")(test)


def needs_real_data(test):
    return unittest.skipUnless(FACES and os.path.isfile(YUNET) and os.path.isdir(os.path.join(DATA, "lfw")),
                               "TRIPLETEMBED_DATA has no faces")(test)


class CliTest(unittest.TestCase):
    """Runs the program's command lines in a folder of its own: in a process for each where `alone` says so, else all in one
    process. self.weights and self.gallery are there to be read."""
    program = TRIPLET_TRAIN
    alone = False

    weights = os.path.join(FIXTURES, "weights.safetensors")
    gallery = os.path.join(FIXTURES, "gallery.safetensors")

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="triplet-train-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, *names):
        path = os.path.join(self.folder, *names)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def write(self, name, content):
        path = self.path(*name.split("/"))
        with open(path, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return path

    def run_tool(self, *args, env=None, preexec_fn=None):
        if not self.alone and preexec_fn is None:
            return MANY.run([*map(str, args)], self.folder, env or {})
        return subprocess.run([self.program, *map(str, args)], capture_output=True, text=True, errors="surrogateescape",
                              env={**environment(), **(env or {})}, cwd=self.folder, timeout=600, preexec_fn=preexec_fn)

    def ok(self, *args, env=None):
        done = self.run_tool(*args, env=env)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def ok_json(self, *args):
        output = self.ok(*args, "--json").stdout
        self.assertEqual(output.count("\n"), 1, "one JSON object in one line expected")
        return json.loads(output)

    def fails(self, *args, says=(), code=1, env=None):
        """The exit status, a message of one line behind the program's name, and every one of the words in it."""
        done = self.run_tool(*args, env=env)
        self.assertEqual(done.returncode, code, done.stderr)
        for words in says:
            self.assertIn(words, done.stderr)
        if code == 1:
            self.assertTrue(done.stderr.splitlines()[-1].startswith("triplet-train: "), done.stderr)
        return done

    def killed_while_training(self, args, checkpoint, checkpoints):
        """Runs the program and kills it when it has written so many checkpoints; false when it was over before that."""
        def written():
            return os.stat(checkpoint).st_mtime_ns if os.path.exists(checkpoint) else 0
        before = written()
        process = subprocess.Popen([self.program, *map(str, args)], cwd=self.folder, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        for _ in range(checkpoints):
            while process.poll() is None and written() == before:
                time.sleep(0.002)
            before = written()
        process.send_signal(signal.SIGKILL)
        return process.wait() == -signal.SIGKILL


class TrainTest(CliTest):
    """Short runs of training on made-up digits."""

    def digits(self, name="set", count=96, classes=4, size=16):
        """Class c is stripes c + 2 pixels wide that lie (c even) or stand (c odd); each image has a shift of its own."""
        labels = [i % classes for i in range(count)]
        pixels = bytearray()
        for i, label in enumerate(labels):
            for y in range(16):
                for x in range(16):
                    along = (x if label % 2 else y) + i // classes
                    pixels.append(220 - i % 7 if along // (label + 2) % 2 else 30 + i % 5)
        self.write(name + "-images", struct.pack(">IIII", 0x803, count, 16, 16) + bytes(pixels))
        self.write(name + "-labels", idx_labels(labels))
        self.ok("pack", "--out", name, "--size", size, "--channels", 1, name + "-images")
        return self.path(name)

    def train(self, *args, out="w.safetensors", data="set"):
        default = () if "--batch-size" in args else ("--batch-size", 16)
        return ("train", "--data", data, "--out", out, "--threads", 1, "--val-fraction", 0, *default, *args)

    def metrics(self, run="w.run"):
        with open(self.path(run, "metrics.jsonl"), encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    def content(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()


def pgm(width=40, height=40, seed=0):
    """A grey picture with a pattern of its own for each seed."""
    pixels = bytes(int(127 + 60 * math.sin((x + 3 * seed) / (2 + seed % 5)) + 60 * math.cos(y / (3 + seed % 7)))
                   for y in range(height) for x in range(width))
    return b"P5 %d %d 255\n" % (width, height) + pixels


def idx_images(count, rows=28, columns=28, magic=0x803):
    pixels = bytes((7 * i + y * (1 + i % 10) + x * x) % 256
                   for i in range(count) for y in range(rows) for x in range(columns))
    return struct.pack(">IIII", magic, count, rows, columns) + pixels


def idx_labels(labels, magic=0x801):
    return struct.pack(">II", magic, len(labels)) + bytes(labels)


def read_safetensors(path):
    """Metadata, and of each tensor dtype, shape and bytes."""
    with open(path, "rb") as file:
        content = file.read()
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:8 + size])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        tensors[name] = (entry["dtype"], entry["shape"], content[begin:end])
    return metadata, tensors


def write_safetensors(path, tensors, metadata=None):
    """The same again: name → (dtype, shape, bytes)."""
    header, offset = {"__metadata__": metadata} if metadata else {}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, _, data in tensors.values():
            file.write(data)


def labels_of(tensors):
    data = tensors["labels"][2]
    return list(struct.unpack("<%dq" % (len(data) // 8), data))


def compress(content):
    return gzip.compress(content, mtime=0)
