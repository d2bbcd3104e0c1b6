# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every peer that `./run bench` has installed runs our weights and gives our vectors. Skips without any."""
import json
import unittest

from bench_support import run_bench
from support import CliTest

import contest
import peer_env


class Peers(CliTest):
    def test_the_same_vectors(self):
        there = [name for name, (_, _, modules, _) in contest.PEERS.items() if peer_env.has(peer_env.FOLDER, modules)]
        if not there:
            self.skipTest("no peers in build/peers: ./run bench --sections peers installs them")
        done = run_bench("--runs", 1, "--seconds", 0, "--side", 32, "--sections", "peers", "--offline", "--weights",
                         self.weights, "--json", self.path("all.json"))
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.path("all.json"), encoding="utf-8") as file:
            results = json.load(file)["contest"]["results"]
        for name in there:
            with self.subTest(name):
                self.assertIn(name, results)
                self.assertGreater(results[name]["cosine"][1], 0.999)
                self.assertGreater(results[name]["peak_mb"], 10)
                self.assertIn("32", results[name]["batches"])


if __name__ == "__main__":
    unittest.main()
