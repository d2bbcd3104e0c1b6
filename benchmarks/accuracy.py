#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How right a weights file's names are, on people whom nobody trained on: one table.

usage: accuracy.py [--weights FILE] [--work FOLDER] [--parts pairs,people,crowds,sizes,groups,rejections]      (under ./run exec)

pairs   LFW's pairsDevTest, and all pairs of view 1's test people
people  50 people enrolled with three photographs and 10 with one, three others of each to be named and 300 strangers among
        them (means of 20 draws); and how many strangers are named where `far` says 0.001, 0.01 and 0.05
crowds  how many strangers are named where `far` says 0.001, 0.01 and 0.05 and 10, 50 or 500 of LFW's test people are
        enrolled with one photograph or more, as LFW has them; a person's last photograph but the only one is to be named
sizes   pairsDevTest with faces of 48, 32, 24 and 16 pixels
groups  how often two of FairFace's held-out strangers (folders 18 to 20) of one group, gender and age are taken for one
        person, at the weights' threshold for one comparison
rejections   what one rejection for each of the 200 hardest pairs of strangers does: repeats that stay unnamed, true names lost

The data are read from TRIPLETEMBED_DATA (default ../shared/data). FOLDER keeps the packed faces. The exit status is 77
where the data are missing.
"""
import argparse
import array
import csv
import itertools
import json
import math
import operator
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

DATA = os.environ.get("TRIPLETEMBED_DATA") or os.path.join(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "..", "shared", "data")
PROTOCOL = os.path.join(DATA, "lfw-protocol")
PAIRS = os.path.join(PROTOCOL, "pairsDevTest.txt")
DETECTOR = os.path.join(DATA, "models", "face_detection_yunet_2023mar.onnx")
HELD_OUT = ("18", "19", "20")
AGES = {"0-2": "0-19", "3-9": "0-19", "10-19": "0-19", "20-29": "20-39", "30-39": "20-39", "40-49": "40-59", "50-59": "40-59",
        "60-69": "60+", "more than 70": "60+"}
# Rates of smaller groups would be chance.
FEWEST_PAIRS = 1000
FARS = (0.001, 0.01, 0.05)
CROWDS = (10, 50, 500)
DRAWS = 20


class Bench:
    def __init__(self, weights, work):
        self.weights, self.work = weights, work

    def run(self, *args):
        return subprocess.run(["triplet-train", *map(str, args)], check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True).stdout

    def evaluate(self, *args):
        return json.loads(self.run("evaluate", "--weights", self.weights, *args, "--json"))

    def packed(self, name, *args):
        """A set that is packed once for these weights."""
        path = os.path.join(self.work, name + ".safetensors")
        if not os.path.exists(path):
            self.run("pack", "--weights", self.weights, "--out", path, *args)
        return path

    def people(self, name, *args):
        return self.packed(name, "--detect", "--detector-model", DETECTOR, "--fallback", "centre", "--people",
                           os.path.join(PROTOCOL, "peopleDevTest.txt"), *args, os.path.join(DATA, "lfw"))

    def pairs(self):
        for flags, title in (([], "pairsDevTest"), (["--flip"], "… with the mirrored picture")):
            found = self.evaluate("--pairs", PAIRS, "--images", os.path.join(DATA, "lfw"), "--detector-model", DETECTOR,
                                  "--bootstrap", 1000, *flags)
            print(f"| {title}: accuracy / AUC / TAR at 1 % | {found['accuracy']:.3f} / {found['auc']:.4f} / "
                  f"{found['tar_at_far']['0.01']:.3f} |")
            print_intervals(found)
        found = self.evaluate("--data", self.people("lfw-test"), "--bootstrap", 200)
        print(f"| all {found['impostor_pairs'] + found['genuine_pairs']:,} pairs: EER / AUC | {100 * found['eer']:.1f} % / "
              f"{found['auc']:.4f} |")
        rates = " / ".join(f"{found['tar_at_far'][rate]:.3f}" for rate in ("0.01", "0.001", "0.0001"))
        print(f"| … TAR at 1 % / 0.1 % / 0.01 % | {rates} |")
        print_intervals(found)

    def named(self):
        for people, photographs in ((50, 3), (10, 1), (200, 3), (500, 1)):
            try:
                found = self.evaluate("--data", self.people("lfw-test"), "--identification", people, photographs)
            except subprocess.CalledProcessError:
                continue  # The set has no such crowd.
            found = found["identification"]
            rates, probes = found["at_1_percent_of_strangers"], found["probes"]
            print(f"| {people} people × {photographs}, {probes} others; right / wrong at 1 % of {found['strangers']} strangers "
                  f"named | {probes * rates['right']:.1f} / {probes * rates['wrong']:.1f} |")
            for far, by_rule in found.get("by_far", {}).items():
                print(f"| … with far={far}: strangers named / right / wrong | {100 * by_rule['strangers_named']:.2f} % / "
                      f"{probes * by_rule['right']:.1f} / {probes * by_rule['wrong']:.1f} |")

    def crowds(self):
        embeddings = os.path.join(self.work, "lfw-test-embeddings.safetensors")
        faces = self.people("lfw-test")
        self.evaluate("--data", faces, "--embeddings", embeddings)
        people = {}
        for row, source in zip(read_rows(embeddings), sources_of(faces)):
            people.setdefault(source.split("/")[-2], []).append(list(row))
        table = json.loads(self.run("inspect", self.weights, "--json"))["weights"]["far_table"]["points"]
        for size in CROWDS:
            draws = [crowd(people, size, table, random.Random(seed)) for seed in range(1, DRAWS + 1)]
            vectors, others = (mean([one[what] for one in draws]) for what in ("vectors", "others"))
            print(f"| {size} people with 1 or more photographs each, {vectors:,.0f} vectors, {others:.0f} others, "
                  f"{len(people) - size:,} strangers: means of {DRAWS} draws | |")
            for far in FARS:
                named, right, wrong = zip(*(one[far] for one in draws))
                print(f"| … with far={far}: strangers named (least to most of the draws), times far / right / wrong | "
                      f"{100 * mean(named):.3f} % ({100 * min(named):.2f} to {100 * max(named):.2f} %), "
                      f"{mean(named) / far:.2f} / {100 * mean(right) / others:.1f} % / {100 * mean(wrong) / others:.1f} % |",
                      flush=True)

    def sizes(self):
        for size in (48, 32, 24, 16):
            found = self.evaluate("--pairs", PAIRS, "--images", self.people(f"lfw-test-{size}", "--face-size", size))
            print(f"| pairsDevTest with faces of {size} pixels: accuracy / AUC | {found['accuracy']:.3f} / {found['auc']:.4f} |")

    def rejections(self):
        sets = [self.people("lfw-test"), self.people("lfw-test-48", "--face-size", 48)]
        embeddings = [path.replace(".safetensors", "-embeddings.safetensors") for path in sets]
        for faces, out in zip(sets, embeddings):
            self.evaluate("--data", faces, "--embeddings", out)
        sys.stdout.flush()
        build = os.path.join(os.path.dirname(shutil.which("triplet-train")), "..", "..")
        subprocess.run([os.path.join(build, "benchmarks", "rejections"), self.weights, *embeddings], check=True)

    def groups(self):
        folder = os.path.join(self.work, "held-out")
        os.makedirs(folder, exist_ok=True)
        for name in HELD_OUT:
            if not os.path.lexists(os.path.join(folder, name)):
                os.symlink(os.path.abspath(os.path.join(DATA, "fairface", name)), os.path.join(folder, name))
        faces = self.packed("fairface", "--as-cut", folder)
        vectors = os.path.join(self.work, "fairface-embeddings.safetensors")
        self.evaluate("--data", faces, "--embeddings", vectors)
        threshold = float(json.loads(self.run("inspect", self.weights, "--json"))["weights"]["threshold"])
        rates = group_rates(read_rows(vectors), sources_of(faces), groups_of(os.path.join(DATA, "fairface", "labels.csv")),
                            1 - threshold)
        mean = sum(rate for rate, _ in rates.values()) / len(rates)
        for name, (rate, pairs) in sorted(rates.items(), key=lambda item: -item[1][0])[:5]:
            print(f"| strangers taken for one person among {name} ({pairs:,} pairs) | {100 * rate:.2f} %, {rate / mean:.1f} × "
                  "the mean |")
        print(f"| … mean of {len(rates)} groups / least | {100 * mean:.2f} % / {100 * min(rates.values())[0]:.2f} % |")


def print_intervals(found):
    """The 95 % intervals that evaluate gives, of pairs or of people drawn anew."""
    intervals = found["intervals_95"]
    rates = intervals.get("tar_at_far", {})
    named = [(name, intervals[name]) for name in ("accuracy", "auc", "eer") if name in intervals]
    named += [(f"TAR at {rate}", rates[rate]) for rate in ("0.01", "0.001") if rates.get(rate)]
    print("| … 95 % intervals | " + ", ".join(f"{name} {low:.3f} to {high:.3f}" for name, (low, high) in named) + " |")


def mean(values):
    return sum(values) / len(values)


def threshold_at(table, far, vectors):
    """The distance up to which a stranger has the chance `far` of a name among so many vectors: FarTable::threshold()."""
    one = -math.expm1(math.log1p(-far) / vectors)
    after = 1
    while after + 1 < len(table) and table[after][0] > one:
        after += 1
    (far_a, a), (far_b, b) = table[after - 1], table[after]
    return max(0.0, a + math.log(one / far_a) / math.log(far_b / far_a) * (b - a))


def direction_of(rows):
    """The mean, with length 1."""
    sums = list(map(sum, zip(*rows)))
    length = math.sqrt(sum(value * value for value in sums))
    return [value / length for value in sums]


def crowd(people, size, table, rng):
    """One draw: {far: (share of strangers named, number of the others named right, wrong), "vectors": in the gallery,
    "others": photographs to be named} of {name: vectors of length 1}, with the gallery of the stream: rows and means."""
    enrolled = set(rng.sample(sorted(people), size))
    names, vectors, others, strangers = [], [], [], []
    for name in sorted(people):
        rows = rng.sample(people[name], len(people[name]))
        if name not in enrolled:
            strangers.append(rows[0])
            continue
        if len(rows) > 1:
            others.append((name, rows.pop()))
        if len(rows) > 1:
            rows.append(direction_of(rows))
        vectors += rows
        names += [name] * len(rows)

    def nearest(row):
        cosines = [sum(map(operator.mul, row, vector)) for vector in vectors]
        best = max(cosines)
        return 1 - best, names[cosines.index(best)]

    known = [(name, *nearest(row)) for name, row in others]
    distances = [nearest(row)[0] for row in strangers]
    found = {"vectors": len(vectors), "others": len(others)}
    for far in FARS:
        limit = threshold_at(table, far, len(vectors))
        taken = [name == given for name, distance, given in known if distance <= limit]
        found[far] = (sum(distance <= limit for distance in distances) / len(distances), sum(taken), len(taken) - sum(taken))
    return found


def header_of(path):
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        return json.loads(file.read(size)), 8 + size


def sources_of(path):
    return json.loads(header_of(path)[0]["__metadata__"]["sources"])


def read_rows(path):
    """The embeddings, row by row."""
    header, start = header_of(path)
    begin, end = header["embeddings"]["data_offsets"]
    with open(path, "rb") as file:
        file.seek(start + begin)
        values = array.array("f", file.read(end - begin))
    width = header["embeddings"]["shape"][1]
    return [values[i:i + width] for i in range(0, len(values), width)]


def groups_of(path):
    """{file: "group, gender, age"}"""
    with open(path, newline="", encoding="utf-8") as file:
        return {row["file"]: f"{row['race']}, {row['gender']}, {AGES.get(row['age'], row['age'])}" for row in csv.DictReader(file)}


def group_rates(rows, sources, group_of, cosine):
    """{group: (share of its pairs at or above that cosine, pairs)}, of vectors of length 1"""
    members = {}
    for row, source in zip(rows, sources):
        name = group_of.get("/".join(source.split("/")[-2:]))
        if name is not None:
            members.setdefault(name, []).append(row)
    rates = {}
    for name, group in members.items():
        pairs = len(group) * (len(group) - 1) // 2
        if pairs < FEWEST_PAIRS:
            continue
        alike = sum(sum(map(float.__mul__, a, b)) >= cosine for a, b in itertools.combinations(map(list, group), 2))
        rates[name] = (alike / pairs, pairs)
    return rates


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1], description=__doc__.split("\n\n")[0])
    parser.add_argument("--weights", default=os.environ.get("TRIPLETEMBED_MODEL"))
    parser.add_argument("--work")
    parser.add_argument("--parts", default="pairs,people,crowds,sizes,groups,rejections")
    args = parser.parse_args()
    if not args.weights:
        sys.exit("--weights: a weights file, or TRIPLETEMBED_MODEL, expected")
    parts = {"pairs": Bench.pairs, "people": Bench.named, "crowds": Bench.crowds, "sizes": Bench.sizes, "groups": Bench.groups,
             "rejections": Bench.rejections}
    wanted = args.parts.split(",")
    for name in wanted:
        if name not in parts:
            sys.exit(f"--parts: '{name}' is unknown; one of: {', '.join(parts)}")
    if not os.path.exists(PAIRS):
        print(f"no data in {DATA} (TRIPLETEMBED_DATA)", file=sys.stderr)
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        work = args.work or folder
        os.makedirs(work, exist_ok=True)
        bench = Bench(args.weights, work)
        print("| measure | value |\n|---|---:|")
        for name in wanted:
            parts[name](bench)


if __name__ == "__main__":
    main()
