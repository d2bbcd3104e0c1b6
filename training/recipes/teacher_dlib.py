#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns dlib's face recognition network (dlib_face_recognition_resnet_model_v1.dat) into an ONNX file that OpenCV's and
other runtimes read, and writes the JSON beside it that `triplet-train` asks of a teacher.

  teacher_dlib.py NETWORK.dat OUT.onnx

Python's standard library alone. The file is read as data: dlib stores its layers in the order in which a picture passes
through them, each as its name, its parameters and its numbers. Affine layers are folded into the convolutions ahead of
them. Where dlib adds two blocks of different size, the smaller one counts as zero beyond its channels, rows and columns.
"""
import array
import hashlib
import json
import pathlib
import struct
import sys

# Where YuNet finds eyes, nose and mouth in a picture that dlib has cut with a padding of 0.25, as fractions of its sides:
# the means over FairFace's pictures, which are cut so.
FIVE_POINTS = [[0.3330, 0.2948], [0.6692, 0.2966], [0.4934, 0.5110], [0.3588, 0.6807], [0.6401, 0.6821]]
SIZE = 150
MEAN = [122.782, 117.001, 104.298]
SCALE = 1 / 256


class Reader:
    """dlib's serialisation: whole numbers are a byte that says how many bytes follow, then these, lowest first."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def integer(self):
        control = self.data[self.at]
        size = control & 0x0F
        if not 1 <= size <= 8:
            raise ValueError(f"no whole number at byte {self.at}")
        value = int.from_bytes(self.data[self.at + 1:self.at + 1 + size], "little")
        self.at += 1 + size
        return -value if control & 0x80 else value

    def tensor(self):
        if self.integer() != 2:
            raise ValueError(f"no tensor of version 2 at byte {self.at}")
        count = 1
        for _ in range(4):
            count *= self.integer()
        if not 0 < count <= len(self.data) // 4:
            raise ValueError(f"a tensor of {count} numbers at byte {self.at}")
        values = array.array("f", self.data[self.at:self.at + 4 * count])
        if len(values) != count:
            raise ValueError("the file ends inside a tensor")
        self.at += 4 * count
        if sys.byteorder == "big":
            values.byteswap()
        return values

    def next_layer(self, names):
        """Moves behind the name that comes next, and returns it; None at the end."""
        found = None
        for name in names:
            at = self.data.find(bytes([1, len(name)]) + name, self.at)
            if at >= 0 and (found is None or at < found[0]):
                found = (at, name)
        if found is None:
            return None
        self.at = found[0] + 2 + len(found[1])
        return found[1].decode()


def read_layers(data):
    """The layers in a picture's order: (kind, what belongs to it)."""
    reader = Reader(data)
    names = [b"con_4", b"affine_", b"relu_", b"max_pool_2", b"avg_pool_2", b"add_prev_", b"fc_2"]
    layers = []
    while (name := reader.next_layer(names)) is not None:
        if name == "con_4":
            values = reader.tensor()
            filters = reader.integer()
            rows, columns, stride, _, padding, _ = (reader.integer() for _ in range(6))
            layers.append(["conv", values, filters, rows * columns, rows, stride, padding])
        elif name == "affine_":
            layers.append(["affine", reader.tensor()])
        elif name in ("max_pool_2", "avg_pool_2"):
            rows, _, stride, _, padding, _ = (reader.integer() for _ in range(6))
            layers.append([name[:3] + "pool", rows, stride, padding])
        elif name == "fc_2":
            reader.integer(), reader.integer()
            layers.append(["fc", reader.tensor()])
        else:
            layers.append([name.rstrip("_")])
    return layers


# Protocol buffers, as far as ONNX needs them.
def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def piece(field, value):
    value = value.encode() if isinstance(value, str) else bytes(value)
    return varint(field << 3 | 2) + varint(len(value)) + value


