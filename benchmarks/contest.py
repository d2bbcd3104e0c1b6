# SPDX-License-Identifier: LGPL-2.1-or-later
"""libembed and its peers on the same weights and the same faces, each in a process of its own, taking turns."""
import json
import os
import statistics
import subprocess
import tempfile

import faces
import peer_env

HERE = os.path.dirname(os.path.abspath(__file__))
OURS = {"libembed fp32": "fp32", "libembed bf16": "bf16", "libembed int8": "int8"}
# Name in the table → (name for peer.py, precision, modules, packages).
PEERS = {
    "ONNX Runtime fp32": ("onnxruntime", "fp32", ["onnxruntime", "numpy"], ["onnxruntime", "numpy"]),
    "OpenVINO fp32": ("openvino-fp32", "fp32", ["openvino", "numpy"], ["openvino", "numpy"]),
    "OpenVINO bf16": ("openvino-bf16", "bf16", ["openvino", "numpy"], ["openvino", "numpy"]),
    "OpenCV DNN fp32": ("opencv", "fp32", ["cv2", "numpy"], ["opencv-python-headless", "numpy"]),
    "PyTorch fp32": ("torch-fp32", "fp32", ["torch", "numpy"], ["torch", "numpy"]),
    "PyTorch bf16": ("torch-bf16", "bf16", ["torch", "numpy"], ["torch", "numpy"]),
    "torch.compile fp32": ("torch-compile-fp32", "fp32", ["torch", "numpy"], ["torch", "numpy"]),
    "torch.compile bf16": ("torch-compile-bf16", "bf16", ["torch", "numpy"], ["torch", "numpy"]),
}
# Every batch size is compiled anew, for many seconds: only what the bars ask for.
COMPILES = ("torch.compile fp32", "torch.compile bf16")
BARS = (1, 32)
SWEEP = (1, 2, 4, 8, 16, 32)
STARTS_SECONDS = 10


class Skipped(Exception):
    """Why a contender does not take part."""


class Contender:
    """A running process that answers one JSON object to each line."""

    def __init__(self, command, environment):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
                                        text=True, env=environment)
        try:
            self.hello = self.answer()
            if "unsupported" in self.hello:
                raise Skipped(self.hello["unsupported"])
        except Skipped:
            self.close()
            raise

    def answer(self):
        """The next line that is an object: a runtime may print words of its own. Raises Skipped when the process ends."""
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        self.process.wait()
        self.errors.seek(0)
        raise Skipped(peer_env.last_line(self.errors.read()))

    def ask(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # answer() says why.
        return self.answer()

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()


def precision_of(name):
    return OURS[name] if name in OURS else PEERS[name][1]


class Contest:
    """`folder`: scratch. `model`: a faces.Model. `skipped`: those of OURS and PEERS that do not take part, and why."""

    def __init__(self, build, folder, model, threads, peers_folder=peer_env.FOLDER, offline=False):
        self.build, self.folder, self.model, self.threads = build, folder, model, threads
        self.peers_folder, self.offline = peers_folder, offline
        self.skipped, self.pythons = {}, {}

    def native(self, names, limits):
        """The names without those that would compute bf16 in software, a face a second. `limits`: machine.limits."""
        if limits["bf16"] is None:
            self.skipped.update((name, "this CPU has no bf16") for name in names if precision_of(name) == "bf16")
        return [name for name in names if name not in self.skipped]

    def open(self, name, first_batch=1, batch_size=32, setting=""):
        """Starts a contender. Raises Skipped."""
        common = ["--weights", self.model.weights, "--crops", self.model.crops, "--first-batch", str(first_batch),
                  "--embeddings", self.embeddings(name)]
        if name in OURS:
            command = [os.path.join(self.build, "benchmarks", "embed-speed"), "--precision", OURS[name], "--batch-size",
                       str(batch_size), *common]
            return Contender(command, {**peer_env.clean_environment(OMP_NUM_THREADS=str(self.threads)),
                                       "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")})
        short, _, modules, packages = PEERS[name]
        if tuple(modules) not in self.pythons:
            try:
                self.pythons[tuple(modules)] = peer_env.ensure(modules, packages, self.peers_folder, self.offline)
            except peer_env.PeerError as error:
                self.pythons[tuple(modules)] = error
        python = self.pythons[tuple(modules)]
        if isinstance(python, Exception):
            raise Skipped(str(python))
        command = [python, os.path.join(HERE, "peer.py"), short, "--onnx", self.model.onnx, "--threads", str(self.threads),
                   "--shape", *map(str, self.model.shape), "--setting", setting, *common]
        cache = os.path.join(self.peers_folder, "inductor")
        return Contender(command, peer_env.clean_environment(TORCHINDUCTOR_CACHE_DIR=cache))

    def embeddings(self, name):
        return os.path.join(self.folder, name.replace(" ", "-") + ".raw")

    def take_turns(self, names, batches, runs, seconds):
        """{name: {"version", "precision", "batches": {batch: {"times": [a turn's], "setting"}}, "cosine": (mean, least)}}.
        A turn is about `seconds` of passes; the order moves on by one from turn to turn, so that nobody always comes after
        the same neighbour."""
        running, results = {}, {}
        try:
            for name in names:
                self.prepare(name, batches, running, results)
            for turn in range(runs):
                order = list(running)
                for name in order[turn % max(1, len(order)):] + order[:turn % max(1, len(order))]:
                    self.turn(name, running, results, seconds)
        finally:
            for contender in running.values():
                contender.close()
        return results

    def turn(self, name, running, results, seconds):
        try:
            for batch, entry in results[name]["batches"].items():
                entry["times"].append(running[name].ask(f"time {batch} {seconds}")["per_face"])
        except Skipped as reason:
            self.skipped[name] = f"ended while it was measured: {reason}"
            running.pop(name).close()
            del results[name]

    def prepare(self, name, batches, running, results):
        """Starts one, finds its best settings, and sees what its embeddings are worth."""
        contender = None
        try:
            contender = self.open(name)
            chosen = [batch for batch in batches if name not in COMPILES or batch in BARS]
            answers = {batch: contender.ask(f"time {batch} 0") for batch in chosen}
            contender.ask(f"embed {max(chosen)}")
        except Skipped as reason:
            self.skipped[name] = str(reason)
            if contender is not None:
                contender.close()
            return
        running[name] = contender
        results[name] = {
            "version": contender.hello["version"], "precision": precision_of(name),
            "batches": {batch: {"times": [], "setting": answer["setting"]} for batch, answer in answers.items()},
            "cosine": faces.cosines(self.embeddings(name), self.model.reference)}

    def probe(self, names, results, runs):
        """Adds "load" and "start" (seconds, medians), and "peak_mb" with batches of 32 and nothing else, each from fresh
        processes. libembed starts with its defaults."""
        for name in names:
            if name not in results:
                continue
            hellos = []
            settings = {batch: entry["setting"] for batch, entry in results[name]["batches"].items()}
            while len(hellos) < runs and sum(hello["start"] for hello in hellos) < STARTS_SECONDS:
                contender = self.open(name, batch_size=16, setting=settings[min(settings)])
                hellos.append(contender.hello)
                contender.close()
            for key in ("load", "start"):
                results[name][key] = statistics.median(hello[key] for hello in hellos)
            largest = max(settings)
            contender = self.open(name, first_batch=largest, setting=settings[largest])
            results[name]["peak_mb"] = contender.ask(f"time {largest} 0.2")["peak_mb"]
            contender.close()
