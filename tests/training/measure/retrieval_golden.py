#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes retrieval_golden.h: P@1, R-precision and MAP@R as pytorch-metric-learning computes them, the AUC and the top-k
accuracies as scikit-learn does, for made-up rows.

    pip install torch pytorch-metric-learning scikit-learn faiss-cpu
    python3 retrieval_golden.py > retrieval_golden.h
"""
import random
import warnings

import numpy as np
import torch
from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
from sklearn.metrics import pairwise_distances, roc_auc_score
from sklearn.neighbors import NearestNeighbors

SIZES = (2, 3, 5, 8, 13, 21, 1)  # the last class has one row: it distracts, and asks nothing
RANKS = (1, 5, 10)


def main():
    warnings.simplefilter("ignore")
    rng = random.Random(11)
    rows, labels = [], []
    for label, size in enumerate(SIZES):
        centre = [rng.gauss(0, 1) for _ in range(4)]
        for _ in range(size):
            rows.append([round((c + rng.gauss(0, 0.9)) * 64) / 64 for c in centre])
            labels.append(label)
    values, marks = np.array(rows), np.array(labels)
    wanted = ("precision_at_1", "r_precision", "mean_average_precision_at_r")
    found = AccuracyCalculator(include=wanted, k="max_bin_count").get_accuracy(
        torch.tensor(values, dtype=torch.float32), torch.tensor(marks), ref_includes_query=True)
    order = NearestNeighbors(n_neighbors=len(rows)).fit(values).kneighbors(values, return_distance=False)
    asks = [i for i in range(len(rows)) if SIZES[labels[i]] > 1]
    ranks = [np.mean([any(marks[j] == marks[i] for j in order[i][order[i] != i][:k]) for i in asks]) for k in RANKS]
    distances = pairwise_distances(values)
    upper = np.triu_indices(len(rows), 1)
    auc = roc_auc_score(marks[upper[0]] == marks[upper[1]], -distances[upper])
    triplets = correct = 0
    for a in asks:
        for p in range(len(rows)):
            if p == a or labels[p] != labels[a]:
                continue
            for n in range(len(rows)):
                if labels[n] != labels[a]:
                    triplets += 1
                    correct += distances[a][p] <= distances[a][n]
    print("// SPDX-License-Identifier: LGPL-2.1-or-later")
    print("// Written by retrieval_golden.py; do not edit.")
    print("#pragma once\n\n#include <array>\n#include <cstdint>\n#include <vector>\n")
    print("// clang-format off\nnamespace golden {\n")
    print("// Rows of four values (the other 124 are zero).")
    print("inline const std::vector<std::array<float, 4>> kRetrievalRows = {")
    for row in rows:
        print("  {" + ", ".join(repr(v) for v in row) + "},")
    print("};")
    print("inline const std::vector<std::int64_t> kRetrievalLabels = {" + ", ".join(map(str, labels)) + "};")
    print("// By pytorch-metric-learning, L2.")
    for name, key in zip(("kPrecisionAt1", "kRPrecision", "kMapAtR"), wanted):
        print(f"inline constexpr double {name} = {float(found[key])!r};")
    print("// By scikit-learn, L2.")
    print("inline constexpr std::array<double, 3> kRankRates = {" + ", ".join(repr(float(r)) for r in ranks) + "};")
    print(f"inline constexpr double kAuc = {float(auc)!r};")
    print("// Counted one by one.")
    print(f"inline constexpr std::uint64_t kAllTriplets = {triplets}, kAllTripletsCorrect = {int(correct)};")
    print("\n}  // namespace golden\n// clang-format on")


if __name__ == "__main__":
    main()
