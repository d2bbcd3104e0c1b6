#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Instructions that a face takes on arm64 in the network's kernels, counted under QEMU, beside the multiply-adds that its
convolutions need.

usage: scripts/in-debian 13 --arch arm64 python3 scripts/arm64_instructions.py [WEIGHTS [PRECISION …]]

Needs build/benchmarks/embed-speed (ninja -C build benchmarks/embed-speed). QEMU writes down each block of the kernels'
instructions when it translates it and each time it runs it; what three faces take more than one, halved, is a face. One
thread; $QEMU_CPU says as which CPU."""
import collections
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TRACE = re.compile(rb"^Trace \d+: 0x[0-9a-f]+ \[[0-9a-f]+/([0-9a-f]+)/")
INSTRUCTION = re.compile(rb"^0x([0-9a-f]+):\s+([0-9a-f]+)\s+(\S+)")
MULTIPLIES = (b"fmla", b"sdot", b"udot", b"usdot", b"bfdot", b"smmla", b"usmmla", b"bfmmla")


LIBRARY = os.path.join(ROOT, "build", "libembed", "libembed.so.0.1.0")
# Without random addresses, so that those of one run are mostly the next one's.
QEMU = ["setarch", os.uname().machine, "-R", "qemu-aarch64", "-L", os.environ.get("ARM64_SYSROOT", "")]
KERNELS = re.compile(r"^([0-9a-f]+) ([0-9a-f]+) [tT] .*cpu::.*<.*(NeonF32|ArmDotU8|ArmI8mmU8|ArmBF16|ArmF16|F16Parts|PortableF32)")


def kernels_range(command, environment):
    """QEMU's filter for the addresses of the kernels in a run of the command."""
    symbols = subprocess.run(["aarch64-linux-gnu-nm", "-S", "-C", "--defined-only", LIBRARY], check=True, capture_output=True,
                             text=True).stdout
    places = [(int(found[1], 16), int(found[2], 16)) for found in map(KERNELS.match, symbols.splitlines()) if found]
    begin, end = min(at for at, _ in places), max(at + size for at, size in places)
    # glibc's loader says where it puts a library.
    said = subprocess.run([*QEMU, *command], input="", capture_output=True, text=True, check=False,
                          env={**environment, "LD_DEBUG": "files"}).stderr
    base = re.search(r"file=libembed\.so\.0 .*generating link map\n.*base: 0x([0-9a-f]+)", said)
    return f"0x{int(base[1], 16) + begin:x}+0x{end - begin:x}"


class Block:
    """Instructions that run one after the other up to a branch."""

    def __init__(self):
        self.words = []
        self.products = 0  # those that multiply and add vectors
        self.runs = 0


def kernel_blocks(command, environment):
    """The blocks of a run's kernels."""
    for _ in range(12):
        blocks = kernel_blocks_once(command, environment)
        if any(block.runs > 0 for block in blocks):
            return blocks
    sys.exit(f"{command}: the library lay elsewhere each time")


def kernel_blocks_once(command, environment):
    """As kernel_blocks(); none of them runs where the library did not lie where it lay in the run before."""
    environment = {**environment, "LD_DEBUG": "files"}
    reader, writer = os.pipe()
    process = subprocess.Popen([*QEMU, "-d", "in_asm,exec,nochain", "-dfilter", kernels_range(command, environment), "-D",
                                f"/proc/self/fd/{writer}", *command],
                               stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=[writer],
                               env=environment)
    os.close(writer)
    process.stdin.write(b"embed 1\n")
    process.stdin.close()
    blocks, runs = collections.defaultdict(Block), collections.Counter()
    block = None
    with os.fdopen(reader, "rb", buffering=1 << 20) as lines:
        for line in lines:
            traced = TRACE.match(line)
            if traced:
                runs[int(traced[1], 16)] += 1
                continue
            if line.startswith(b"IN:"):
                block = None
                continue
            said = INSTRUCTION.match(line)
            if said:
                if block is None:
                    block = blocks[int(said[1], 16)] = Block()
                block.words.append(int(said[2], 16))
                block.products += said[3] in MULTIPLIES
    if process.wait() != 0:
        sys.exit(f"{command} ended with {process.returncode}")
    for address, times in runs.items():
        blocks[address].runs = times
    return list(blocks.values())


def embedding(weights, precision, faces):
    """The blocks of the kernels where embed-speed embeds so many faces one by one, after one more as a start."""
    shape = input_of(weights)
    size = shape["width"] * shape["height"] * shape["channels"]
    with tempfile.NamedTemporaryFile(suffix=".u8") as crops, tempfile.NamedTemporaryFile(suffix=".f32") as out:
        crops.write(bytes((i * 37 + i // 251) % 256 for i in range(size * faces)))
        crops.flush()
        return kernel_blocks([os.path.join(ROOT, "build", "benchmarks", "embed-speed"), "--weights", weights, "--crops", crops.name,
                              "--batch-size", "1", "--precision", precision, "--embeddings", out.name],
                             {**os.environ, "OMP_NUM_THREADS": "1"})


def input_of(weights):
    with open(weights, "rb") as file:
        size, = struct.unpack("<Q", file.read(8))
        return json.loads(json.loads(file.read(size))["__metadata__"]["input"])


def multiply_adds(height, width, channels):
    """(Of the stem, of the rest), each layer computed directly."""
    def half(size):
        return (size + 1) // 2
    height, width = half(height), half(width)
    stem, total = height * width * 64 * channels * 49, 512 * 128
    height, width = half(height), half(width)
    inputs = 64
    for stage in range(4):
        outputs = 64 << stage
        if stage > 0:
            height, width = half(height), half(width)
            total += height * width * outputs * inputs
        total += height * width * outputs * 9 * (inputs + 3 * outputs)
        inputs = outputs
    return stem, total


def main():
    weights = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "models", "faces-r18.safetensors")
    shape = input_of(weights)
    stem, rest = multiply_adds(shape["height"], shape["width"], shape["channels"])
    print(f"{shape['width']}x{shape['height']}: {(stem + rest) / 1e6:.1f} million multiply-adds a face, convolved directly")
    for precision in sys.argv[2:] or ["fp32", "int8"]:
        totals = []
        for faces in (1, 3):
            blocks = embedding(weights, precision, faces)
            totals.append((sum(block.runs * len(block.words) for block in blocks),
                           sum(block.runs * block.products for block in blocks)))
        a_face, products = ((totals[1][i] - totals[0][i]) / 2 for i in (0, 1))
        lanes = {"int8": 16, "bf16": 16, "fp16": 8}.get(precision, 4)
        # The stem of 8-bit numbers is float32's.
        stem_lanes = 4 if precision == "int8" else lanes
        if precision == "int8" and products * lanes < rest:
            lanes, stem_lanes = 32, 16  # Products of matrices, and bfloat16's stem.
        least = (stem / stem_lanes + rest / lanes) / 1e6
        print(f"{precision}: {a_face / 1e6:.2f} million instructions a face, {products / 1e6:.2f} of them multiply and add vectors; "
              f"{a_face / products:.3f} for each of these, {a_face / 1e6 / least:.3f} times the {least:.1f} million that the "
              f"multiply-adds over the lanes are")


if __name__ == "__main__":
    main()
