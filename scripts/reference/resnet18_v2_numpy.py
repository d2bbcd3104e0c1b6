#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""ResNet18-v2 to 128-D in plain NumPy, double precision: what libembed's network must compute.

  resnet18_v2_numpy.py golden
      Embeddings of made-up pictures under made-up weights, as JSON on stdout. Weights and pictures come from
      an integer hash of their names and positions, which the C++ test computes too, so neither is stored.
      tests/libembed/net/torch/golden/resnet18_v2.json holds this output.
  resnet18_v2_numpy.py forward WEIGHTS.safetensors CROPS.u8 COUNT
      Embeddings of COUNT pictures ([COUNT, height, width, channels] bytes) under a weights file, as JSON.

Needs NumPy alone. Written from the architecture's table, independently of the C++ code.
"""
import json
import struct
import sys

import numpy as np

EPSILON = 1e-5
STAGES = [("stage1", 64, 64, 1), ("stage2", 64, 128, 2), ("stage3", 128, 256, 2), ("stage4", 256, 512, 2)]


# ---- made-up numbers --------------------------------------------------------------------------------------


def name_hash(name):
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def hashes(name, count):
    """`count` 64-bit integers: SplitMix64's finaliser over a counter that starts at the name's hash."""
    with np.errstate(over="ignore"):
        x = np.uint64(name_hash(name)) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


def uniform(name, shape):
    """Doubles in [-1, 1), multiples of 2^-31."""
    count = int(np.prod(shape, dtype=np.int64))
    return ((hashes(name, count) >> np.uint64(32)).astype(np.float64) * 2.0**-31 - 1.0).reshape(shape)


def made_up_tensor(name, shape):
    """float32; batch norms near one and zero, convolutions scaled by their fan-in to keep the signal's size."""
    values = uniform(name, shape)
    if name.endswith("running_var"):
        values = 1.0 + 0.5 * values
    elif name.endswith("running_mean"):
        values = 0.25 * values
    elif len(shape) == 1:
        values = 1.0 + 0.25 * values if name.endswith("weight") else 0.25 * values
    else:
        fan_in = int(np.prod(shape[1:], dtype=np.int64))
        values = values * np.sqrt(6.0 / fan_in)
        if len(shape) == 2:
            values = values / 16.0  # keeps the sigmoid away from its flat ends
    return values.astype(np.float32)


def tensor_shapes(channels):
    shapes = {"input_bn.running_mean": (channels,), "input_bn.running_var": (channels,)}

    def batch_norm(name, width):
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{part}"] = (width,)

    shapes["stem_conv.weight"] = (64, channels, 7, 7)
    batch_norm("stem_bn", 64)
    for stage, inputs, outputs, stride in STAGES:
        for block in range(2):
            entering = inputs if block == 0 else outputs
            batch_norm(f"{stage}.{block}.bn1", entering)
            shapes[f"{stage}.{block}.conv1.weight"] = (outputs, entering, 3, 3)
            batch_norm(f"{stage}.{block}.bn2", outputs)
            shapes[f"{stage}.{block}.conv2.weight"] = (outputs, outputs, 3, 3)
            if block == 0 and inputs != outputs:
                shapes[f"{stage}.{block}.shortcut.weight"] = (outputs, entering, 1, 1)
    batch_norm("final_bn", 512)
    shapes["dense.weight"] = (128, 512)
    shapes["dense.bias"] = (128,)
    return shapes


def made_up_weights(channels):
    return {name: made_up_tensor(name, shape) for name, shape in tensor_shapes(channels).items()}


def made_up_crops(count, height, width, channels):
    """[count, height, width, channels] uint8: random bytes, each picture darker than the one before."""
    values = hashes("crops", count * height * width * channels) >> np.uint64(56)
    crops = values.astype(np.uint8).reshape(count, height, width, channels)
    return np.stack([crops[i] // np.uint8(i + 1) for i in range(count)])


# ---- the network ------------------------------------------------------------------------------------------


def batch_norm(x, weights, name):
    mean = weights[f"{name}.running_mean"].astype(np.float64)
    variance = weights[f"{name}.running_var"].astype(np.float64)
    gain = weights[f"{name}.weight"].astype(np.float64) if f"{name}.weight" in weights else np.ones_like(mean)
    bias = weights[f"{name}.bias"].astype(np.float64) if f"{name}.bias" in weights else np.zeros_like(mean)
    column = (slice(None), None, None)
    return (x - mean[column]) / np.sqrt(variance[column] + EPSILON) * gain[column] + bias[column]


def relu(x):
    return np.maximum(x, 0.0)


def windows(x, kernel, stride, padding, fill):
    """[N, C, H, W] to [N, C, out_h, out_w, kernel, kernel], border filled with `fill`."""
    edge = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    padded = np.pad(x, edge, constant_values=fill)
    view = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), axis=(2, 3))
    return view[:, :, ::stride, ::stride]