class Graph:
    """An ONNX graph that grows node by node. A value is (name, [channels, rows, columns])."""

    def __init__(self):
        self.nodes, self.initialisers, self.count = b"", b"", 0

    def constant(self, name, shape, values, kind):
        raw = struct.pack(f"<{len(values)}{'f' if kind == 1 else 'q'}", *values)
        body = b"".join(number(1, d) for d in shape) + number(2, kind) + piece(8, name) + piece(9, raw)
        self.initialisers += piece(5, body)
        return name

    def node(self, kind, inputs, **attributes):
        self.count += 1
        name = f"{kind.lower()}{self.count}"
        body = b"".join(piece(1, i) for i in inputs) + piece(2, name) + piece(3, name) + piece(4, kind)
        for key, value in attributes.items():
            if isinstance(value, list):
                content = b"".join(number(8, v) for v in value) + number(20, 7)
            else:
                content = number(3, value) + number(20, 2)
            body += piece(5, piece(1, key) + content)
        self.nodes += piece(1, body)
        return name

    def conv(self, value, layer, affine):
        name, (channels, rows, columns) = value
        _, values, filters, area, side, stride, padding = layer
        weights, biases = values[:filters * channels * area], values[filters * channels * area:]
        if len(biases) != filters or len(affine) != 2 * filters:
            raise ValueError("a convolution or its affine layer has another number of parameters than expected")
        per_filter = channels * area
        folded = [weights[i] * affine[i // per_filter] for i in range(len(weights))]
        shift = [biases[i] * affine[i] + affine[filters + i] for i in range(filters)]
        number_of = self.count
        inputs = [name, self.constant(f"weight{number_of}", [filters, channels, side, side], folded, 1),
                  self.constant(f"bias{number_of}", [filters], shift, 1)]
        out = self.node("Conv", inputs, kernel_shape=[side, side], strides=[stride, stride], pads=[padding] * 4)
        reach = [(n + 2 * padding - side) // stride + 1 for n in (rows, columns)]
        return out, [filters, *reach]

    def pool(self, kind, value, side, stride, padding):
        name, (channels, rows, columns) = value
        if padding != 0:
            raise ValueError("a pooling layer with padding is not expected in this network")
        out = self.node(kind, [name], kernel_shape=[side, side], strides=[stride, stride])
        return out, [channels] + [(n - side) // stride + 1 for n in (rows, columns)]

    def padded(self, value, shape):
        name, own = value
        if own == shape:
            return name
        ends = self.constant(f"pads{self.count}", [8], [0, 0, 0, 0, 0] + [w - o for w, o in zip(shape, own)], 7)
        return self.node("Pad", [name, ends])

    def add(self, a, b):
        shape = [max(pair) for pair in zip(a[1], b[1])]
        return self.node("Add", [self.padded(a, shape), self.padded(b, shape)]), shape


def build(layers):
    graph = Graph()
    value = ("pictures", [3, SIZE, SIZE])
    shortcut = None
    for place, layer in enumerate(layers):
        kind = layer[0]
        before = layers[place - 1][0] if place else ""
        if kind == "conv":
            # A block begins behind a ReLU that ends the block before it, or behind the first pooling.
            if before == "maxpool" or (before == "relu" and layers[place - 2][0] == "add_prev"):
                shortcut = value
            if layers[place + 1][0] != "affine":
                raise ValueError("a convolution without its affine layer is not expected in this network")
            value = graph.conv(value, layer, layers[place + 1][1])
        elif kind == "relu":
            value = graph.node("Relu", [value[0]]), value[1]
        elif kind == "maxpool":
            value = graph.pool("MaxPool", value, *layer[1:])
        elif kind == "avgpool" and layer[1] != 0:
            # Of the shortcut: dlib stores the layers of the block ahead of those of the way around it.
            shortcut = graph.pool("AveragePool", shortcut, *layer[1:])
        elif kind == "avgpool":
            value = graph.node("GlobalAveragePool", [value[0]]), [value[1][0], 1, 1]
        elif kind == "add_prev":
            value = graph.add(value, shortcut)
        elif kind == "fc":
            inputs, outputs = value[1][0], len(layer[1]) // value[1][0]
            flat = graph.node("Flatten", [value[0]], axis=1)
            # OpenCV 4.6 asks for rows of weights, and for a bias.
            rows = [layer[1][i * outputs + o] for o in range(outputs) for i in range(inputs)]
            weights = graph.constant("fc", [outputs, inputs], rows, 1)
            bias = graph.constant("fc_bias", [outputs], [0.0] * outputs, 1)
            value = graph.node("Gemm", [flat, weights, bias], transB=1), [outputs]
    return graph, value


def tensor_type(field, name, shape):
    dimensions = b"".join(piece(1, piece(2, d) if isinstance(d, str) else number(1, d)) for d in shape)
    return piece(field, piece(1, name) + piece(2, piece(1, number(1, 1) + piece(2, dimensions))))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    data = pathlib.Path(sys.argv[1]).read_bytes()
    out = pathlib.Path(sys.argv[2])
    layers = read_layers(data)
    kinds = [layer[0] for layer in layers]
    if (kinds.count("conv"), kinds.count("affine"), kinds.count("add_prev"), kinds.count("fc")) != (29, 29, 14, 1):
        sys.exit(f"{sys.argv[1]}: not dlib's ResNet of 29 convolutions: {kinds.count('conv')} are there")
    graph, (last, shape) = build(layers)
    body = (graph.nodes + piece(2, "dlib_face_recognition_resnet_model_v1") + graph.initialisers
            + tensor_type(11, "pictures", ["N", 3, SIZE, SIZE]) + tensor_type(12, last, ["N", *shape]))
    model = number(1, 6) + piece(2, "tripletembed") + piece(7, body) + piece(8, piece(1, "") + number(2, 11))
    out.write_bytes(model)
    description = {
        "name": "dlib_face_recognition_resnet_model_v1",
        "terms": "CC0 1.0 (public domain), as its author Davis King states",
        "sha256": hashlib.sha256(model).hexdigest(),
        "made_of": {"file": pathlib.Path(sys.argv[1]).name, "sha256": hashlib.sha256(data).hexdigest()},
        "size": SIZE, "order": "rgb", "mean": MEAN, "scale": SCALE, "five_points": FIVE_POINTS,
    }
    out.with_suffix(".json").write_text(json.dumps(description, indent=2) + "\n")


if __name__ == "__main__":
    main()
