#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The peer of gpu-bench: the same network from the same weights file by torch.compile (max-autotune), channels-last, in
bfloat16. Prints one JSON object. `--eager` leaves the compiler out and runs on any device: what the peer's own test does.

usage: gpu_peer.py WEIGHTS.safetensors [--eager] [--device cuda] [--batch 256]"""
import argparse
import json
import statistics
import struct
import sys
import time

import torch
from torch import nn

DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


class Block(nn.Module):
    def __init__(self, inner, outer, stride):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inner), nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(outer), nn.Conv2d(outer, outer, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(inner, outer, 1, stride, bias=False) if stride != 1 or inner != outer else None

    def forward(self, x):
        active = torch.relu(self.bn1(x))
        carried = x if self.shortcut is None else self.shortcut(active)
        return self.conv2(torch.relu(self.bn2(self.conv1(active)))) + carried


class ResNet18V2(nn.Module):
    """The file's names are this module's; uint8 pictures [N, H, W, C] in, vectors [N, 128] out."""

    def __init__(self, spec):
        super().__init__()
        channels = spec["channels"]
        self.register_buffer("mean", torch.tensor(spec["mean"][:channels]), persistent=False)
        self.register_buffer("std", torch.tensor(spec["std"][:channels]), persistent=False)
        self.input_bn = nn.BatchNorm2d(channels, affine=False)
        self.stem_conv, self.stem_bn = nn.Conv2d(channels, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        inner = 64
        for i, outer in enumerate((64, 128, 256, 512)):
            blocks = nn.Sequential(Block(inner, outer, 1 if i == 0 else 2), Block(outer, outer, 1))
            setattr(self, f"stage{i + 1}", blocks)
            inner = outer
        self.final_bn, self.dense = nn.BatchNorm2d(512), nn.Linear(512, 128)

    def forward(self, crops):
        x = ((crops.float() / 255 - self.mean) / self.std).permute(0, 3, 1, 2)
        x = self.input_bn(x.to(self.stem_conv.weight.dtype))
        x = torch.max_pool2d(torch.relu(self.stem_bn(self.stem_conv(x))), 3, 2, 1)
        x = self.stage4(self.stage3(self.stage2(self.stage1(x))))
        x = torch.relu(self.final_bn(x)).mean((2, 3))
        return nn.functional.normalize(self.dense(x).float())


def load(path):
    """(network in evaluation mode, what the file says of its input)"""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    metadata = header.pop("__metadata__")
    spec = json.loads(metadata["input"])
    if metadata["head"] != "l2":
        sys.exit(f"gpu_peer.py: {path}: head {metadata['head']}: the peer knows l2 alone")
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        flat = torch.frombuffer(bytearray(data[begin:end]), dtype=DTYPES[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"]).float()
    network = ResNet18V2(spec)
    missing, unknown = network.load_state_dict(tensors, strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unknown:
        sys.exit(f"gpu_peer.py: {path}: not the peer's network: missing {missing}, unknown {unknown}")
    return network.eval(), spec


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
    network, spec = load(args.weights)
    reference = network
    network = load(args.weights)[0].to(args.device, torch.bfloat16).to(memory_format=torch.channels_last)
    network.mean, network.std = reference.mean.to(args.device), reference.std.to(args.device)
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
