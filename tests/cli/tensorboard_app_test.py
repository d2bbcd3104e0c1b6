# SPDX-License-Identifier: LGPL-2.1-or-later
"""TensorBoard itself on the event files of triplet-train train: started on a folder of runs and asked, as its page asks, what
it shows. Takes TensorBoard from PyPI when it is not installed; skips, and says so, where that cannot be had."""
import json
import os
import re
import subprocess
import sys
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
import venv

from support import TrainTest

START_SECONDS = 120
READ_SECONDS = 60


class TensorBoardApp(TrainTest):
    def interpreter(self):
        if subprocess.run([sys.executable, "-c", "import tensorboard.main"], capture_output=True).returncode == 0:
            return sys.executable
        venv.create(self.path("venv"), with_pip=True)
        python = self.path("venv", "bin", "python")
        # Its command still imports pkg_resources, which newer setuptools no longer have.
        done = subprocess.run([python, "-m", "pip", "-q", "install", "tensorboard", "setuptools<81"], capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest("TensorBoard cannot be installed here: " + done.stderr.strip()[-200:])
        return python

    def start(self, folder):
        """Its address, once it answers; it is stopped with the test."""
        process = subprocess.Popen([self.interpreter(), "-m", "tensorboard.main", "--logdir", folder, "--port", "0", "--host",
                                    "127.0.0.1", "--reload_interval", "1"], text=True, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, env=dict(os.environ, LC_ALL="C.UTF-8"))
        said = []
        reader = threading.Thread(target=lambda: said.extend(iter(process.stderr.readline, "")), daemon=True)
        reader.start()

        def stop():
            process.terminate()
            process.wait()
            reader.join()
            process.stderr.close()
        self.addCleanup(stop)
        deadline = time.time() + START_SECONDS
        while time.time() < deadline and process.poll() is None:
            found = re.search(r"http://[\d.]+:(\d+)", "".join(said))
            if found:
                return "http://127.0.0.1:" + found.group(1)
            time.sleep(0.1)
        self.fail("TensorBoard did not start: " + "".join(said)[-2000:])

    def ask(self, address, path, **query):
        with urllib.request.urlopen(address + "/data/" + path + "?" + urllib.parse.urlencode(query), timeout=30) as answer:
            return json.load(answer)

    def test_it_shows_the_runs_scalars(self):
        self.digits(count=32)
        flags = ["--epochs", 2, "--val", "set", "--lr", 0.001]
        self.ok(*self.train(*flags, "--loss", "triplet", "--pk", 4, 4, "--run-dir", "runs/triplet"))
        self.ok(*self.train(*flags, "--run-dir", "runs/classes"))
        address = self.start(self.path("runs"))
        deadline = time.time() + READ_SECONDS
        tags = {}
        while time.time() < deadline and len(tags) < 2:
            tags = self.ask(address, "plugin/scalars/tags")
            time.sleep(0.5)
        self.assertEqual(set(tags), {"triplet", "classes"})
        self.assertIn("triplets/hard", tags["triplet"])
        self.assertNotIn("triplets/hard", tags["classes"])
        for run in tags:
            epochs = [line for line in self.metrics(os.path.join("runs", run)) if line["event"] == "epoch"]
            for tag, values in (("train/loss", [line["loss"] for line in epochs]),
                                ("validation/auc", [line["validation"]["auc"] for line in epochs])):
                shown = {step: value for _, step, value in self.ask(address, "plugin/scalars/scalars", run=run, tag=tag)}
                for line, value in zip(epochs, values):
                    self.assertAlmostEqual(shown[line["epoch"] * line["batch"]], value, places=4, msg=(run, tag))


if __name__ == "__main__":
    unittest.main()
