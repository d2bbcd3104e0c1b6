// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/nn.h>

namespace training {

/// Batch norm in training mode and the ReLU behind it (with `relu`), in two passes over memory each way where
/// separate layers take more: on the CPU, for [N, C, H, W] float32 or bfloat16, which is then handled as
/// channels-last; anything else goes through LibTorch's own layers. Statistics, weight and bias are float32;
/// output and gradient have the input's type. The layer's running statistics follow, as its own forward would
/// have it. The same number of threads gives the same bits. Ioffe and Szegedy, 2015.
torch::Tensor norm_relu(torch::nn::BatchNorm2dImpl& layer, const torch::Tensor& input, bool relu);

}  // namespace training
