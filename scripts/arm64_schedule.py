#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long a face should take on an arm64 board, on paper: the blocks of instructions that the network's kernels run, each
scheduled by llvm-mca, times how often QEMU runs it.

usage: scripts/in-debian 13 --arch arm64 python3 scripts/arm64_schedule.py [WEIGHTS [PRECISION …]]

Needs build/benchmarks/embed-speed (ninja -C build benchmarks/embed-speed) and llvm-mca 16 or newer (apt-get install llvm).
LLVM schedules for Cortex-A76, A78 and A78AE as for the older Cortex-A57, so that Neoverse N1 stands for them, which is
Cortex-A76 for servers: both have two pipelines of 128 bits for vectors. It takes all data for being in the first-level cache;
QEMU_CPU says as which CPU QEMU runs, $MCA_CPU as which other llvm-mca schedules."""
import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import arm64_instructions

# Gigahertz of the boards that have these cores.
BOARDS = {"Raspberry Pi 5, RK3588 (Cortex-A76)": 2.4, "Jetson Orin (Cortex-A78AE)": 2.2}
CPU = os.environ.get("MCA_CPU", "neoverse-n1")
# Scheduled is what runs most, up to this share of all instructions.
COVERED = 0.98
PASSES = 200  # of a block, for llvm-mca


def a_face(weights, precision):
    """{a block's instructions, as words: how often a face runs it}, out of three faces and one."""
    runs = collections.Counter()
    for faces, share in ((3, 0.5), (1, -0.5)):
        for block in arm64_instructions.embedding(weights, precision, faces):
            runs[tuple(block.words)] += share * block.runs
    return {words: times for words, times in runs.items() if words and times > 0}


def disassembled(blocks):
    """Assembly of each block, as llvm-mca reads it: a branch's target is of no account."""
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        file.write(b"".join(word.to_bytes(4, "little") for block in blocks for word in block))
        file.flush()
        said = subprocess.run(["aarch64-linux-gnu-objdump", "-D", "-b", "binary", "-m", "aarch64", file.name], check=True,
                              capture_output=True, text=True).stdout
    lines = [line.split("//")[0].rstrip() for line in re.findall(r"^ +[0-9a-f]+:\t[0-9a-f]+ \t(.*)$", said, re.M)]
    lines = [re.sub(r"^((?:b|bl|b\.\w+|cbn?z|tbn?z|adrp?)\t.*?)0x[0-9a-f]+$", r"\g<1>#0", line) for line in lines]
    begin, result = 0, []
    for block in blocks:
        result.append(lines[begin:begin + len(block)])
        begin += len(block)
    return result


def scheduled(blocks):
    """[(cycles, share of the cycles in which the busiest kind of unit works, that kind)] of a pass of each block."""
    text = "".join(f"# LLVM-MCA-BEGIN block{i}\n" + "\n".join(lines) + "\n# LLVM-MCA-END\n"
                   for i, lines in enumerate(disassembled(blocks)))
    run = subprocess.run(["llvm-mca", "-mtriple=aarch64", f"-mcpu={CPU}", "-mattr=+dotprod,+fullfp16,+bf16,+i8mm",
                          f"-iterations={PASSES}", "-json", "-"], input=text, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        sys.exit(f"llvm-mca: {run.stderr.strip()}")
    said, result = json.loads(run.stdout), []
    units = said["TargetInfo"]["Resources"]
    for region in said["CodeRegions"]:
        cycles = region["SummaryView"]["TotalCycles"] / PASSES
        count = len(region["Instructions"])
        # Behind the instructions' own, the last index is their sum.
        pressure = collections.defaultdict(list)
        for entry in region["ResourcePressureView"]["ResourcePressureInfo"]:
            if entry["InstructionIndex"] == count:
                pressure[re.sub(r"\.\d+$", "", units[entry["ResourceIndex"]])].append(entry["ResourceUsage"])
        usage, unit = max(((max(used), name) for name, used in pressure.items()), default=(0, "none"))
        result.append((cycles, usage / cycles, unit))
    return result


def print_schedule(weights, precision):
    runs = a_face(weights, precision)
    total = sum(len(block) * times for block, times in runs.items())
    blocks, seen = [], 0
    for block, times in sorted(runs.items(), key=lambda item: -len(item[0]) * item[1]):
        if seen >= COVERED * total:
            break
        blocks.append(block)
        seen += len(block) * times
    schedule = scheduled(blocks)
    cycles = sum(runs[block] * entry[0] for block, entry in zip(blocks, schedule)) * total / seen
    print(f"{precision}: {total / 1e6:.1f} million instructions a face; the {len(blocks)} blocks with {seen / total:.1%} of them, "
          f"as {CPU}: {cycles / 1e6:.1f} million cycles, {total / cycles:.2f} instructions a cycle")
    for block, (each, share, unit) in list(zip(blocks, schedule))[:4]:
        print(f"  {len(block) * runs[block] / total:5.1%} of the instructions: a block of {len(block)}, {each:.1f} cycles, "
              f"{len(block) / each:.2f} instructions a cycle; busiest: {unit}, {share:.0%} of the cycles")
    for board, clock in BOARDS.items():
        print(f"  predicted, not measured: {cycles / clock / 1e6:.1f} ms a face on one core of {board} at {clock} GHz")
    sys.stdout.flush()


def main(words):
    if shutil.which("llvm-mca") is None:
        sys.exit("llvm-mca is not here: apt-get install llvm")
    weights = words[0] if words else os.path.join(arm64_instructions.ROOT, "models", "faces-r18.safetensors")
    for precision in words[1:] or ["fp32", "fp16", "int8"]:
        print_schedule(weights, precision)


if __name__ == "__main__":
    main(sys.argv[1:])
