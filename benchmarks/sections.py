# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sections of `./run bench` beside the contest with peers: each measures, and gives rows and points for charts."""
import json
import os
import re
import statistics
import subprocess
import sys
import time

import pipeline
from peer_env import last_line

HERE = os.path.dirname(os.path.abspath(__file__))
UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


def say_skipped(what, why):
    print(f"{what}: not measured: {why}", file=sys.stderr)


def program(build, name):
    path = os.path.join(build, "benchmarks", name)
    return path if os.path.exists(path) else None


def output_of(what, build, name, *words):
    """What one of our programs prints; None, and a word why, where it is not built or fails: one section that fails must not
    cost what the others measured."""
    path = program(build, name)
    if path is None:
        say_skipped(what, f"no {name} in this build")
        return None
    done = subprocess.run([path, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        say_skipped(what, f"{name} ended with {done.returncode}: {last_line(done.stderr)}")
        return None
    return done.stdout


def google_rows(build, runs, pattern, least_seconds):
    """{name: (median seconds, items a second)} of the benchmarks of libembed-bench that `pattern` fits."""
    output = output_of(pattern, build, "libembed-bench", "--benchmark_format=json", f"--benchmark_filter={pattern}",
                       f"--benchmark_repetitions={runs}", f"--benchmark_min_time={least_seconds}",
                       "--benchmark_report_aggregates_only=true")
    rows = {}
    # Google Benchmark says nothing at all, not even an empty list, when the pattern fits none.
    for entry in json.loads(output or "{}").get("benchmarks", []):
        # With one repetition there are no aggregates, only the run itself.
        if entry.get("aggregate_name", "median") == "median":
            seconds = entry["real_time"] * UNITS[entry["time_unit"]]
            rows[entry["run_name"].replace("/real_time", "")] = seconds, entry["items_per_second"]
    return rows


def match_points(rows):
    """{"cosine, 16 faces": [(gallery's rows, seconds a face)]} of the names match/METRIC/ROWS/QUERIES."""
    series = {}
    for name, (seconds, _) in rows.items():
        parts = re.fullmatch(r"match/(\w+)/(\d+)/(\d+)", name)
        if parts:
            label = f"{parts[1]}, {parts[3]} at once"
            series.setdefault(label, []).append((int(parts[2]), seconds / int(parts[3])))
    return series


def frame_points(build, weights, seconds, runs):
    """{what: [(x, median seconds)]} of frame-speed; the runs go through everything, one after the other."""
    detector = os.environ.get("TRIPLETEMBED_DETECTOR", "")
    times = {}
    for _ in range(runs):
        output = output_of("frames", build, "frame-speed", "--weights", weights, "--seconds", seconds,
                           *(["--detector-model", detector] if detector else []))
        for entry in map(json.loads, (output or "").splitlines()):
            times.setdefault((entry["what"], entry["x"]), []).append(entry["seconds"])
    points = {}
    for (what, x), seen in times.items():
        points.setdefault(what, []).append((x, statistics.median(seen)))
    return points


def streams(build, weights, seconds, runs):
    """What streams-bench says: {"streams": [{"streams", "faces_per_second", "share", …}], "added_latency_ms",
    "second_element_mb", …}, or None."""
    output = output_of("streams", build, "streams-bench", "--json", "--model", weights, "--seconds", seconds, "--runs", runs)
    return json.loads(output) if output else None


def million(build, runs):
    """[(name, value, unit)] of gallery-bench, a gallery of a million rows, or None."""
    output = output_of("million", build, "gallery-bench", "--json", "--runs", runs)
    if not output:
        return None
    named = (re.fullmatch(r"(.*) \[(.*)\]", key).groups() + (value,) for key, value in json.loads(output).items())
    return [(name, value, unit) for name, unit, value in named]


def pipeline_rows(runs):
    """[(stage, frames a second)], medians."""
    clips = pipeline.default_clips()
    if not clips:
        say_skipped("pipeline", "the sample clips are not here")
        return []
    if not os.environ.get("TRIPLETEMBED_MODEL"):
        say_skipped("pipeline", "no default weights")
        return []
    try:
        return [(f"pipeline: {stage}", median) for stage, median, _, _, _ in pipeline.measure_all(clips, runs)]
    except SystemExit as error:
        say_skipped("pipeline", error)
        return []


def resident(process):
    """(MB in memory now, MB at most so far), or None when the process has ended."""
    try:
        with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        return tuple(int(fields[key].split()[0]) / 1024 for key in ("VmRSS", "VmHWM"))
    except (OSError, KeyError):
        return None


def pipeline_memory(build, weights):
    """{"pipeline", "peak", "torch", "weights"} in MB: of a running pipeline whose one element of ours is tripletembed, of a
    program that links LibTorch and does nothing, and of the weights once. None where it cannot run."""
    elements = "videotestsrc is-live=true num-buffers=60 ! video/x-raw,format=NV12,width=640,height=480,framerate=30/1 ! "
    try:
        process = subprocess.Popen(["gst-launch-1.0", "-q", *elements.split(), "tripletembed", f"model={weights}", "!",
                                    "fakesink"], stderr=subprocess.PIPE, text=True)
    except FileNotFoundError:
        say_skipped("memory of a pipeline", "no gst-launch-1.0")
        return None
    last = None
    while process.poll() is None:
        last = resident(process) or last
        time.sleep(0.05)
    errors = process.stderr.read()
    process.stderr.close()
    if process.returncode != 0 or last is None:
        say_skipped("memory of a pipeline", errors.strip().splitlines()[0] if errors.strip() else "the pipeline failed")
        return None
    alone = subprocess.run([program(build, "torch-alone")], stdout=subprocess.PIPE, text=True, check=True)
    return {"pipeline": last[0], "peak": last[1], "torch": float(alone.stdout), "weights": os.path.getsize(weights) / 2 ** 20}
