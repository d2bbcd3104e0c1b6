#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether the people of the sample clips keep one name each, with a tracker before the embedder, at default settings.

usage: tracks.py [--weights FILE] [--keep FOLDER] [--snapshot PART]        (under ./run exec)

Five people are enrolled from a clip each, or with --snapshot from one frame of it, as in names.py. Then all other clips go through
decoder → videoconvert → tripletdetect → triplettrack → tripletembed → tripletjson, once with every frame embedded and once with
reclassify-interval=10.
The exit status is 1 where a bar is missed, 77 without the clips:

- no track changes the name that it has, or loses it;
- of the known people's frames, from the fifth of their track on, 99 % have the right name;
- no track of a stranger has a name on any frame;
- with reclassify-interval=10 the network sees at most 15 % of the faces, and the tracks have the same names;
- no track misses a single frame between two; over all clips there is at most one track more than there are people.
"""
import json
import os
import subprocess
import sys
from collections import defaultdict

import names

# How many people the clips show that names.py does not; all of them are strangers.
CROWDS = {"head-pose-face-detection-female-and-male": 2, "face-demographics-walking": 2, "classroom": 4}
INTERVAL = 10


def read_tracks(path):
    """{track: [(frame, label, embedded)]}"""
    tracks = defaultdict(list)
    with open(path, encoding="utf-8") as lines:
        for frame, line in enumerate(lines):
            for face in json.loads(line)["objects"]:
                # What was not embedded has no quality.
                tracks[face.get("track", 0)].append((frame, face["identity"]["label"], "quality" in face))
    return dict(tracks)


def run_clip(weights, gallery, stem, interval, out):
    subprocess.run(["gst-launch-1.0", "-q", "filesrc", f"location={names.clip(stem)}", "!", "decodebin", "!", "videoconvert",
                    "!", "tripletdetect", "!", "triplettrack", "!", "tripletembed", f"model={weights}", f"gallery={gallery}",
                    f"reclassify-interval={interval}", "!", "tripletjson", f"location={out}", "!", "fakesink", "sync=false"],
                   check=True)
    return read_tracks(out)


def changes(labels):
    """How often a name was followed by another label."""
    return sum(a not in (b, names.UNKNOWN) for a, b in zip(labels, labels[1:]))


def single_losses(frames):
    return sum(b - a == 2 for a, b in zip(frames, frames[1:]))


def name_of(faces):
    """The last label of a track."""
    return faces[-1][1]


class Counts:
    def __init__(self):
        self.faces = self.embedded = self.changed = self.lost = self.extra = 0
        self.late = self.right = 0  # Known people's frames from the fifth of their track on.
        self.named_strangers = self.strangers = 0
        self.names = {}

    def add(self, stem, tracks):
        person = names.SHOWN.get(stem)
        for track, faces in tracks.items():
            labels = [label for _, label, _ in faces]
            self.faces += len(faces)
            self.embedded += sum(embedded for _, _, embedded in faces)
            self.changed += changes(labels)
            self.lost += single_losses([frame for frame, _, _ in faces])
            self.names[stem, track] = name_of(faces)
            if person is None:
                self.strangers += 1
                self.named_strangers += any(label != names.UNKNOWN for label in labels)
            else:
                self.late += len(labels[4:])
                self.right += labels[4:].count(person)
        self.extra += max(0, len(tracks) - CROWDS.get(stem, 1))

    def line(self):
        return (f"{len(self.names)} tracks, {self.extra} more than people, {self.lost} single frames lost; {self.changed} names "
                f"changed; known right {names.percent(self.right, self.late):.1f} % of {self.late} frames from the fifth on; "
                f"strangers named {self.named_strangers} of {self.strangers}; embedded {self.embedded} of {self.faces} faces, "
                f"{names.percent(self.embedded, self.faces):.1f} %")

    def good(self):
        return (self.changed == 0 and self.right >= 0.99 * self.late and self.named_strangers == 0 and self.lost == 0
                and self.extra <= 1)


def measure(weights, folder, snapshot):
    """{interval: Counts}"""
    gallery = os.path.join(folder, "people.safetensors")
    names.enroll(weights, gallery, snapshot, folder)
    counts = {1: Counts(), INTERVAL: Counts()}
    for interval, total in counts.items():
        for stem in [*names.SHOWN, *CROWDS]:
            total.add(stem, run_clip(weights, gallery, stem, interval, os.path.join(folder, f"{stem}-{interval}.jsonl")))
    return counts


def main():
    args = names.arguments(__doc__)
    if names.lacks([*names.ENROLLED.values(), *names.SHOWN, *CROWDS]):
        return 77
    with names.folder_of(args) as folder:
        counts = measure(args.weights, folder, args.snapshot)
    for interval, total in counts.items():
        print(f"reclassify-interval={interval}: {total.line()}")
    every, seldom = counts.values()
    same = every.names == seldom.names
    if not same:
        print(f"the names differ: {set(every.names.items()) ^ set(seldom.names.items())}")
    return 0 if every.good() and seldom.good() and same and seldom.embedded <= 0.15 * seldom.faces else 1


if __name__ == "__main__":
    sys.exit(main())
