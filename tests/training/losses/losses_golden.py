#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes losses_golden.h: losses by their definitions, triplet by triplet, with gradients from PyTorch's autograd, and
the paths of torch.optim's optimisers. Needs PyTorch; shares no code with the C++.

    python3 losses_golden.py > losses_golden.h
"""
import torch

torch.set_default_dtype(torch.float64)
LABELS = [0, 0, 0, 1, 1, 2, 3]  # class 2 and 3 have one row each: never an anchor with a positive
ROWS, WIDTH, CLASSES = len(LABELS), 5, 4
MARGIN = 0.7
CONTRASTIVE_MARGIN = 3.0


def quantised(generator, *shape):
    """Multiples of 1/64: exact in float32."""
    return (torch.randn(*shape, generator=generator) * 64).round() / 64


def distance(metric, a, b):
    if metric == "L1":
        return (a - b).abs().sum()
    if metric == "L2":
        return ((a - b) ** 2).sum().sqrt()
    if metric == "SquaredL2":
        return ((a - b) ** 2).sum()
    return 1 - (a @ b) / (a.norm() * b.norm())


def hinge(positive, negative, soft):
    x = positive - negative
    return torch.log(1 + torch.exp(x)) if soft else torch.clamp(x + MARGIN, min=0)


def anchors_with(values, metric):
    """For each anchor: distances to its positives and to its negatives."""
    for a in range(ROWS):
        positives = [distance(metric, values[a], values[p]) for p in range(ROWS) if p != a and LABELS[p] == LABELS[a]]
        negatives = [distance(metric, values[a], values[n]) for n in range(ROWS) if LABELS[n] != LABELS[a]]
        if positives and negatives:
            yield positives, negatives


def mined(values, miner, metric, soft):
    terms = []
    for positives, negatives in anchors_with(values, metric):
        if miner == "BatchHard":
            terms.append(hinge(max(positives), min(negatives), soft))
        for positive in positives:
            if miner == "SemiHard":
                farther = [n for n in negatives if n > positive]
                terms.append(hinge(positive, min(farther) if farther else max(negatives), soft))
            elif miner in ("BatchAll", "AllHard"):
                terms += [(hinge(positive, negative, soft), bool(negative < positive)) for negative in negatives]
    if miner == "AllHard":
        active = sum(hard for _, hard in terms) / len(terms)
        terms = [term for term, hard in terms if hard]
        return sum(terms) / len(terms), active
    if miner == "BatchAll":
        terms = [term for term, _ in terms]
    active = sum(float(t) > 0 for t in terms) / len(terms)
    if miner == "BatchAll":
        terms = [t for t in terms if float(t) > 0]
    return sum(terms) / len(terms), active


def numbers(tensor):
    return "{" + ", ".join(repr(float(x)) for x in tensor.detach().reshape(-1)) + "}"


def print_mined(base):
    print("struct MinedCase { Miner miner; embed::Metric metric; bool soft; double loss, active; std::vector<double> gradient; };")
    print("inline const std::vector<MinedCase> kMined = {")
    for miner in ("BatchHard", "SemiHard", "BatchAll", "AllHard"):
        for metric in ("SquaredL2", "L2", "Cosine", "L1"):
            for soft in (False, True):
                values = base.clone().requires_grad_(True)
                loss, active = mined(values, miner, metric, soft)
                loss.backward()
                print(f"  {{Miner::{miner}, embed::Metric::{metric}, {str(soft).lower()}, {float(loss)!r}, {active!r}, "
                      f"{numbers(values.grad)}}},")
    print("};\n")


def print_contrastive(base):
    print("struct ContrastiveCase { embed::Metric metric; double loss, active; std::vector<double> gradient; };")
    print("inline const std::vector<ContrastiveCase> kContrastive = {")
    for metric in ("SquaredL2", "L2", "Cosine", "L1"):
        values = base.clone().requires_grad_(True)
        near, far, all_far = [], [], 0
        for a in range(ROWS):
            for b in range(ROWS):
                if a == b:
                    continue
                d = distance(metric, values[a], values[b])
                if LABELS[a] == LABELS[b]:
                    near.append(d if metric == "SquaredL2" else d * d)
                    continue
                all_far += 1
                gap = CONTRASTIVE_MARGIN - (torch.sqrt(d) if metric == "SquaredL2" else d)
                if float(gap) > 0:
                    far.append(gap * gap)
        loss = sum(near) / len(near) + (sum(far) / len(far) if far else 0)
        loss.backward()
        print(f"  {{embed::Metric::{metric}, {float(loss)!r}, {len(far) / all_far!r}, {numbers(values.grad)}}},")
    print("};\n")


def print_classes(generator, base):
    weight = quantised(generator, CLASSES, WIDTH)
    bias = quantised(generator, CLASSES)
    print(f"inline const std::vector<double> kClassWeight = {numbers(weight)};")
    print(f"inline const std::vector<double> kClassBias = {numbers(bias)};")
    print("struct ClassCase { double margin, loss; std::vector<double> gradient, weight_gradient; };")
    labels = torch.tensor(LABELS)
    for name in ("CosFace", "Softmax"):
        print(f"inline const std::vector<ClassCase> k{name} = {{")
        for margin in (0.0, 0.25):
            values, trained = base.clone().requires_grad_(True), weight.clone().requires_grad_(True)
            if name == "CosFace":
                cosines = (values / values.norm(dim=1, keepdim=True)) @ (trained / trained.norm(dim=1, keepdim=True)).T
                for row, label in enumerate(LABELS):
                    cosines = cosines - margin * torch.outer(torch.eye(ROWS)[row], torch.eye(CLASSES)[label])
                logits = 8 * cosines
            else:
                logits = values @ trained.T + bias
            loss = torch.nn.functional.cross_entropy(logits, labels)
            loss.backward()
            print(f"  {{{margin}, {float(loss)!r}, {numbers(values.grad)}, {numbers(trained.grad)}}},")
        print("};\n")


def print_optimisers(generator):
    start = quantised(generator, 4)
    gradients = [quantised(generator, 4) for _ in range(6)]
    print(f"inline const std::vector<double> kStart = {numbers(start)};")
    print("inline const std::vector<std::vector<double>> kGradients = {" + ", ".join(numbers(g) for g in gradients) + "};")
    print("struct OptimizerCase { OptimizerKind kind; double lr, momentum, weight_decay; bool nesterov; std::vector<double> end; };")
    print("inline const std::vector<OptimizerCase> kOptimizers = {")
    for kind, lr, momentum, decay, nesterov in (("Sgd", 0.1, 0.0, 0.0, False), ("Sgd", 0.1, 0.9, 0.01, False),
                                                ("Sgd", 0.05, 0.8, 0.02, True), ("AdamW", 0.01, 0.0, 0.0, False),
                                                ("AdamW", 0.02, 0.0, 0.1, False)):
        value = start.clone().requires_grad_(True)
        optimiser = (torch.optim.SGD([value], lr=lr, momentum=momentum, weight_decay=decay, nesterov=nesterov)
                     if kind == "Sgd" else torch.optim.AdamW([value], lr=lr, weight_decay=decay))
        for gradient in gradients:
            value.grad = gradient.clone()
            optimiser.step()
        print(f"  {{OptimizerKind::{kind}, {lr}, {momentum}, {decay}, {str(nesterov).lower()}, {numbers(value)}}},")
    print("};\n")


def main():
    generator = torch.Generator().manual_seed(7)
    base = quantised(generator, ROWS, WIDTH)
    print("// SPDX-License-Identifier: LGPL-2.1-or-later")
    print("// Written by losses_golden.py; do not edit.")
    print('#pragma once\n\n#include <cstdint>\n#include <vector>\n\n#include "options/train_options.h"\n')
    print("// clang-format off\nnamespace training::golden {\n")
    print(f"constexpr std::int64_t kRows = {ROWS}, kWidth = {WIDTH}, kClasses = {CLASSES};")
    print(f"constexpr double kMargin = {MARGIN}, kContrastiveMargin = {CONTRASTIVE_MARGIN}, kScale = 8;")
    print("inline const std::vector<std::int64_t> kLabels = {" + ", ".join(map(str, LABELS)) + "};")
    print(f"inline const std::vector<double> kValues = {numbers(base)};\n")
    print_mined(base)
    print_contrastive(base)
    print_classes(generator, base)
    print_optimisers(generator)
    print("}  // namespace training::golden\n// clang-format on")


if __name__ == "__main__":
    main()
