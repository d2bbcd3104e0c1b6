# SPDX-License-Identifier: LGPL-2.1-or-later
"""ResNet18-v2 in PyTorch, and libembed's weights in it: what PyTorch itself runs beside libembed."""
import json

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


class Block(nn.Module):
    def __init__(self, inner, outer, stride):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inner), nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(outer), nn.Conv2d(outer, outer, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(inner, outer, 1, stride, bias=False) if stride != 1 or inner != outer else None

    def forward(self, x):
        active = torch.relu_(self.bn1(x))
        carried = x if self.shortcut is None else self.shortcut(active)
        return self.conv2(torch.relu_(self.bn2(self.conv1(active)))).add_(carried)


class ResNet18V2(nn.Module):
    """[N, C, H, W] float32 → [N, 128]."""

    def __init__(self, channels, head="l2"):
        super().__init__()
        self.head = head
        self.input_bn, self.stem_conv = nn.BatchNorm2d(channels, affine=False), nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
        self.stem_bn, self.final_bn, self.dense = nn.BatchNorm2d(64), nn.BatchNorm2d(512), nn.Linear(512, 128)
        for number, (inner, outer) in enumerate(((64, 64), (64, 128), (128, 256), (256, 512)), 1):
            setattr(self, f"stage{number}", nn.Sequential(Block(inner, outer, 1 if inner == outer else 2),
                                                          Block(outer, outer, 1)))

    def forward(self, x):
        x = self.stem_conv(self.input_bn(x))
        x = nn.functional.max_pool2d(torch.relu_(self.stem_bn(x)), 3, 2, 1)
        x = self.stage4(self.stage3(self.stage2(self.stage1(x))))
        x = self.dense(torch.relu_(self.final_bn(x)).mean((2, 3)))
        return {"l2": nn.functional.normalize, "sigmoid": torch.sigmoid, "linear": lambda value: value}[self.head](x)


KINDS = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def fold(network):
    """Each batch norm behind a convolution into it, by PyTorch's own means."""
    network.stem_conv = fuse_conv_bn_eval(network.stem_conv, network.stem_bn)
    network.stem_bn = nn.Identity()
    for block in network.modules():
        if isinstance(block, Block):
            block.conv1, block.bn2 = fuse_conv_bn_eval(block.conv1, block.bn2), nn.Identity()


def load(path):
    """The network of one of libembed's weights files for inference in float32; its input is the crop's bytes as numbers.
    `network.picture` is what the file says of that crop."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        content = bytearray(file.read())
    metadata, tensors = header.pop("__metadata__"), {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = torch.frombuffer(content[begin:end], dtype=KINDS[entry["dtype"]]).reshape(entry["shape"]).float()
    picture = json.loads(metadata["input"])
    network = ResNet18V2(picture["channels"], metadata["head"])
    tensors.update((name, count) for name, count in network.state_dict().items() if name.endswith("num_batches_tracked"))
    network.load_state_dict(tensors)
    # ((x / 255 − mean) / std − running mean) / √(running variance + ε) as one batch norm of x.
    mean, std, norm = torch.tensor(picture["mean"]), torch.tensor(picture["std"]), network.input_bn
    norm.running_mean.copy_(255 * (mean + std * norm.running_mean))
    norm.running_var.copy_((255 * std) ** 2 * (norm.running_var + norm.eps) - norm.eps)
    network.eval()
    fold(network)
    network.picture = picture
    return network
