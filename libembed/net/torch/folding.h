// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include "embed/model_info.h"
#include "embed/nn/resnet18_v2.h"
#include "net/cpu/net_parameters.h"

namespace embed {

/// A batch norm with fixed statistics is scale · x + shift (Ioffe and Szegedy 2015): [C] float64 on the CPU,
/// so that what is folded is rounded once, to the working precision.
struct ScaleShift {
  torch::Tensor scale, shift;
};
ScaleShift scale_shift(const torch::nn::BatchNorm2d& layer);

/// A convolution's weights [out, in, k, k] float64, times the scale of the batch norm behind it if there is
/// one.
torch::Tensor folded_weights(const torch::nn::Conv2d& layer, const torch::nn::BatchNorm2d* behind);

/// From the input's bytes to what the stem takes, [C]: byte → [0, 1] → mean and std → the input batch norm.
/// Not folded into the stem: its zero padding stands for zeros after the batch norm.
ScaleShift input_scale_shift(const nn::ResNet18V2& network, const InputSpec& input);

/// The whole network as plain numbers.
cpu::NetParameters folded_parameters(const nn::ResNet18V2& network, const ModelInfo& info);

}  // namespace embed