def convolution(x, weight, stride, padding):
    kernel = weight.shape[2]
    return np.einsum("nchwij,ocij->nohw", windows(x, kernel, stride, padding, 0.0), weight.astype(np.float64),
                     optimize=True)


def block(x, weights, name, stride):
    active = relu(batch_norm(x, weights, f"{name}.bn1"))
    shortcut = f"{name}.shortcut.weight"
    carried = convolution(active, weights[shortcut], stride, 0) if shortcut in weights else x
    y = convolution(active, weights[f"{name}.conv1.weight"], stride, 1)
    y = convolution(relu(batch_norm(y, weights, f"{name}.bn2")), weights[f"{name}.conv2.weight"], 1, 1)
    return y + carried


def network(crops, weights, mean=(0.0, 0.0, 0.0), deviation=(1.0, 1.0, 1.0)):
    """[N, H, W, C] uint8 to the dense layer's [N, 128], float64, before any head."""
    channels = crops.shape[3]
    x = (crops.astype(np.float64) / 255.0 - np.array(mean[:channels])) / np.array(deviation[:channels])
    x = batch_norm(x.transpose(0, 3, 1, 2), weights, "input_bn")
    x = relu(batch_norm(convolution(x, weights["stem_conv.weight"], 2, 3), weights, "stem_bn"))
    x = windows(x, 3, 2, 1, -np.inf).max(axis=(4, 5))
    for stage, _, _, stride in STAGES:
        x = block(block(x, weights, f"{stage}.0", stride), weights, f"{stage}.1", 1)
    x = relu(batch_norm(x, weights, "final_bn")).mean(axis=(2, 3))
    return x @ weights["dense.weight"].astype(np.float64).T + weights["dense.bias"].astype(np.float64)


def apply_head(values, head):
    if head == "sigmoid":
        return 1.0 / (1.0 + np.exp(-values))
    if head == "l2":
        return values / np.linalg.norm(values, axis=1, keepdims=True)
    return values


# ---- the two commands -------------------------------------------------------------------------------------


def rows(values):
    """Nine digits: more than float32 holds, and the same text on every machine."""
    return [[float(f"{value:.9g}") for value in row] for row in values]


def golden():
    cases = []
    for channels, height, width in ((3, 64, 64), (3, 40, 57), (1, 33, 48)):
        values = network(made_up_crops(2, height, width, channels), made_up_weights(channels))
        heads = ("linear", "sigmoid", "l2") if height == 64 else ("linear",)
        cases.append({"channels": channels, "height": height, "width": width,
                      "outputs": {head: rows(apply_head(values, head)) for head in heads}})
    return {"made_by": "scripts/reference/resnet18_v2_numpy.py golden", "cases": cases}


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        raw = data[begin:end]
        if entry["dtype"] == "BF16":
            values = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            values = np.frombuffer(raw, {"F32": "<f4", "F16": "<f2"}[entry["dtype"]]).astype(np.float32)
        tensors[name] = values.reshape(entry["shape"])
    return tensors, header.get("__metadata__", {})


def forward(weights_path, crops_path, count):
    weights, metadata = read_safetensors(weights_path)
    spec = json.loads(metadata["input"])
    crops = np.fromfile(crops_path, dtype=np.uint8)
    crops = crops.reshape(count, spec["height"], spec["width"], spec["channels"])
    return rows(apply_head(network(crops, weights, spec["mean"], spec["std"]), metadata["head"]))


def main(arguments):
    if arguments == ["golden"]:
        print(json.dumps(golden()).replace("], ", "],\n"))
    elif len(arguments) == 4 and arguments[0] == "forward":
        print(json.dumps(forward(arguments[1], arguments[2], int(arguments[3]))))
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
