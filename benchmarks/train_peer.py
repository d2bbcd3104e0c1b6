#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The peer of benchmarks/training.py: the same network trained by PyTorch with pytorch-metric-learning's batch-hard
triplets. Prints one JSON object. Data lie in memory and are not augmented: nothing is timed but the training."""
import argparse
import json
import resource
import time

import torch
from pytorch_metric_learning import distances, losses, miners

from resnet import ResNet18V2


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--identities", type=int, required=True)
    ap.add_argument("--each", type=int, required=True)
    ap.add_argument("--size", type=int, required=True)
    ap.add_argument("--seconds", type=float, required=True)
    ap.add_argument("--threads", type=int, required=True)
    ap.add_argument("--precision", choices=["fp32", "bf16"], required=True)
    ap.add_argument("--device", default="cpu")
    args = ap.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(args.threads)
    people = max(64, 2 * args.identities)
    images = torch.randint(0, 256, (people * args.each, 3, args.size, args.size), dtype=torch.uint8)
    labels = torch.arange(people).repeat_interleave(args.each)
    network = ResNet18V2(3).to(args.device).to(memory_format=torch.channels_last)
    network.train()
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4)
    distance = distances.CosineSimilarity()
    loss_of, mine = losses.TripletMarginLoss(margin=0.3, distance=distance), miners.BatchHardMiner(distance=distance)
    steps, start = 0, None
    while start is None or time.perf_counter() - start < args.seconds:
        chosen = torch.randperm(people)[:args.identities]
        rows = (chosen.unsqueeze(1) * args.each + torch.arange(args.each)).flatten()
        batch = images[rows].to(args.device).float().div_(255).to(memory_format=torch.channels_last)
        who = labels[rows].to(args.device)
        with torch.autocast(args.device.split(":")[0], torch.bfloat16, enabled=args.precision == "bf16"):
            values = network(batch)
        values = values.float()
        loss = loss_of(values, who, mine(values, who))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        steps += 1
        if start is None and steps == 3:  # The first steps choose kernels and fill caches.
            start, steps = time.perf_counter(), 0
        loss.item()  # As a progress line would.
    seconds = time.perf_counter() - start
    print(json.dumps({"images_per_second": steps * args.identities * args.each / seconds, "torch": torch.__version__,
                      "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "steps": steps}))


main()
