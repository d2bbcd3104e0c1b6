# SPDX-License-Identifier: LGPL-2.1-or-later
"""Exported models in ONNX Runtime give the embedder's own vectors. Takes ONNX Runtime from PyPI when it is not installed;
skips, and says so, where that cannot be had."""
import array
import subprocess
import sys
import unittest
import venv

from support import CliTest, idx_images, idx_labels, read_safetensors

RUN = """
import sys
import numpy, onnxruntime
model, pictures, out, count, channels, side = sys.argv[1:]
shape = (int(count), int(side), int(side), int(channels))
crops = numpy.fromfile(pictures, numpy.uint8).reshape(shape).transpose(0, 3, 1, 2).astype(numpy.float32)
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
session.run(["embeddings"], {"images": crops})[0].tofile(out)
"""


class OnnxRuntime(CliTest):
    def interpreter(self):
        check = "import onnxruntime, numpy"
        if subprocess.run([sys.executable, "-c", check], capture_output=True).returncode == 0:
            return sys.executable
        folder = self.path("venv")
        venv.create(folder, with_pip=True)
        python = self.path("venv", "bin", "python")
        done = subprocess.run([python, "-m", "pip", "-q", "install", "onnxruntime", "numpy"], capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest("ONNX Runtime cannot be installed here: " + done.stderr.strip()[-200:])
        return python

    def test_the_same_vectors(self):
        python = self.interpreter()
        count, side = 40, 28
        self.write("set-images", idx_images(count))
        self.write("set-labels", idx_labels([i % 10 for i in range(count)]))
        self.ok("pack", "--out", "set", "--size", side, "--channels", 1, "set-images")
        for head in ("l2", "sigmoid", "linear"):
            with self.subTest(head):
                self.ok("train", "--data", "set", "--epochs", 1, "--lr", 0.001, "--val-fraction", 0, "--head", head,
                        "--out", "w.safetensors")
                self.ok("evaluate", "--weights", "w.safetensors", "--data", "set", "--precision", "fp32",
                        "--embeddings", "e.safetensors")
                self.ok("export", "--weights", "w.safetensors", "--out", "w.onnx")
                pictures = read_safetensors(self.path("set"))[1]["images"][2]
                self.write("pictures", pictures)
                subprocess.run([python, "-c", RUN, "w.onnx", "pictures", "out", str(count), "1", str(side)],
                               cwd=self.folder, check=True)
                found, expected = array.array("f"), array.array("f")
                with open(self.path("out"), "rb") as file:
                    found.frombytes(file.read())
                expected.frombytes(read_safetensors(self.path("e.safetensors"))[1]["embeddings"][2])
                self.assertEqual(len(found), len(expected))
                for row in range(count):
                    a, b = (values[128 * row:128 * (row + 1)] for values in (found, expected))
                    dot = sum(x * y for x, y in zip(a, b))
                    norms = sum(x * x for x in a) * sum(y * y for y in b)
                    self.assertGreaterEqual(dot / norms ** 0.5, 0.9999, row)


if __name__ == "__main__":
    unittest.main()
