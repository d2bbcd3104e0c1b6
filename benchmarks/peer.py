#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One peer of libembed in a process of its own: another runtime with the same weights, driven like embed-speed.

usage: peer.py NAME --onnx FILE --weights FILE --crops FILE --shape H W C --threads N [--setting S] [--first-batch N]
               [--embeddings OUT]

NAME is one of PEERS below. The crops are raw bytes [count, H, W, C] uint8. When the first embedding (of --first-batch faces)
is there, prints {"version", "load", "start"}: seconds from the weights file to it, and from the start of the process. Then,
for each line on stdin:
  time BATCH SECONDS   passes for about SECONDS; {"batch", "per_face", "passes", "setting", "peak_mb"}: seconds a face, the
                       median over the passes, and the process's peak of resident memory
  embed BATCH          writes the embeddings of all crops to OUT, [count, 128] float32, in passes of BATCH
Of a runtime's documented settings the quickest at each batch size is taken, unless --setting names it. Input is float32 in
the runtime's favourite layout: making it of bytes, which libembed's figures include, is not timed.
"""
import argparse
import copy
import json
import os
import statistics
import sys
import time

import numpy

TRIAL_SECONDS = 0.4


def process_start():
    """Seconds from boot to the start of this process, before Python itself was loaded."""
    with open("/proc/self/stat", encoding="ascii") as file:
        ticks = int(file.read().rsplit(")", 1)[1].split()[19])
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_mb():
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


class OnnxRuntime:
    def __init__(self, args):
        import onnxruntime
        self.version = "ONNX Runtime " + onnxruntime.__version__
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = args.threads
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session = onnxruntime.InferenceSession(args.onnx, options, providers=["CPUExecutionProvider"])

    def settings(self, batch):
        return {"all optimisations": lambda: self.run}

    def run(self, faces):
        return self.session.run(["embeddings"], {"images": faces})[0]


class OpenVino:
    def __init__(self, args):
        import openvino
        self.version = "OpenVINO " + openvino.__version__.split("-")[0]
        self.openvino, self.threads = openvino, args.threads
        self.core = openvino.Core()
        self.model = self.core.read_model(args.onnx)
        self.shape = [args.shape[2], *args.shape[:2]]

    def settings(self, batch):
        return {"latency hint": lambda: self.one(batch), "throughput hint": lambda: self.many(batch)}

    def compiled(self, batch, hint):
        model = self.model.clone()
        model.reshape([batch, *self.shape])
        return self.core.compile_model(model, "CPU", {"PERFORMANCE_HINT": hint, "INFERENCE_NUM_THREADS": self.threads,
                                                      "INFERENCE_PRECISION_HINT": self.precision})

    def one(self, batch):
        request = self.compiled(batch, "LATENCY").create_infer_request()

        def run(faces):
            request.infer([faces], share_inputs=True)
            return request.get_output_tensor().data.copy()
        return run

    def many(self, batch):
        """The batch shared out among the streams that the hint chooses, all at once."""
        streams = self.compiled(1, "THROUGHPUT").get_property("NUM_STREAMS")
        if streams < 2 or batch % streams:
            return None
        part = batch // streams
        compiled = self.compiled(part, "THROUGHPUT")
        requests = [compiled.create_infer_request() for _ in range(streams)]

        def run(faces):
            for i, request in enumerate(requests):
                request.start_async([faces[i * part:(i + 1) * part]], share_inputs=True)
            for request in requests:
                request.wait()
            return numpy.concatenate([request.get_output_tensor().data for request in requests])
        return run


class OpenVinoFp32(OpenVino):
    precision = "f32"


class OpenVinoBf16(OpenVino):
    precision = "bf16"


class OpenCv:
    def __init__(self, args):
        import cv2
        self.version = "OpenCV DNN " + cv2.__version__
        cv2.setNumThreads(args.threads)
        self.cv2, self.onnx = cv2, args.onnx

    def settings(self, batch):
        if not hasattr(self.cv2.dnn, "ENGINE_NEW"):
            return {"defaults": self.network}
        return {"new engine": lambda: self.network(self.cv2.dnn.ENGINE_NEW),
                "classic engine": lambda: self.network(self.cv2.dnn.ENGINE_CLASSIC)}

    def network(self, *engine):
        try:
            network = self.cv2.dnn.readNetFromONNX(self.onnx, *engine)
        except self.cv2.error:
            return None  # The classic engine does not know every layer.

        def run(faces):
            network.setInput(faces)
            return network.forward().copy()
        return run


class Torch:
    compiled = False
    precision = "fp32"

    def __init__(self, args):
        import torch
        from resnet import load
        self.version = "PyTorch " + torch.__version__.split("+")[0]
        torch.set_num_threads(args.threads)
        self.torch = torch
        self.network = load(args.weights).to(memory_format=torch.channels_last)

    def settings(self, batch):
        if self.compiled:
            # Named in PyTorch's own guide to Inductor on CPUs; it folds the batch norms.
            self.torch._inductor.config.freezing = True
        if self.precision == "fp32":
            return {"channels last": lambda: self.runner(self.network, False)}
        return {"autocast": lambda: self.runner(self.network, True),
                "weights in bf16": lambda: self.runner(copy.deepcopy(self.network).bfloat16(), False)}

    def runner(self, network, autocast):
        torch = self.torch
        kind = next(network.parameters()).dtype
        network = torch.compile(network) if self.compiled else network

        def run(faces):
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                return network(torch.from_numpy(faces).to(kind, memory_format=torch.channels_last)).float().numpy()
        return run


class TorchBf16(Torch):
    precision = "bf16"


class TorchCompile(Torch):
    compiled = True


class TorchCompileBf16(TorchCompile):
    precision = "bf16"


PEERS = {"onnxruntime": OnnxRuntime, "openvino-fp32": OpenVinoFp32, "openvino-bf16": OpenVinoBf16, "opencv": OpenCv,
         "torch-fp32": Torch, "torch-bf16": TorchBf16, "torch-compile-fp32": TorchCompile,
         "torch-compile-bf16": TorchCompileBf16}


def passes(run, faces, seconds):
    times, begin = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        run(faces)
        times.append(time.perf_counter() - start)
    return times


def quickest(peer, faces, wanted):
    """(name, function) of the setting that is the fastest with this batch; of `wanted` alone when it is named."""
    settings = {name: make for name, make in peer.settings(len(faces)).items() if wanted in ("", name)}
    best = None
    for name, make in settings.items():
        run = make()
        if run is None:
            continue
        run(faces)
        if len(settings) == 1:
            return name, run
        run(faces)
        taken = statistics.median(passes(run, faces, TRIAL_SECONDS))
        if best is None or taken < best[0]:
            best = taken, name, run
    if best is None:
        raise SystemExit(f"no setting '{wanted}' that runs this model")
    return best[1:]


class Bench:
    """A peer with the crops, [count, C, H, W] float32."""

    def __init__(self, args):
        self.args, self.runs = args, {}
        self.crops = numpy.fromfile(args.crops, numpy.uint8).reshape(-1, *args.shape).transpose(0, 3, 1, 2)
        self.crops = self.crops.astype(numpy.float32)
        self.peer = None

    def batch(self, size):
        return numpy.ascontiguousarray(numpy.resize(self.crops, (size, *self.crops.shape[1:])))

    def first(self):
        """To the first embedding, with the setting that is named, else the first one."""
        faces, begin = self.batch(self.args.first_batch), time.clock_gettime(time.CLOCK_BOOTTIME)
        self.peer = PEERS[self.args.name](self.args)
        settings = self.peer.settings(len(faces))
        run = settings.get(self.args.setting, next(iter(settings.values())))()
        run(faces)
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        if self.args.setting:
            self.runs[len(faces)] = faces, self.args.setting, run
        return {"version": self.peer.version, "load": now - begin, "start": now - process_start()}

    def prepared(self, size):
        if size not in self.runs:
            faces = self.batch(size)
            self.runs[size] = (faces, *quickest(self.peer, faces, self.args.setting))
        return self.runs[size]

    def time(self, size, seconds):
        faces, setting, run = self.prepared(size)
        times = passes(run, faces, seconds)
        return {"batch": size, "per_face": statistics.median(times) / size, "passes": len(times), "setting": setting,
                "peak_mb": peak_mb()}

    def embed(self, size):
        run, out = self.prepared(size)[2], []
        for begin in range(0, len(self.crops), size):
            # A compiled model has one size: the last, shorter part is filled up.
            part = self.crops[begin:begin + size]
            out.append(run(numpy.resize(part, (size, *part.shape[1:])))[:len(part)])
        numpy.concatenate(out).astype(numpy.float32).tofile(self.args.embeddings)
        return {"embeddings": self.args.embeddings}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("name", choices=PEERS)
    for option in ("--onnx", "--weights", "--crops", "--embeddings"):
        ap.add_argument(option, required=True)
    ap.add_argument("--shape", type=int, nargs=3, required=True, metavar=("H", "W", "C"))
    ap.add_argument("--threads", type=int, required=True)
    ap.add_argument("--setting", default="")
    ap.add_argument("--first-batch", type=int, default=1)
    bench = Bench(ap.parse_args())
    print(json.dumps(bench.first()), flush=True)
    for line in sys.stdin:
        verb, size, *seconds = line.split()
        answer = bench.time(int(size), float(seconds[0])) if verb == "time" else bench.embed(int(size))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
