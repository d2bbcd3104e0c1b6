#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures a board and prints one Markdown table: the second half of scripts/board-check, in its environment.

usage: board_report.py BUILD_FOLDER [--quick] [--tests TEXT]

A part that cannot be measured has a row that says why."""
import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import arm64_instructions
import board_machine
import demo_photographs

PRECISIONS = ("fp32", "fp16", "bf16", "int8")
FRAME = "video/x-raw,format=NV12,width=640,height=480,framerate=30/1"
BATCHES = (1, 16)
GALLERY_MB = 1800  # what a search of a million rows needs, the program's own made-up rows included
PIPELINE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "board_pipeline.py")


class CannotMeasure(Exception):
    """Why: the row says it."""


def say(text):
    print(f"== {text}", file=sys.stderr, flush=True)


def median_range(values, unit):
    """The median, and in brackets the least and the most."""
    middle = statistics.median(values)
    spread = f" ({min(values):.3g} to {max(values):.3g})" if len(values) > 1 else ""
    return f"{middle:.3g}{spread} {unit}"


def percentile(values, share):
    """The least value that so large a share of them does not exceed."""
    return sorted(values)[max(0, -(-len(values) * share // 100) - 1)]


def program(build, name):
    path = os.path.join(build, "benchmarks", name)
    if not os.access(path, os.X_OK):
        raise CannotMeasure(f"{name} is not built")
    return path


def answer(process, line=None):
    """The JSON of the program's next line."""
    if line is not None:
        process.stdin.write(line + "\n")
        process.stdin.flush()
    text = process.stdout.readline()
    if not text:
        process.wait()
        raise CannotMeasure(process.stderr.read().strip() or f"the program ended with {process.returncode}")
    return json.loads(text)


def default_weights():
    return os.environ.get("TRIPLETEMBED_MODEL") or os.path.join(arm64_instructions.ROOT, "models", "faces-r18.safetensors")


