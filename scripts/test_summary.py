#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts what `meson test` ran and prints one last line: N passed, N failed, N skipped.

usage: test_summary.py MESON_LOGS EXIT_STATUS

A GoogleTest program counts as its cases, any other test as one. Exits 1 when a test failed, timed out or crashed,
when meson failed for another reason, and when nothing ran at all.
"""
import glob
import json
import os
import sys
import xml.etree.ElementTree as ElementTree

GOOD = {"OK", "EXPECTEDFAIL"}


def only_log(logs, ending):
    """The path of Meson's log with that ending, or None. Meson names its logs after the wrapper of the tests."""
    found = glob.glob(os.path.join(glob.escape(logs), "testlog*" + ending))
    return found[0] if len(found) == 1 else None


def bare(name):
    """A test's own name; some releases of Meson write the project and the suites before it."""
    return name.split(" / ")[-1].split(":")[-1]


def read_results(path):
    """[(name, result)] of every meson test."""
    if path is None:
        return []
    with open(path, encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines if line.strip()]
    return [(bare(r["name"]), r["result"]) for r in records]


def read_cases(path):
    """{meson test's name: [passed, failed, skipped]} of the GoogleTest programs."""
    cases = {}
    if path is None:
        return cases
    for suite in ElementTree.parse(path).getroot().iter("testsuite"):
        parts = suite.get("name", "").split(".", 2)  # project.test.suite; one-result tests have the project alone
        if len(parts) < 3:
            continue
        counts = cases.setdefault(bare(parts[1]), [0, 0, 0])
        for case in suite.iter("testcase"):
            failed = case.find("failure") is not None or case.find("error") is not None
            counts[1 if failed else 2 if case.find("skipped") is not None else 0] += 1
    return cases


def main():
    logs, status = sys.argv[1], int(sys.argv[2])
    cases = read_cases(only_log(logs, ".junit.xml"))
    passed = failed = skipped = 0
    for name, result in read_results(only_log(logs, ".json")):
        p, f, s = cases.get(name, (0, 0, 0))
        if result not in GOOD | {"SKIP"} and f == 0:
            f += 1  # a crash, a timeout, or a failure outside any case
            print(f"{name}: {result}", file=sys.stderr)
        if p + f + s == 0:
            p, s = (0, 1) if result == "SKIP" else (1, 0)
        passed, failed, skipped = passed + p, failed + f, skipped + s
    if status != 0 and failed == 0:
        print(f"meson test ended with status {status} though no test failed", file=sys.stderr)
        failed += 1
    if passed + failed == 0:
        print("no test ran", file=sys.stderr)
    sys.stderr.flush()
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
