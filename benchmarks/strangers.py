#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How well the strangers of the sample clips are told apart, nobody enrolled, at default settings.

usage: strangers.py [--weights FILE] [--reclassify-interval N] [--orders N] [--seed N] [--keep FOLDER]  (under ./run exec)

The clips of seven people go one after the other through decoder → videoconvert → tripletdetect → triplettrack →
tripletembed → tripletjson, each in a process of its own, with one file of strangers. Each track has the label that it had
last. Of all pairs of tracks, precision is how many of those with one label are of one person, recall how many of those of one
person have one label. Tracks of fewer than five embedded faces have no label by the rule; they are counted apart.
With --orders the clips come in further, random orders. The exit status is 1 where a precision is below 0.99 or a recall below
0.9; 77 without the clips.
"""
import argparse
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile

CLIPS = os.path.join(os.environ.get("TRIPLETEMBED_DATA") or os.path.join(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "..", "shared", "data"), "video")
BOTH = "head-pose-face-detection-female-and-male"  # F on the left, G on the right.
PERSON = {"bird": "A", "milk": "A", "please": "A", "book": "B", "learn": "B", "school": "B", "walk": "B", "eat": "C",
          "night": "C", "help": "D", "yes": "D", "want": "E", "head-pose-face-detection-female": "F",
          "head-pose-face-detection-male": "G", BOTH: None}
LEAST_FACES = 5


class Track:
    def __init__(self, person):
        self.person = person
        self.faces = 0
        self.labels = []  # Without repetitions.


def run_clip(stem, strangers, args, out):
    subprocess.run(["gst-launch-1.0", "-q", "filesrc", f"location={os.path.join(CLIPS, stem + '.mkv')}", "!", "decodebin",
                    "!", "videoconvert", "!", "tripletdetect", "!", "triplettrack", "!", "tripletembed", f"model={args.weights}",
                    f"reclassify-interval={args.reclassify_interval}", f"strangers={strangers}", "!", "tripletjson",
                    f"location={out}", "!", "fakesink", "sync=false"], check=True)


def tracks_of(stem, path):
    """The clip's tracks by their ids."""
    tracks = {}
    with open(path, encoding="utf-8") as lines:
        for frame in map(json.loads, lines):
            for face in frame["objects"]:
                if "track" not in face or "identity" not in face:
                    continue
                left = face["x"] + face["w"] / 2 < frame["resolution"]["width"] / 2
                track = tracks.setdefault(face["track"], Track(PERSON[stem] or ("F" if left else "G")))
                track.faces += not face["identity"]["predicted"]
                label = face["identity"]["stranger"]
                if label and label not in track.labels[-1:]:
                    track.labels.append(label)
    return tracks


def measure(stems, args, folder):
    strangers = os.path.join(folder, "strangers.safetensors")
    if os.path.exists(strangers):
        os.remove(strangers)
    tracks = []
    for stem in stems:
        out = os.path.join(folder, stem + ".jsonl")
        if os.path.exists(out):
            os.remove(out)
        run_clip(stem, strangers, args, out)
        tracks += tracks_of(stem, out).values()
    return tracks


def rates(tracks):
    """(precision, recall) over pairs."""
    same_label = same_person = both = 0
    for a, b in itertools.combinations(tracks, 2):
        label = bool(a.labels and b.labels) and a.labels[-1] == b.labels[-1]
        person = a.person == b.person
        same_label += label
        same_person += person
        both += label and person
    return both / same_label if same_label else 1.0, both / same_person if same_person else 1.0


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--weights", default=os.environ.get("TRIPLETEMBED_MODEL"), help="default: $TRIPLETEMBED_MODEL")
    ap.add_argument("--reclassify-interval", type=int, default=1, metavar="N", help="tripletembed's property")
    ap.add_argument("--orders", type=int, default=1, help="how many orders of the clips; the first one is by name")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--keep", metavar="FOLDER", help="leave the last order's files in this folder")
    args = ap.parse_args()
    if not args.weights or not os.path.exists(args.weights):
        ap.error("no weights: set TRIPLETEMBED_MODEL, or run it under ./run exec")
    missing = [stem for stem in PERSON if not os.path.exists(os.path.join(CLIPS, stem + ".mkv"))]
    if missing:
        print(f"skipped: no {missing[0]}.mkv in {CLIPS}")
        return 77
    good = True
    order, shuffled = sorted(PERSON), random.Random(args.seed)
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or scratch
        os.makedirs(folder, exist_ok=True)
        for turn in range(args.orders):
            tracks = measure(order, args, folder)
            long = [track for track in tracks if track.faces >= LEAST_FACES]
            precision, recall = rates(long)
            groups = len({track.labels[-1] for track in tracks if track.labels})
            changes = sum(max(0, len(track.labels) - 1) for track in tracks)
            print(f"order {turn}: precision {precision:.3f}, recall {recall:.3f} over {len(long)} tracks of 7 people in "
                  f"{groups} groups, {changes} changes of a label; {len(tracks) - len(long)} shorter tracks, "
                  f"{sum(bool(track.labels) for track in tracks if track.faces < LEAST_FACES)} of them with a label")
            good &= precision >= 0.99 and recall >= 0.9
            shuffled.shuffle(order)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