def embedding_times(build, weights, precision, threads, runs, seconds):
    """{batch: [milliseconds a face]}, and the clocks of the fastest core meanwhile; `threads`: None is the library's default."""
    shape = arm64_instructions.input_of(weights)
    size = shape["width"] * shape["height"] * shape["channels"]
    with tempfile.NamedTemporaryFile(suffix=".u8") as crops:
        crops.write(bytes((i * 37 + i // 251) % 256 for i in range(size * max(BATCHES))))
        crops.flush()
        command = [program(build, "embed-speed"), "--weights", weights, "--crops", crops.name, "--precision", precision]
        environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
        if threads is not None:
            environment["OMP_NUM_THREADS"] = str(threads)
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=environment) as process:
            start = answer(process)
            if "unsupported" in start:
                raise CannotMeasure(start["unsupported"])
            times, clocks = {batch: [] for batch in BATCHES}, set()
            for _ in range(runs):
                for batch in BATCHES:
                    process.stdin.write(f"time {batch} {seconds}\n")
                    process.stdin.flush()
                    time.sleep(seconds / 2)
                    clocks.update(board_machine.clocks_now("/")[:1])
                    times[batch].append(1e3 * answer(process)["per_face"])
            process.stdin.close()
            return times, clocks


def embedding_rows(build, weights, quick):
    runs, seconds = (1, 0.02) if quick else (5, 1)
    usable = len(os.sched_getaffinity(0))
    for precision in PRECISIONS:
        for count in (1, None, usable):
            if count == usable and board_machine.kinds_of_cores("/") < 2:
                continue  # The default is as many.
            what = f"a face, {precision}, {'default threads' if count is None else 'one thread' if count == 1 else f'{count} threads'}"
            try:
                say(what)
                times, clocks = embedding_times(build, weights, precision, count, runs, seconds)
            except CannotMeasure as why:
                yield what, f"not measured: {why}"
                break
            fastest = f"; fastest core at {', '.join(map(str, sorted(clocks)))} MHz" if clocks else ""
            yield what, "; ".join(f"{median_range(times[batch], 'ms')} in passes of {batch}" for batch in BATCHES) + fastest


def run_or_cannot(command, **more):
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, **more)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotMeasure(str(error)) from error
    if run.returncode != 0:
        raise CannotMeasure((run.stderr.strip().splitlines() or [f"{command[0]} ended with {run.returncode}"])[-1])
    return run.stdout


def write_frame(path):
    """A photograph of one person as a frame of raw pixels; what was found for it is fetched once, as the demo does."""
    try:
        # Its progress is no part of the table.
        with contextlib.redirect_stdout(sys.stderr):
            photograph = next(found for found, name in demo_photographs.find() if name)
    except demo_photographs.PhotographError as error:
        raise CannotMeasure(str(error)) from error
    run_or_cannot(["gst-launch-1.0", "-q", "filesrc", f"location={photograph}", "!", "decodebin", "!", "videoconvert", "!",
                   "videoscale", "!", FRAME.replace(",framerate=30/1", ""), "!", "filesink", f"location={path}"])


def elements_of(frame, count):
    return ["multifilesrc", "name=source", f"location={frame}", "loop=true", f"num-buffers={count}", f"caps={FRAME}", "!", "tripletdetect", "!",
            "tripletembed", "!"]


def pipeline_rates(frames):
    """Of [(nanoseconds from the source to the sink, when)]: (frames a second, p50 and p95 of the milliseconds); what the first five
    frames take is left out."""
    seen = frames[5:]
    if len(seen) < 10:
        raise CannotMeasure(f"only {len(frames)} frames came through the pipeline")
    times = [took / 1e6 for took, _ in seen]
    return (len(seen) - 1) / ((seen[-1][1] - seen[0][1]) / 1e9), percentile(times, 50), percentile(times, 95)


def run_pipeline(frame, seconds):
    """What pipeline_rates() takes, of so many seconds. The system's Python has Debian's GObject bindings."""
    text = " ".join([*elements_of(frame, -1), "fakesink name=sink sync=false"])
    lines = run_or_cannot(["/usr/bin/python3", PIPELINE, str(seconds), text]).splitlines()
    return [tuple(map(int, line.split())) for line in lines]


def peak_mb(frame):
    """MB resident at most of gst-launch-1.0 with the pipeline, in 40 frames."""
    command = ["gst-launch-1.0", "-q", *elements_of(frame, 40), "fakesink", "sync=false"]
    process = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(process, 0)
    if status != 0:
        raise CannotMeasure("the pipeline failed")
    return usage.ru_maxrss / 1024


def pipeline_rows(quick):
    what = "pipeline, 640×480 NV12: every frame detected and embedded"
    try:
        say("pipeline")
        with tempfile.TemporaryDirectory() as folder:
            frame = os.path.join(folder, "frame.nv12")
            write_frame(frame)
            line = run_or_cannot(["gst-launch-1.0", "-q", *elements_of(frame, 1), "tripletjson", "location=-", "!", "fakesink"])
            faces = len(json.loads(line)["objects"])
            rate, half, most = pipeline_rates(run_pipeline(frame, 5 if quick else 10))
            peak = peak_mb(frame)
        detector = os.path.basename(os.environ.get("TRIPLETEMBED_DETECTOR", "")) or "the system's cascade"
        return [(what, f"{rate:.1f} frames/s; a frame p50 {half:.1f} ms, p95 {most:.1f} ms; {faces} face(s) a frame, by {detector}"),
                ("that pipeline's memory", f"{peak:.0f} MB resident at most")]
    except CannotMeasure as why:
        return [(what, f"not measured: {why}")]


def gallery_row(build, quick):
    available = board_machine.memory_mb("/", "MemAvailable")
    rows = 1_000_000 if not quick and available >= GALLERY_MB else 10_000 if quick else 100_000
    what = f"search among {rows:,} rows (cosine), all threads"
    try:
        say(what)
        said = json.loads(run_or_cannot([program(build, "gallery-bench"), "--rows", str(rows), "--no-faiss-flat", "--json",
                                         "--runs", "1" if quick else "5"]))
        one, many = (said[f"all rows, cosine, {how} [ms]"] for how in ("one query", "batch of 32"))
        less = f" (not a million: {available:.0f} MB are free)" if available < GALLERY_MB else ""
        rate = said["memory bandwidth, reading [GB/s]"]
        return what, f"{one:.3g} ms; 32 at once {many:.3g} ms; memory is read at {rate:.3g} GB/s{less}"
    except CannotMeasure as why:
        return what, f"not measured: {why}"


def table(rows):
    """One Markdown table."""
    lines = ["| what | on this board |", "|---|---|"]
    return "\n".join(lines + [f"| {what} | {' '.join(str(value).replace('|', '/').split())} |" for what, value in rows])


def heat_row(before):
    after = board_machine.temperature("/")
    degrees = f"{before:.0f} °C before, {after:.0f} °C after; " if before is not None and after is not None else ""
    return "heat", f"{degrees}vcgencmd get_throttled: {board_machine.throttling()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--tests", default="not run", help="what the tests' last line was")
    args = parser.parse_args()
    weights = default_weights()
    if not os.path.isfile(weights):
        sys.exit(f"board-check: {weights}: no weights there")
    heat = board_machine.temperature("/")
    rows = [*board_machine.rows(), ("tests of kernels, crops and gallery", args.tests)]
    if args.quick:
        rows.insert(0, ("QUICK", "tried, not measured: these figures mean nothing"))
    rows += embedding_rows(args.build, weights, args.quick)
    rows += pipeline_rows(args.quick)
    rows += [gallery_row(args.build, args.quick), heat_row(heat)]
    print(table(rows))


if __name__ == "__main__":
    main()
