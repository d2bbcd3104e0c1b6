#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`./run bench`: libembed beside its peers, what each stage costs, and how far that is from the machine's limits.

--write NAME keeps it all as docs/benchmarks/DATE-NAME.md with its charts. docs/benchmarks/README.md says how it is measured
and how to read it.
"""
import argparse
import datetime
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import contest  # noqa: E402
import faces  # noqa: E402
import machine  # noqa: E402
import peer_env  # noqa: E402
import report  # noqa: E402
import sections  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SECTIONS = ("embed", "peers", "crop", "gallery", "million", "frames", "streams", "pipeline")
# Takes minutes: measured by default only for a page that stays.
SLOW = ("million",)


def section_list(text):
    names = text.split(",")
    for name in names:
        if name not in SECTIONS:
            raise argparse.ArgumentTypeError(f"no section '{name}'; there are: {', '.join(SECTIONS)}")
    return names


def at_least(least, kind):
    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value < math.inf:
            raise argparse.ArgumentTypeError(f"'{text}': a number of at least {least} expected")
        return value
    return parse


def page_name(text):
    if not re.fullmatch(r"[\w.-]+", text):
        raise argparse.ArgumentTypeError(f"'{text}': letters, digits, '.', '_' and '-' expected, as it becomes a file's name")
    return text


def arguments(words):
    ap = argparse.ArgumentParser(prog="./run bench", description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--build", required=True, help=argparse.SUPPRESS)
    ap.add_argument("--sections", type=section_list, metavar="A,B,…",
                    help=f"what to measure: {', '.join(SECTIONS)} (all; without --write, not {', '.join(SLOW)})")
    ap.add_argument("--runs", type=at_least(1, int), default=5,
                    help="runs, or turns, of each benchmark; the median counts (5)")
    ap.add_argument("--seconds", type=at_least(0.0, float), default=0.3, help="seconds of each run (0.3)")
    ap.add_argument("--side", type=at_least(16, int), default=112, help="side of the faces that are embedded (112)")
    ap.add_argument("--weights", default=os.environ.get("TRIPLETEMBED_MODEL"),
                    help="the network's weights (TRIPLETEMBED_MODEL; random ones without it)")
    ap.add_argument("--threads", type=at_least(1, int), default=machine.cpus(), help="for every runtime (all CPUs)")
    ap.add_argument("--offline", action="store_true", help="install no peers; take those that are there")
    ap.add_argument("--peers-folder", default=peer_env.FOLDER, help="where peers are installed (build/peers)")
    ap.add_argument("--write", type=page_name, metavar="NAME", help="also write docs/benchmarks/DATE-NAME.md and its charts")
    ap.add_argument("--folder", default=os.path.join(ROOT, "docs", "benchmarks"), help="where --write writes")
    ap.add_argument("--json", metavar="FILE", help="also write everything that was measured")
    ap.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    args = ap.parse_args(words)
    if args.weights and not os.path.isfile(args.weights):
        ap.error(f"--weights: {args.weights} is not there")
    if args.sections is None:
        args.sections = [name for name in SECTIONS if args.write or name not in SLOW]
    return args


def say(what):
    print("bench: " + what, file=sys.stderr, flush=True)


def run_contest(args, model, folder, limits):
    """{"results", "skipped", "model", "shape"}: see contest.py."""
    ours = contest.Contest(args.build, folder, model, args.threads, args.peers_folder, args.offline)
    names = ours.native([*contest.OURS, *(contest.PEERS if "peers" in args.sections else ())], limits)
    results = ours.take_turns(names, contest.SWEEP, args.runs, args.seconds)
    ours.probe(names, results, min(3, args.runs))
    return {"results": results, "skipped": ours.skipped, "model": model.made_of, "shape": model.shape}


def measure(args, data):
    """Fills `data` with everything that was asked for, as plain numbers, part by part; what it holds when an interrupt comes
    is whole."""
    others, begin = machine.Others(), time.monotonic()

    def asked(*names):
        wanted = [name for name in names if name in args.sections]
        if wanted:
            say(f"{time.monotonic() - begin:.0f} s: {', '.join(wanted)}")
        return bool(wanted)

    try:
        with tempfile.TemporaryDirectory() as folder:
            model = faces.make_model(args.build, folder, args.side, args.weights)
            say("the machine's limits")
            data["limits"] = machine.limits(args.build, args.threads, args.seconds, args.runs)
            if asked("embed", "peers"):
                data["contest"] = run_contest(args, model, folder, data["limits"])
            for name, pattern in (("crop", "crop"), ("gallery", "match")):
                if asked(name):
                    data[name] = sections.google_rows(args.build, args.runs, pattern, args.seconds)
            if asked("million"):
                data["million"] = sections.million(args.build, args.runs)
            if asked("frames"):
                data["frames"] = sections.frame_points(args.build, model.weights, args.seconds / 2, args.runs)
            if asked("streams"):
                data["streams"] = sections.streams(args.build, model.weights, 6 * args.seconds or 0.1, min(3, args.runs))
            if asked("pipeline"):
                data["pipeline"] = sections.pipeline_rows(args.runs)
                data["memory"] = sections.pipeline_memory(args.build, args.weights or model.weights)
    finally:
        data["others"] = others.share()


def revision():
    """The commit that is measured; "unknown" in a tree without git's folder, or where git is not installed."""
    def git(*words):
        if shutil.which("git") is None:
            return ""
        return subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True, check=False).stdout.strip()
    return (git("rev-parse", "--short", "HEAD") or "unknown") + (", changed since" if git("status", "--porcelain") else "")


def main(words=None):
    args = arguments(words)
    if args.check:
        return 0
    asked = list(words or sys.argv[1:])
    del asked[asked.index("--build"):asked.index("--build") + 2]
    begin, today = revision(), datetime.date.today().isoformat()
    data, interrupted = {"runs": args.runs, "threads": args.threads}, False
    try:
        measure(args, data)
    except KeyboardInterrupt:
        say("interrupted; what was measured so far:")
        interrupted = True
    if "limits" in data:
        print(report.text(data, machine.describe()))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=1)
    if interrupted:
        return 130
    if args.write:
        head = f"# Benchmarks of {today}: {args.write}\n\n`./run bench {' '.join(asked)}` at revision {begin}.\n\n"
        print("\nwritten: " + report.write(args.folder, f"{today}-{args.write}", head, data, machine.describe()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
