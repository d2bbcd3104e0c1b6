#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`./run bench`: runs every benchmark and prints one table; --write adds it as docs/benchmarks/DATE-NAME.md."""
import argparse
import datetime
import json
import os
import platform
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pipeline  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


def libembed_rows(build, repetitions):
    """[(name, time, rate)], medians."""
    command = [os.path.join(build, "benchmarks", "libembed-bench"), "--benchmark_format=json",
               f"--benchmark_repetitions={repetitions}", "--benchmark_report_aggregates_only=true"]
    result = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    rows = []
    for entry in json.loads(result.stdout)["benchmarks"]:
        if entry["aggregate_name"] == "median":
            seconds = entry["real_time"] * UNITS[entry["time_unit"]]
            name = entry["run_name"].replace("/real_time", "")
            rows.append((name, as_time(seconds), f"{entry['items_per_second']:,.0f} /s"))
    return rows


def as_time(seconds):
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.2f} {unit}"
    return f"{seconds / 1e-9:.0f} ns"


def pipeline_rows(runs):
    clips = pipeline.default_clips()
    if not clips:
        print("the sample clips are not here: whole pipelines are not measured", file=sys.stderr)
        return []
    if not os.environ.get("TRIPLETEMBED_MODEL"):
        print("no default weights: whole pipelines are not measured", file=sys.stderr)
        return []
    return [(f"pipeline: {stage}", as_time(1 / median), f"{median:,.1f} frames/s")
            for stage, median, _, _, _ in pipeline.measure_all(clips, runs)]


def machine():
    cpu = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)
    except OSError:
        pass
    return f"{cpu}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}"


def table(rows):
    rows = [("benchmark", "median time", "rate")] + rows
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [f"| {row[0].ljust(widths[0])} | {row[1].rjust(widths[1])} | {row[2].rjust(widths[2])} |" for row in rows]
    lines.insert(1, f"|{'-' * (widths[0] + 2)}|{'-' * (widths[1] + 1)}:|{'-' * (widths[2] + 1)}:|")
    return "\n".join(lines)


def main():
    ap = argparse.ArgumentParser(prog="./run bench")
    ap.add_argument("--build", required=True, help=argparse.SUPPRESS)
    ap.add_argument("--runs", type=int, default=5, help="runs of each benchmark; the median counts (5)")
    ap.add_argument("--write", metavar="NAME", help="also write docs/benchmarks/DATE-NAME.md")
    args = ap.parse_args()
    text = table(libembed_rows(args.build, args.runs) + pipeline_rows(args.runs))
    print(f"{machine()}; medians of {args.runs} runs\n\n{text}")
    if args.write:
        today = datetime.date.today().isoformat()
        path = os.path.join(ROOT, "docs", "benchmarks", f"{today}-{args.write}.md")
        revision = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True,
                                  check=False).stdout.strip() or "unknown"
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"# Benchmarks of {today}: {args.write}\n\n`./run bench --runs {args.runs} --write {args.write}`"
                       f" at revision {revision} on {machine()}. Medians of {args.runs} runs.\n\n{text}\n")
        print(f"\nwritten: {path}")


if __name__ == "__main__":
    sys.exit(main())
