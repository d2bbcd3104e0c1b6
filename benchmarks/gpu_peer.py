#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The peer of gpu-bench: the same network from the same weights file by torch.compile, channels-last, in bfloat16. Prints
a line with one JSON object for each figure, as soon as it is known: that figure and all before it, so that a time limit
takes none of them away. First comes a compilation that leaves the convolutions to cuDNN, which is done in half a minute,
then mode="max-autotune", which tries Triton's too; the faster of the two is the peer. `--eager` leaves the compiler out and
runs on any device.

usage: gpu_peer.py WEIGHTS.safetensors [--eager] [--device cuda] [--batch 256]"""
import argparse
import json
import statistics
import sys
import time

import torch
from torch import nn

from resnet import load

# What torch.compile is called with. The first is max-autotune without its slow parts: Triton's convolutions, and
# coordinate descent, which tunes the passes over memory one by one.
CUDNN_ONLY = {"options": {"triton.cudagraphs": True, "max_autotune": True, "max_autotune_conv_backends": "ATEN",
                          "max_autotune_gemm_backends": "ATEN"}}
WAYS = [("max-autotune, cuDNN's convolutions", CUDNN_ONLY), ("max-autotune", {"mode": "max-autotune"})]


class FromCrops(nn.Module):
    """uint8 crops [N, H, W, C] → [N, 128] float32: what gpu-bench does, so that both start from the same bytes."""

    def __init__(self, network, dtype):
        super().__init__()
        self.network, self.dtype = network, dtype

    def forward(self, crops):
        return self.network(crops.permute(0, 3, 1, 2).to(self.dtype)).float()


def median_seconds(work, device, rounds=7):
    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        work()
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


class Results:
    def __init__(self):
        self.all = {}

    def add(self, **values):
        self.all.update(values)
        print(json.dumps(self.all), flush=True)


def versions():
    try:
        import triton
        return {"torch": torch.__version__, "triton": triton.__version__}
    except ImportError:
        return {"torch": torch.__version__, "triton": None}


class Peer:
    def __init__(self, args, results):
        self.args, self.results = args, results
        self.reference = FromCrops(load(args.weights), torch.float32)
        network = FromCrops(load(args.weights), torch.bfloat16).to(args.device, torch.bfloat16)
        self.network = network.to(memory_format=torch.channels_last)
        spec = self.reference.network.picture
        size = (args.batch, spec["height"], spec["width"], spec["channels"])
        self.crops = torch.randint(0, 256, size, dtype=torch.uint8)
        results.add(input=f"{spec['width']}x{spec['height']}")

    def compiled(self, how):
        torch._dynamo.reset()
        return torch.compile(self.network, **how)

    def rate(self, way, run):
        """Faces a second of a batch, from the device and from the host."""
        args, there = self.args, self.crops.to(self.args.device)
        start = time.perf_counter()
        values = run(there).cpu()
        self.results.add(compile_s=time.perf_counter() - start)
        few = min(8, args.batch)
        cosines = nn.functional.cosine_similarity(values[:few], self.reference(self.crops[:few]))
        self.results.add(cosine=cosines.min().item())

        def on_device():
            for _ in range(args.passes):
                run(there)

        def from_host():
            for _ in range(args.passes):
                run(self.crops.to(args.device)).cpu()

        rate = args.passes * args.batch / median_seconds(on_device, args.device)
        if rate < self.results.all.get("network_256", 0):
            return
        self.results.add(network_256=rate, network_256_by=way)
        self.results.add(stream_256=args.passes * args.batch / median_seconds(from_host, args.device))

    def latency(self, run):
        one = self.crops[:1]
        for _ in range(5):
            run(one.to(self.args.device)).cpu()
        self.results.add(latency_1_ms=1e3 * median_seconds(lambda: run(one.to(self.args.device)).cpu(), self.args.device,
                                                           rounds=500))


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
    results = Results()
    results.add(**versions())
    peer = Peer(args, results)
    with torch.inference_mode():
        if args.eager:
            peer.rate("eager", peer.network)
            return
        for way, how in WAYS:
            peer.rate(way, peer.compiled(how))
        peer.latency(peer.compiled(CUDNN_ONLY))


main()
