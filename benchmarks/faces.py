# SPDX-License-Identifier: LGPL-2.1-or-later
"""The weights and the faces that all contenders run: made once a run, the same from run to run."""
import array
import dataclasses
import json
import math
import os
import random
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COUNT = 64
DIMENSIONS = 128


@dataclasses.dataclass
class Model:
    """Paths: weights (safetensors), the same as ONNX, crops as raw bytes [COUNT, H, W, C], their reference embeddings."""
    weights: str
    onnx: str
    crops: str
    reference: str
    shape: tuple
    made_of: str


def data_folder():
    return os.environ.get("TRIPLETEMBED_DATA") or os.path.join(ROOT, "..", "shared", "data")


def read_header(path):
    """The header of a safetensors file, and where its data begin."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        return json.loads(file.read(size)), 8 + size


def channels_of(weights):
    return json.loads(read_header(weights)[0]["__metadata__"]["input"])["channels"]


def real_crops(build, weights, folder):
    """The bytes of COUNT faces of as many people of LFW, chosen by a seed and cut as a stream cuts them; or None."""
    root = os.path.join(data_folder(), "lfw")
    if not os.path.isdir(root) or not os.environ.get("TRIPLETEMBED_DETECTOR"):
        return None
    people = sorted(os.listdir(root))
    if len(people) < COUNT:
        return None
    for person in random.Random(1).sample(people, COUNT):
        os.makedirs(os.path.join(folder, "people", person))
        picture = sorted(os.listdir(os.path.join(root, person)))[0]
        os.symlink(os.path.abspath(os.path.join(root, person, picture)), os.path.join(folder, "people", person, picture))
    packed = os.path.join(folder, "faces.safetensors")
    done = subprocess.run([os.path.join(build, "training", "cli", "triplet-train"), "pack", "--weights", weights, "--detect",
                           "--fallback", "centre", "--out", packed, os.path.join(folder, "people")],
                          capture_output=True, check=False)
    if done.returncode != 0:
        return None
    header, start = read_header(packed)
    begin, end = header["images"]["data_offsets"]
    with open(packed, "rb") as file:
        file.seek(start + begin)
        return file.read(end - begin)


def made_up_crops(side, channels):
    """COUNT pictures of large random squares: unlike noise, they differ from each other to the network too."""
    rng, cells, pictures = random.Random(1), 7, []
    for _ in range(COUNT):
        colours = [[bytes(rng.randrange(256) for _ in range(channels)) for _ in range(cells)] for _ in range(cells)]
        for y in range(side):
            row = colours[y * cells // side]
            pictures.append(b"".join(row[x * cells // side] for x in range(side)))
    return b"".join(pictures)


def make_model(build, folder, side, weights=None):
    """Writes everything into `folder`; `weights` (a file; random ones without it) is laid out for side × side pictures."""
    names = ("weights.safetensors", "model.onnx", "crops.raw", "reference.raw")
    made = Model(*(os.path.join(folder, name) for name in names), shape=(), made_of="")
    tool = os.path.join(build, "benchmarks", "bench-model")
    subprocess.run([tool, "weights", made.weights, str(side), *([weights] if weights else [])], check=True)
    made.shape = (side, side, channels_of(made.weights))
    subprocess.run([os.path.join(build, "training", "cli", "triplet-train"), "export", "--weights", made.weights, "--out",
                    made.onnx], check=True, stdout=subprocess.DEVNULL)
    real = real_crops(build, made.weights, folder)
    with open(made.crops, "wb") as file:
        file.write(real or made_up_crops(side, made.shape[2]))
    subprocess.run([tool, "reference", made.weights, made.crops, made.reference], check=True)
    made.made_of = (f"{os.path.basename(weights) if weights else 'random weights'} at {side}×{side}×{made.shape[2]}; "
                    f"cosines over {COUNT} {'faces of LFW' if real else 'made-up pictures'}")
    return made


def read_rows(path):
    values = array.array("f")
    with open(path, "rb") as file:
        values.frombytes(file.read())
    return [values[i:i + DIMENSIONS] for i in range(0, len(values), DIMENSIONS)]


def cosine(a, b):
    norms = math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))
    return sum(x * y for x, y in zip(a, b)) / norms if norms else 0.0


def cosines(path, reference):
    """(mean, least) cosine of the rows of two files of embeddings. Raises ValueError when their numbers differ."""
    found, expected = read_rows(path), read_rows(reference)
    if len(found) != len(expected) or not found:
        raise ValueError(f"{path}: {len(expected)} embeddings expected, found {len(found)}")
    values = [cosine(a, b) for a, b in zip(found, expected)]
    return sum(values) / len(values), min(values)
