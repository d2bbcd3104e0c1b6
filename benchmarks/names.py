#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many faces of the sample clips get the right name, and how many strangers none, at default settings.

usage: names.py [--weights FILE] [--keep FOLDER] [--snapshot PART]        (under ./run exec)

Five people are enrolled from a clip each, or with --snapshot from one frame of it. Then other clips of them and of two strangers go through decoder →
videoconvert → tripletdetect → tripletembed → tripletjson. In each frame with a face the largest face counts. The exit
status is 1 where fewer than 90 % of the known are named right, more than 0.5 % wrongly, or fewer than 95 % of the
strangers stay unnamed; 77 without the clips.
"""
import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile

CLIPS = os.path.join(os.environ.get("TRIPLETEMBED_DATA") or os.path.join(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "..", "shared", "data"), "video")
ENROLLED = {"A": "bird", "B": "book", "C": "eat", "D": "help", "E": "want"}
SHOWN = {"milk": "A", "please": "A", "learn": "B", "school": "B", "walk": "B", "night": "C", "yes": "D",
         "head-pose-face-detection-female": None, "head-pose-face-detection-male": None}
UNKNOWN = "???"


def clip(stem):
    return os.path.join(CLIPS, stem + ".mkv")


def labels_of(path):
    """The name given to the largest face of each frame that has one."""
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            faces = json.loads(line)["objects"]
            if faces:
                yield max(faces, key=lambda face: face["w"] * face["h"])["identity"]["label"]


def name_clip(weights, gallery, stem, out):
    subprocess.run(["gst-launch-1.0", "-q", "filesrc", f"location={clip(stem)}", "!", "decodebin", "!", "videoconvert",
                    "!", "tripletdetect", "!", "tripletembed", f"model={weights}", f"gallery={gallery}", "!",
                    "tripletjson", "mode=truncate", f"location={out}", "!", "fakesink", "sync=false"], check=True)
    return list(labels_of(out))


def percent(part, whole):
    return 100.0 * part / whole if whole else 0.0


def snapshot_of(stem, part, folder):
    """The file of the frame that lies so far (0 to 1) into the clip."""
    frames = os.path.join(folder, "frames of " + stem)
    os.makedirs(frames)
    subprocess.run(["gst-launch-1.0", "-q", "filesrc", f"location={clip(stem)}", "!", "decodebin", "!", "videoconvert", "!",
                    "pngenc", "!", "multifilesink", f"location={frames}/%05d.png"], check=True)
    files = sorted(os.listdir(frames))
    return os.path.join(frames, files[round(part * (len(files) - 1))])


def enroll(weights, gallery, part, folder):
    """Enrols the five from their clips, or from one frame of each where `part` says which."""
    for name, stem in ENROLLED.items():
        shown = (["--video", clip(stem), "--face", "largest"] if part is None
                 else ["--images", snapshot_of(stem, part, folder), "--face", "centre"])
        subprocess.run(["triplet-gallery", "enroll", "--weights", weights, "--gallery", gallery, *shown, "--name", name],
                       check=True, stdout=subprocess.DEVNULL)


def measure(weights, folder, part=None):
    """({stem: (right, wrong, unnamed)} of the known, the same of strangers)"""
    gallery = os.path.join(folder, "people.safetensors")
    enroll(weights, gallery, part, folder)
    known, strangers = {}, {}
    for stem, person in SHOWN.items():
        labels = name_clip(weights, gallery, stem, os.path.join(folder, stem + ".jsonl"))
        unnamed = labels.count(UNKNOWN)
        right = labels.count(person)
        (strangers if person is None else known)[stem] = right, len(labels) - right - unnamed, unnamed
    return known, strangers


def arguments(description):
    """Those of a program that enrols from the clips; ends it where they cannot be used."""
    ap = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--weights", default=os.environ.get("TRIPLETEMBED_MODEL"), help="default: $TRIPLETEMBED_MODEL")
    ap.add_argument("--keep", metavar="FOLDER", help="leave the gallery and the JSON Lines in this empty folder")
    ap.add_argument("--snapshot", metavar="PART", type=float,
                    help="enrol each person with one frame, so far (0 to 1) into the clip, instead of with the whole clip")
    args = ap.parse_args()
    if args.snapshot is not None and not 0 <= args.snapshot <= 1:
        ap.error(f"--snapshot: {args.snapshot} is no part of a clip; 0 to 1 expected")
    if not args.weights or not os.path.exists(args.weights):
        ap.error("no weights: set TRIPLETEMBED_MODEL, or run it under ./run exec")
    if args.keep:
        os.makedirs(args.keep, exist_ok=True)
        if os.listdir(args.keep):
            ap.error(f"{args.keep} is not empty")
    return args


def folder_of(args):
    """The folder to keep, or one that ends with the block."""
    return contextlib.nullcontext(args.keep) if args.keep else tempfile.TemporaryDirectory()


def lacks(stems):
    """Whether one of those clips is not there, which is said."""
    missing = [stem for stem in stems if not os.path.exists(clip(stem))]
    if missing:
        print(f"skipped: no {clip(missing[0])}")
    return bool(missing)


def main():
    args = arguments(__doc__)
    if lacks([*ENROLLED.values(), *SHOWN]):
        return 77
    with folder_of(args) as folder:
        known, strangers = measure(args.weights, folder, args.snapshot)
    for stem, (right, wrong, unnamed) in {**known, **strangers}.items():
        print(f"{stem:32} right {right:3}  wrong {wrong:3}  unnamed {unnamed:3}")
    right, wrong, unnamed = map(sum, zip(*known.values()))
    faces, left = right + wrong + unnamed, sum(counts[2] for counts in strangers.values())
    all_strangers = sum(map(sum, strangers.values()))
    print(f"known: right {percent(right, faces):.1f} %, wrong {percent(wrong, faces):.1f} % of {faces} faces; "
          f"strangers: unnamed {percent(left, all_strangers):.1f} % of {all_strangers}")
    good = percent(right, faces) >= 90 and percent(wrong, faces) <= 0.5 and percent(left, all_strangers) >= 95
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
