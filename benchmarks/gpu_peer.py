#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The peer of gpu-bench: the same network from the same weights file by torch.compile (max-autotune), channels-last, in
bfloat16. Prints one JSON object. `--eager` leaves the compiler out and runs on any device.

usage: gpu_peer.py WEIGHTS.safetensors [--eager] [--device cuda] [--batch 256]"""
import argparse
import json
import statistics
import sys
import time

import torch
from torch import nn

from resnet import load


class FromCrops(nn.Module):
    """uint8 crops [N, H, W, C] → [N, 128] float32: what gpu-bench does, so that both start from the same bytes."""

    def __init__(self, network, dtype):
        super().__init__()
        self.network, self.dtype = network, dtype

    def forward(self, crops):
        return self.network(crops.permute(0, 3, 1, 2).to(self.dtype)).float()


def median_rate(work, faces, device, rounds=7):
    rates = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        work()
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        rates.append(faces / (time.perf_counter() - start))
    return statistics.median(rates[1:])


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("weights")
    ap.add_argument("--eager", action="store_true")
    ap.add_argument("--device", default="cuda")
    ap.add_argument("--batch", type=int, default=256)
    ap.add_argument("--passes", type=int, default=50)
    args = ap.parse_args()
    if args.device.startswith("cuda") and not torch.cuda.is_available():
        print("gpu_peer.py: no usable GPU: PyTorch sees no CUDA device", file=sys.stderr)
        sys.exit(77)
    torch.manual_seed(1)
    reference = FromCrops(load(args.weights), torch.float32)
    spec = reference.network.picture
    network = FromCrops(load(args.weights), torch.bfloat16).to(args.device, torch.bfloat16)
    network = network.to(memory_format=torch.channels_last)
    run = network if args.eager else torch.compile(network, mode="max-autotune")
    crops = torch.randint(0, 256, (args.batch, spec["height"], spec["width"], spec["channels"]), dtype=torch.uint8)
    there = crops.to(args.device)
    results = {"torch": torch.__version__, "triton": None}
    try:
        import triton
        results["triton"] = triton.__version__
    except ImportError:
        pass
    with torch.inference_mode():
        start = time.perf_counter()
        values = run(there).cpu()
        results["compile_s"] = time.perf_counter() - start
        few = min(8, args.batch)
        expected = reference(crops[:few])
        results["cosine"] = nn.functional.cosine_similarity(values[:few], expected).min().item()

        def on_device():
            for _ in range(args.passes):
                run(there)

        def from_host():
            for _ in range(args.passes):
                run(crops.to(args.device)).cpu()

        results["network_256"] = median_rate(on_device, args.passes * args.batch, args.device)
        results["stream_256"] = median_rate(from_host, args.passes * args.batch, args.device)
    print(json.dumps(results, indent=2))


main()
