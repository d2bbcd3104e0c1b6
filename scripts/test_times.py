#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How much CPU time the tests take: Meson's own log has wall-clock times alone.

usage: test_times.py run LOG COMMAND …     runs a test and appends its times to LOG, a JSON object a line
       test_times.py table BUILD [N]       the N (10) longest tests of BUILD's last run, and the sum, as Markdown

`run` is for Meson's --wrapper:

    meson test -C build --wrapper "python3 scripts/test_times.py run build/meson-logs/cpu-times.jsonl"

The CPU time of a test is that of its process and of all that it started and waited for, user and system.
"""
import json
import os
import resource
import signal
import subprocess
import sys
import time

LOG = os.path.join("meson-logs", "cpu-times.jsonl")


def run(log, command):
    start = time.monotonic()
    status = subprocess.run(command, check=False).returncode
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    line = {"command": command, "cpu": round(used.ru_utime + used.ru_stime, 2),
            "wall": round(time.monotonic() - start, 2)}
    # One write to the end of the file: tests that run side by side do not mix their lines.
    with open(log, "ab", buffering=0) as file:
        file.write(json.dumps(line).encode() + b"\n")
    if status < 0:  # Meson must see the same signal.
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


def read_names(build):
    """{command: test's name}."""
    with open(os.path.join(build, "meson-info", "intro-tests.json"), encoding="utf-8") as file:
        tests = json.load(file)
    return {tuple(resolved(part, build) for part in test["cmd"]): test["name"] for test in tests}


def resolved(part, build):
    """Meson writes some paths relative to the build folder."""
    return os.path.realpath(os.path.join(build, part)) if "/" in part and not part.startswith("-") else part


def table(build, most):
    names = read_names(build)
    rows = {}
    with open(os.path.join(build, LOG), encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            # Meson adds GoogleTest's report behind the test's own arguments.
            command = tuple(resolved(part, build) for part in line["command"] if not part.startswith("--gtest_output"))
            rows[names.get(command, command[0])] = (line["cpu"], line["wall"])
    print("| test | CPU s | wall s |\n|---|---:|---:|")
    for name, (cpu, wall) in sorted(rows.items(), key=lambda row: -row[1][0])[:most]:
        print(f"| {name} | {cpu:.1f} | {wall:.1f} |")
    print(f"| all {len(rows)} tests | {sum(cpu for cpu, _ in rows.values()):.1f} | |")
    return 0


def main():
    arguments = sys.argv[1:]
    if len(arguments) >= 3 and arguments[0] == "run":
        return run(arguments[1], arguments[2:])
    if len(arguments) in (2, 3) and arguments[0] == "table":
        return table(arguments[1], int(arguments[2]) if len(arguments) == 3 else 10)
    print(__doc__, file=sys.stdout if "--help" in arguments else sys.stderr)
    return 0 if "--help" in arguments else 2


if __name__ == "__main__":
    sys.exit(main())
