#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images a second in training, and peak memory: triplet-train beside PyTorch with pytorch-metric-learning.

usage: ./run exec benchmarks/training.py [--peer-python PYTHON] [--runs N] [--seconds S] [--size 64] [--pk 32 4]

Both train the same network on batch-hard triplets of the same P×K batches from memory, without augmentation, with SGD; runs
take turns, medians count. PYTHON is one that has torch and pytorch-metric-learning; without it they are installed into
build/peers/venv.
"""
import argparse
import json
import os
import random
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import peer_env

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def peer_python():
    """A Python with what the peer needs; None, and a word why, where it cannot be."""
    try:
        return peer_env.ensure(["torch", "numpy", "pytorch_metric_learning"], ["torch", "numpy", "pytorch-metric-learning"])
    except peer_env.PeerError as error:
        print(f"no peer: {error}", file=sys.stderr)
        return None


def made_up_set(folder, identities, each, size, context=1.0):
    """Noise in the format that `pack` writes; the values do not matter for speed."""
    count, size = identities * each, round(size * context)
    images = random.Random(1).randbytes(count * size * size * 3)
    labels = struct.pack(f"<{count}q", *(i // each for i in range(count)))
    header = {"__metadata__": {"kind": "tripletembed.dataset", "version": "1",
                               "context": str(context),
                               "class_names": json.dumps([f"p{i}" for i in range(identities)])},
              "images": {"dtype": "U8", "shape": [count, size, size, 3], "data_offsets": [0, len(images)]},
              "labels": {"dtype": "I64", "shape": [count], "data_offsets": [len(images), len(images) + len(labels)]}}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path = os.path.join(folder, "set.safetensors")
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + images + labels)
    return path


def ours(args, data, folder):
    """Runs triplet-train for args.seconds; what it says of itself, and its peak memory."""
    run = os.path.join(folder, "run")
    command = ["triplet-train", "train", "--data", data, "--val-fraction", "0", "--out", os.path.join(folder, "w.safetensors"),
               "--run-dir", run, "--no-neck", "--lr", "0.01", "--epochs", "100000", "--precision", args.precision,
               "--threads", str(args.threads), "--device", args.device, "--checkpoint-every", "100000",
               "--checkpoint-epochs", "100000"]
    if args.alone:
        command += ["--loss", "cosface", "--aug", "face", "--batch-size", str(args.batch)]
    else:
        command += ["--loss", "triplet", "--miner", "batch-hard", "--margin", "0.3", "--pk", str(args.pk[0]), str(args.pk[1])]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        time.sleep(args.seconds)
        os.kill(process.pid, signal.SIGINT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 130:
            said.seek(0)
            text = said.read()[-2000:]
            print(f"{' '.join(command)}\n{text}triplet-train ended with {process.returncode}", file=sys.stderr)
            sys.exit(77 if "no usable GPU" in text else 1)
    with open(os.path.join(run, "metrics.jsonl"), encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
        rates = [record["images_per_second"] for record in records if record["event"] in ("step", "epoch")]
        waits = [record["data_wait"] for record in records if record["event"] == "epoch"]
    return {"images_per_second": rates[-1], "peak_mb": usage.ru_maxrss / 1024, "data_wait": waits[-1] if waits else 0}


def theirs(args, python):
    command = [python, os.path.join(ROOT, "benchmarks", "train_peer.py"), "--identities", str(args.pk[0]), "--each",
               str(args.pk[1]), "--size", str(args.size), "--seconds", str(args.seconds), "--threads", str(args.threads),
               "--precision", args.precision, "--device", args.device]
    environment = {key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return json.loads(done.stdout)


def side_by_side(args, data, folder):
    """args.jobs trainings at once, as one."""
    folders = [os.path.join(folder, str(i)) for i in range(args.jobs)]
    for name in folders:
        os.makedirs(name, exist_ok=True)
    with ThreadPoolExecutor(args.jobs) as pool:
        runs = list(pool.map(lambda name: ours(args, data, name), folders))
    return {"images_per_second": sum(run["images_per_second"] for run in runs), "peak_mb": sum(run["peak_mb"] for run in runs),
            "data_wait": max(run["data_wait"] for run in runs)}


def alone(args):
    """A recipe's training, faces augmented, without a peer."""
    if not args.json:
        print(f"CosFace, faces augmented, {args.jobs} side by side, {args.batch} pictures of {args.size}×{args.size} a batch, "
              f"{args.threads} threads, {args.device}; medians of {args.runs} runs of {args.seconds:g} s\n\n"
              "| precision | images/s | waited for data | peak memory |\n|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        data = made_up_set(folder, 1024, max(4, 32 * args.batch // 1024), args.size, context=1.25)
        for args.precision in args.precisions:
            runs = [side_by_side(args, data, folder) for _ in range(args.runs)]
            rate, wait, memory = (statistics.median(run[key] for run in runs)
                                  for key in ("images_per_second", "data_wait", "peak_mb"))
            if args.json:
                print(json.dumps({"precision": args.precision, "input": f"{args.size}x{args.size}", "images_per_second": rate,
                                  "data_wait": wait, "peak_mb": memory}), flush=True)
            else:
                print(f"| {args.precision} | {rate:,.1f} | {wait:.1%} | {memory:,.0f} MB |", flush=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--peer-python", metavar="PYTHON")
    ap.add_argument("--runs", type=int, default=3)
    ap.add_argument("--seconds", type=float, default=30)
    ap.add_argument("--size", type=int, default=64)
    ap.add_argument("--pk", type=int, nargs=2, default=[32, 4], metavar=("P", "K"))
    ap.add_argument("--threads", type=int, default=os.cpu_count())
    ap.add_argument("--device", default="cpu")
    ap.add_argument("--precisions", nargs="+", choices=["fp32", "bf16"], default=["fp32", "bf16"])
    ap.add_argument("--alone", action="store_true", help="no peer: CosFace with augmented faces")
    ap.add_argument("--json", action="store_true", help="of --alone: a JSON object for each precision")
    ap.add_argument("--jobs", type=int, default=1, help="trainings of --alone side by side")
    ap.add_argument("--batch", type=int, default=512, help="of --alone")
    args = ap.parse_args()
    if args.alone:
        alone(args)
        return
    python = args.peer_python or peer_python()
    print(f"{args.pk[0]}×{args.pk[1]} pictures of {args.size}×{args.size} a batch, {args.threads} threads, {args.device}; "
          f"medians of {args.runs} runs of {args.seconds:g} s, taking turns\n")
    print("| precision | program | images/s | peak memory |\n|---|---|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        data = made_up_set(folder, max(64, 2 * args.pk[0]), args.pk[1], args.size)
        for args.precision in args.precisions:
            results = {"triplet-train": [], "PyTorch + pytorch-metric-learning": []}
            for _ in range(args.runs):
                results["triplet-train"].append(ours(args, data, folder))
                if python is not None:
                    results["PyTorch + pytorch-metric-learning"].append(theirs(args, python))
            rates = {}
            for name, runs in results.items():
                if not runs:
                    continue
                rates[name] = statistics.median(run["images_per_second"] for run in runs)
                memory = statistics.median(run["peak_mb"] for run in runs)
                version = " " + runs[0]["torch"] if "torch" in runs[0] else ""
                print(f"| {args.precision} | {name}{version} | {rates[name]:.1f} | {memory:,.0f} MB |")
            if len(rates) == 2:
                first, second = rates.values()
                print(f"| {args.precision} | ratio | {first / second:.2f} | |")


if __name__ == "__main__":
    main()
