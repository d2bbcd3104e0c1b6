#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many strangers the rule of docs/decisions/0005 names, beside other rules, and how many of the enrolled.

usage: track_rule.py [--weights FILE] [--work FOLDER]      (under ./run exec)

50 of LFW's view-1 test people are enrolled with three photographs each, which with their means makes 200 vectors. Some of the
others' photographs, of one person each, stand for the embeddings of a track: they differ more than the frames of a video do. Of
each track the mean's cosine to the nearest vector is multiplied by a power of the mean's length: 0 is the mean as it is, 1 the mean
of the cosines, a half is the rule. The distance is held against the threshold of `far` for 200 vectors. FOLDER keeps the packed
faces. The exit status is 77 where the data are missing.
"""
import argparse
import json
import math
import operator
import os
import random
import sys
import tempfile

import accuracy

PEOPLE, ENROLLED, DRAWS = 50, 3, 100
TRACKS = (1, 2, 3, 5)  # Photographs of a track.
POWERS = (0, 1, 0.5)


def nearest(rows, vectors):
    """(cosine of the mean to the nearest vector, its place, the mean's length)"""
    sums = list(map(sum, zip(*rows)))
    length = math.sqrt(sum(value * value for value in sums))
    cosines = [sum(map(operator.mul, sums, vector)) / length for vector in vectors]
    best = max(cosines)
    return best, cosines.index(best), length / len(rows)


def draw(people, rng):
    """[(photographs, whose track or None, whom it is nearest to, cosine, length)]"""
    names = rng.sample(sorted(name for name, rows in people.items() if len(rows) > ENROLLED), PEOPLE)
    vectors, owners, tracks = [], [], []
    for name, rows in people.items():
        rows = rng.sample(rows, len(rows))
        if name in names:
            enrolled, rows = rows[:ENROLLED], rows[ENROLLED:]
            vectors += enrolled + [accuracy.direction_of(enrolled)]
            owners += [name] * (ENROLLED + 1)
        # Strangers of all lengths are the same people.
        elif len(rows) < max(TRACKS):
            continue
        tracks += [(name if name in names else None, rows[:count]) for count in TRACKS if len(rows) >= count]
    found = []
    for name, rows in tracks:
        cosine, place, length = nearest(rows, vectors)
        found.append((len(rows), name, owners[place], cosine, length))
    return found, len(vectors)


def shares(found, threshold, power):
    """(strangers named, enrolled named right, wrong), in percent"""
    strangers = [1 - cosine * length ** power <= threshold for _, name, _, cosine, length in found if name is None]
    known = [1 - cosine * length ** power <= threshold and (name == nearest_to) - (name != nearest_to)
             for _, name, nearest_to, cosine, length in found if name is not None]
    return (100 * accuracy.mean(strangers), 100 * known.count(1) / len(known), 100 * known.count(-1) / len(known))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--weights", default=os.environ.get("TRIPLETEMBED_MODEL"), help="default: $TRIPLETEMBED_MODEL")
    ap.add_argument("--work", metavar="FOLDER")
    args = ap.parse_args()
    if not args.weights:
        ap.error("no weights: set TRIPLETEMBED_MODEL, or run it under ./run exec")
    if not os.path.exists(accuracy.PAIRS):
        print(f"no data in {accuracy.DATA} (TRIPLETEMBED_DATA)", file=sys.stderr)
        return 77
    with tempfile.TemporaryDirectory() as scratch:
        work = args.work or scratch
        os.makedirs(work, exist_ok=True)
        bench = accuracy.Bench(args.weights, work)
        faces = bench.people("lfw-test")
        embeddings = os.path.join(work, "lfw-test-embeddings.safetensors")
        bench.evaluate("--data", faces, "--embeddings", embeddings)
        table = json.loads(bench.run("inspect", args.weights, "--json"))["weights"]["far_table"]["points"]
        people = {}
        for row, source in zip(accuracy.read_rows(embeddings), accuracy.sources_of(faces)):
            people.setdefault(source.split("/")[-2], []).append(list(row))
    found, vectors = [], 0
    for seed in range(1, DRAWS + 1):
        one, vectors = draw(people, random.Random(seed))
        found += one
    print("| `far` | photographs of a track | tracks of strangers, of the enrolled | power 0: strangers named / right / wrong | "
          "power 1 | power 0.5 |\n|---|--:|--:|--:|--:|--:|")
    for far in accuracy.FARS:
        threshold = accuracy.threshold_at(table, far, vectors)
        for count in TRACKS:
            these = [track for track in found if track[0] == count]
            strangers = sum(track[1] is None for track in these)
            cells = ["{:.2f} / {:.1f} / {:.2f} %".format(*shares(these, threshold, power)) for power in POWERS]
            print(f"| {far} | {count} | {strangers:,}, {len(these) - strangers:,} | {' | '.join(cells)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
