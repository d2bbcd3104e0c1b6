#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""scripts/test_summary.py: the counts of the last line, from logs as several releases of Meson write them."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts", "test_summary.py")
JUNIT = """<testsuites><testsuite name="project.{name}.Suite">
<testcase name="a"/><testcase name="b"/><testcase name="c"><skipped/></testcase>{more}</testsuite>
<testsuite name="project"><testcase name="plain"/></testsuite></testsuites>"""


class Summary(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.logs = scratch.name

    def summary(self, results, junit, base="testlog", status=0):
        with open(os.path.join(self.logs, base + ".json"), "w", encoding="utf-8") as log:
            log.writelines(json.dumps({"name": name, "result": result}) + "\n" for name, result in results)
        with open(os.path.join(self.logs, base + ".junit.xml"), "w", encoding="utf-8") as log:
            log.write(junit)
        run = subprocess.run([sys.executable, SCRIPT, self.logs, str(status)], capture_output=True, text=True, check=False)
        return run.stdout.splitlines()[-1], run.returncode

    def test_counts_the_cases_of_a_program_and_other_tests_as_one(self):
        for prefix in ("", "project:fast / ", "project:fast+libtorch / "):
            with self.subTest(prefix=prefix):
                results = [(prefix + "cases", "OK"), (prefix + "plain", "OK"), (prefix + "none", "SKIP")]
                self.assertEqual(self.summary(results, JUNIT.format(name=prefix + "cases", more="")),
                                 ("3 passed, 0 failed, 2 skipped", 0))

    def test_reads_the_logs_of_wrapped_tests(self):
        self.assertEqual(self.summary([("cases", "OK")], JUNIT.format(name="cases", more=""), "testlog-python3"),
                         ("2 passed, 0 failed, 1 skipped", 0))

    def test_counts_a_failed_case_once_and_a_crash_behind_good_cases(self):
        failed = '<testcase name="d"><failure/></testcase>'
        self.assertEqual(self.summary([("cases", "FAIL")], JUNIT.format(name="cases", more=failed), status=1),
                         ("2 passed, 1 failed, 1 skipped", 1))
        self.assertEqual(self.summary([("cases", "ERROR")], JUNIT.format(name="cases", more=""), status=1),
                         ("2 passed, 1 failed, 1 skipped", 1))

    def test_is_no_success_where_nothing_ran_or_meson_failed(self):
        self.assertEqual(self.summary([], JUNIT.format(name="cases", more="")), ("0 passed, 0 failed, 0 skipped", 1))
        self.assertEqual(self.summary([("plain", "OK")], JUNIT.format(name="cases", more=""), status=2),
                         ("1 passed, 1 failed, 0 skipped", 1))


if __name__ == "__main__":
    unittest.main()
