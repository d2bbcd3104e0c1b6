#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Instructions that a face takes on arm64 in a whole process, with this library's kernels and with LibTorch's layers: all that
runs is counted under QEMU, by a plugin.

usage: ARM64_SYSROOT=FOLDER scripts/arm64_process.py BUILD_FOLDER [WEIGHTS [PRECISION …]]

BUILD_FOLDER has embed-speed and, for LibTorch's layers, torch-layers (docs/arm64.md says how they are built). Needs a qemu-aarch64
that loads plugins: Debian 12's, while Debian 13's is linked statically and does not. What 21 faces take more than one, over
20, is a face. One thread, as the CPU that $QEMU_CPU names, or Cortex-A76."""
import os
import subprocess
import sys
import tempfile

from arm64_instructions import ROOT, input_of

MORE_FACES = 20


def plugin_in(folder):
    """The plugin, compiled; ends where QEMU takes none."""
    if "-plugin" not in subprocess.run(["qemu-aarch64", "--help"], check=True, capture_output=True, text=True).stdout:
        sys.exit("this qemu-aarch64 loads no plugins; Debian 12's package qemu-user does")
    path = os.path.join(folder, "count.so")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", os.path.join(ROOT, "scripts", "arm64_count.c"), "-o", path], check=True)
    return path


def count(plugin, command, said=""):
    """The instructions of one run."""
    written = plugin + ".count"
    run = subprocess.run(["setarch", os.uname().machine, "-R", "qemu-aarch64", "-plugin", plugin, "-L", os.environ["ARM64_SYSROOT"],
                          *command], input=said, capture_output=True, text=True, check=False,
                         env={"QEMU_CPU": "cortex-a76", **os.environ, "OMP_NUM_THREADS": "1", "COUNT_FILE": written})
    if run.returncode != 0 or '"unsupported"' in run.stdout:
        sys.exit(f"{' '.join(command)}: {run.stderr.strip() or run.stdout.strip() or run.returncode}")
    with open(written, encoding="ascii") as file:
        return int(file.read())


def a_face(counted):
    """The instructions of one, out of those of runs with so many faces."""
    return (counted(1 + MORE_FACES) - counted(1)) / MORE_FACES


def ours(plugin, build, weights, precision):
    shape = input_of(weights)
    size = shape["width"] * shape["height"] * shape["channels"]

    def counted(faces):
        crops = plugin + ".u8"
        with open(crops, "wb") as file:
            file.write(bytes((i * 37 + i // 251) % 256 for i in range(size * faces)))
        return count(plugin, [os.path.join(build, "benchmarks", "embed-speed"), "--weights", weights, "--crops", crops,
                              "--batch-size", "1", "--precision", precision, "--embeddings", plugin + ".f32"], "embed 1\n")
    return a_face(counted)


def main():
    if len(sys.argv) < 2 or "ARM64_SYSROOT" not in os.environ:
        sys.exit(__doc__)
    build = sys.argv[1]
    weights = sys.argv[2] if len(sys.argv) > 2 else os.path.join(ROOT, "models", "faces-r18.safetensors")
    layers = os.path.join(build, "benchmarks", "torch-layers")
    with tempfile.TemporaryDirectory() as folder:
        plugin, rows = plugin_in(folder), []
        for precision in sys.argv[3:] or ["fp32", "fp16", "int8"]:
            rows.append((f"this library's kernels, {precision}", ours(plugin, build, weights, precision)))
        if os.path.exists(layers):
            rows.append(("LibTorch's layers, fp32", a_face(lambda faces: count(plugin, [layers, weights, str(faces)]))))
    print("| whole process, one face at a time | million instructions a face | over the first row |\n|---|---:|---:|")
    for what, instructions in rows:
        print(f"| {what} | {instructions / 1e6:.1f} | {instructions / rows[0][1]:.2f} × |")


if __name__ == "__main__":
    main()
