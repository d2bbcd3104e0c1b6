# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of benchmarks/*.py share."""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCHMARKS = os.path.join(ROOT, "benchmarks")
BUILD = os.environ.get("BUILD", os.path.join(ROOT, "build"))
sys.path.insert(0, BENCHMARKS)


def run_bench(*words, **environment):
    """bench.py as `./run bench` calls it, without anybody's weights and data unless they are given."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TRIPLETEMBED_")}
    kept["LD_LIBRARY_PATH"] = os.path.join(BUILD, "libembed") + ":" + os.path.join(BUILD, "libembed", "faces")
    return subprocess.run([sys.executable, os.path.join(BENCHMARKS, "bench.py"), "--build", BUILD, *map(str, words)],
                          capture_output=True, text=True, env={**kept, **environment}, timeout=1700)
