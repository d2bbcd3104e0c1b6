#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the quality of a face is good for: LFW's test pictures with and without the worst tenth of them, as a table.

usage: quality.py [--weights FILE] [--work FOLDER]        (under ./run exec)

The pictures of view 1's test people go through tripletdetect, tripletembed and tripletjson, which says the quality of each
face and the size of its box. A tenth of the pictures is left out: those of least quality, those with the smallest faces, or a
tenth by chance. Of all pairs of the others triplet-train says how many of one person are not recognised (FNMR) at the distance
at which one pair of strangers in a thousand is taken for one person (FAR 0.1 %).

The same once more where every tenth picture, by chance, is as a poor camera would show it: out of focus, dark or far away.

The data are read from TRIPLETEMBED_DATA (default ../shared/data). FOLDER keeps what was made. The exit status is 77 where the
data are missing.
"""
import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile

DATA = os.environ.get("TRIPLETEMBED_DATA") or os.path.join(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "..", "shared", "data")
PEOPLE = os.path.join(DATA, "lfw-protocol", "peopleDevTest.txt")
DETECTOR = os.path.join(DATA, "models", "face_detection_yunet_2023mar.onnx")
SIDE = 160  # Of LFW's pictures, in pixels.
FAR = "0.001"
# What poor cameras do to a picture, as parts of a pipeline. The far one shows faces of some 22 pixels.
CAMERAS = ("gaussianblur sigma=5",
           "videobalance contrast=0.08",
           "videoscale ! capsfilter caps=video/x-raw,width=36,height=36 ! videobox left=-62 right=-62 top=-62 bottom=-62")


def pictures():
    """(person, file) of each test picture."""
    with open(PEOPLE, encoding="utf-8") as lines:
        names = [line.split()[0] for line in lines if len(line.split()) == 2]
    folders = [(name, os.path.join(DATA, "lfw", name)) for name in names]
    return [(name, os.path.join(folder, file)) for name, folder in folders for file in sorted(os.listdir(folder))]


def launch(*parts):
    """Each part is a list of words, which may hold blanks."""
    words = [word for part in parts for word in ("!", *part)]
    subprocess.run(["gst-launch-1.0", "-q", *words[1:]], check=True)


def read(folder):
    source = ["multifilesrc", f"location={folder}/%05d.jpg", "caps=image/jpeg,framerate=1/1"]
    return source, ["jpegdec"], ["videoconvert"]


def link(files, folder):
    """The files under numbers, as multifilesrc reads them."""
    os.makedirs(folder)
    for number, file in enumerate(files):
        os.symlink(os.path.abspath(file), os.path.join(folder, f"{number:05d}.jpg"))


def spoil(files, work):
    """The files with every tenth, by chance, as one of the poor cameras shows it."""
    files = list(files)
    chosen = random.Random(1).sample(range(len(files)), len(files) // 10)
    for number, camera in enumerate(CAMERAS):
        mine = chosen[number::len(CAMERAS)]
        good, poor = (os.path.join(work, f"{what} {number}").replace(" ", "-") for what in ("good", "poor"))
        link([files[i] for i in mine], good)
        os.makedirs(poor)
        launch(*read(good), camera.split(), ["videoconvert"], ["jpegenc", "quality=95"],
               ["multifilesink", f"location={poor}/%05d.jpg"])
        for count, i in enumerate(mine):
            files[i] = os.path.join(poor, f"{count:05d}.jpg")
    return files


def looked_at(folder, weights, out):
    """(quality, shorter side of the box) of the face in the middle of each picture; (0, 0) where none is found."""
    launch(*read(folder), ["tripletdetect", f"model={DETECTOR}"], ["tripletembed", f"model={weights}"],
           ["tripletjson", f"location={out}"], ["fakesink", "sync=false"])
    with open(out, encoding="utf-8") as lines:
        for line in lines:
            faces = [face for face in json.loads(line)["objects"] if "quality" in face]
            if not faces:
                yield 0, 0
                continue
            face = min(faces, key=lambda f: abs(f["x"] + f["w"] / 2 - SIDE / 2) + abs(f["y"] + f["h"] / 2 - SIDE / 2))
            yield face["quality"], min(face["w"], face["h"])


def missed(rows, weights, name):
    """The FNMR of those (person, file)."""
    with open(name + ".csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows((path, person) for person, path in rows)
    run = lambda *args: subprocess.run(["triplet-train", *args], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    run("pack", "--weights", weights, "--out", name + ".safetensors", "--detect", "--detector-model", DETECTOR, "--fallback",
        "centre", name + ".csv")
    return 1 - json.loads(run("evaluate", "--weights", weights, "--data", name + ".safetensors", "--json"))["tar_at_far"][FAR]


def table(rows, weights, work, title):
    folder = os.path.join(work, "pictures")
    link([file for _, file in rows], folder)
    seen = list(looked_at(folder, weights, os.path.join(work, "faces.jsonl")))
    if len(seen) != len(rows):
        sys.exit(f"{len(seen)} frames of {len(rows)} pictures")
    rng = random.Random(2)
    orders = {"of least quality": [quality for quality, _ in seen], "with the smallest faces": [side for _, side in seen],
              "by chance": [rng.random() for _ in seen]}
    whole = missed(rows, weights, os.path.join(work, "all"))
    print(f"| {title}: FNMR of all {len(rows):,} pictures | {100 * whole:.2f} % | |", flush=True)
    for name, keys in orders.items():
        left_out = set(sorted(range(len(rows)), key=lambda i: keys[i])[:len(rows) // 10])
        kept = [row for i, row in enumerate(rows) if i not in left_out]
        part = missed(kept, weights, os.path.join(work, name.replace(" ", "-")))
        print(f"| … without the tenth {name} | {100 * part:.2f} % | {100 * (part / whole - 1):+.1f} % |", flush=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1], description=__doc__.split("\n\n")[0])
    parser.add_argument("--weights", default=os.environ.get("TRIPLETEMBED_MODEL"))
    parser.add_argument("--work")
    args = parser.parse_args()
    if not args.weights:
        sys.exit("--weights: a weights file, or TRIPLETEMBED_MODEL, expected")
    if not os.path.exists(PEOPLE):
        print(f"no data in {DATA} (TRIPLETEMBED_DATA)", file=sys.stderr)
        sys.exit(77)
    rows = pictures()
    with tempfile.TemporaryDirectory() as folder:
        work = args.work or folder
        as_they_are, spoilt = (os.path.join(work, name) for name in ("as-they-are", "spoilt"))
        os.makedirs(as_they_are)
        os.makedirs(spoilt)
        print("| pictures | FNMR at FAR 0.1 % | |\n|---|---:|---:|")
        table(rows, args.weights, as_they_are, "as they are")
        names, files = zip(*rows)
        table(list(zip(names, spoil(files, spoilt))), args.weights, spoilt, "every tenth spoilt")


if __name__ == "__main__":
    main()
