#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes evaluator_golden.h: the measures of training/measure/evaluator.h by their definitions, in plain double precision.

    python3 evaluator_golden.py > evaluator_golden.h

Everything is counted pair by pair and threshold by threshold: slow, and with no idea in common with the C++ code.
"""
import math
import random

FARS = (0.1, 0.01, 0.001)


def f32(value):
    """Rounded to a multiple of 1/64: exact in float32 and in few characters."""
    return round(value * 64) / 64


def distances(seed, genuine, impostor):
    rng = random.Random(seed)
    near = [f32(abs(rng.gauss(0.8, 0.4))) for _ in range(genuine)]
    far = [f32(abs(rng.gauss(1.6, 0.4))) for _ in range(impostor)]
    return near, far


def measures(near, far):
    auc = sum(1.0 if g < i else 0.5 if g == i else 0.0 for g in near for i in far) / (len(near) * len(far))
    thresholds = sorted(set(near + far))
    best = max([len(far)] + [sum(g <= t for g in near) + sum(i > t for i in far) for t in thresholds])
    points = [(0.0, 1.0)] + [(sum(i <= t for i in far) / len(far), sum(g > t for g in near) / len(near))
                             for t in thresholds]
    eer = None
    for (far0, frr0), (far1, frr1) in zip(points, points[1:]):
        if far1 >= frr1:  # the lines of the two rates between the thresholds cross here
            part = (frr0 - far0) / ((frr0 - far0) + (far1 - frr1))
            eer = far0 + part * (far1 - far0)
            break
    tar = []
    for rate in FARS:
        allowed = [t for t in thresholds if sum(i <= t for i in far) <= rate * len(far) + 1e-9]
        tar.append(sum(g <= allowed[-1] for g in near) / len(near) if allowed else 0.0)
    return auc, eer, best / (len(near) + len(far)), tar


def embeddings(seed, count, classes):
    rng = random.Random(seed)
    centres = [[rng.gauss(0, 1) for _ in range(4)] for _ in range(classes)]
    rows = []
    for row in range(count):
        centre = centres[row % classes]
        rows.append([f32(c + rng.gauss(0, 0.8)) for c in centre])
    return rows, [row % classes for row in range(count)]


def distance(metric, a, b):
    if metric == "L1":
        return sum(abs(x - y) for x, y in zip(a, b))
    squared = sum((x - y) ** 2 for x, y in zip(a, b))
    if metric == "SquaredL2":
        return squared
    if metric == "L2":
        return math.sqrt(squared)
    lengths = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
    return 1 - sum(x * y for x, y in zip(a, b)) / lengths


def numbers(values):
    return ", ".join(repr(float(v)) for v in values)


def main():
    print("// SPDX-License-Identifier: LGPL-2.1-or-later")
    print("// Written by evaluator_golden.py; do not edit.")
    print("#pragma once\n\n#include <array>\n#include <vector>\n")
    print("#include \"embed/embedding.h\"\n")
    print("// clang-format off")
    print("namespace golden {\n")
    print("struct RocCase { std::vector<float> genuine, impostor; double auc, eer, best_accuracy; std::array<double, 3> tar; };")
    print("// tar at false-accept rates " + ", ".join(str(rate) for rate in FARS))
    print("inline const std::vector<RocCase> kRocCases = {")
    for seed, genuine, impostor in ((1, 40, 60), (2, 25, 200), (3, 1, 1), (4, 60, 20)):
        near, far = distances(seed, genuine, impostor)
        auc, eer, best, tar = measures(near, far)
        print("  {{%s},\n   {%s},\n   %r, %r, %r, {%s}}," % (numbers(near), numbers(far), auc, eer, best, numbers(tar)))
    print("};\n")
    rows, labels = embeddings(7, 24, 4)
    print("// Rows of four values (the other 124 are zero).")
    print("inline const std::vector<std::array<float, 4>> kRows = {")
    for row in rows:
        print("  {%s}," % numbers(row))
    print("};")
    print("inline const std::vector<long long> kLabels = {%s};\n" % ", ".join(map(str, labels)))
    print("struct MetricCase { embed::Metric metric; double genuine_sum, impostor_sum, leave_one_out, nearest; };")
    print("// nearest: rows 12 to 23 asked, rows 0 to 11 known")
    print("inline const std::vector<MetricCase> kMetricCases = {")
    for metric in ("L1", "L2", "SquaredL2", "Cosine"):
        pairs = [(i, j) for i in range(len(rows)) for j in range(i + 1, len(rows))]
        sums = [sum(distance(metric, rows[i], rows[j]) for i, j in pairs if (labels[i] == labels[j]) == same)
                for same in (True, False)]
        one_out = sum(labels[min((j for j in range(len(rows)) if j != i),
                                 key=lambda j: distance(metric, rows[i], rows[j]))] == labels[i]
                      for i in range(len(rows))) / len(rows)
        nearest = sum(labels[min(range(12), key=lambda j: distance(metric, rows[i], rows[j]))] == labels[i]
                      for i in range(12, 24)) / 12
        print("  {embed::Metric::%s, %r, %r, %r, %r}," % (metric, sums[0], sums[1], one_out, nearest))
    print("};\n")
    triplets = [(i, (i + 4) % 24, (i + 1) % 24) for i in range(24)]
    correct = sum(distance("SquaredL2", rows[a], rows[p]) <= distance("SquaredL2", rows[a], rows[n])
                  for a, p, n in triplets)
    means = [sum(row[d] for row in rows) / 24 for d in range(4)]
    spread = sum(math.sqrt(sum((row[d] - means[d]) ** 2 for row in rows) / 24) for d in range(4)) / 128
    print("// Triplets (i, i + 4, i + 1) modulo 24, squared L2.")
    print("inline constexpr std::size_t kTripletsCorrect = %d;" % correct)
    print("inline constexpr double kSpread = %r;\n" % spread)
    print("}  // namespace golden")


if __name__ == "__main__":
    main()
