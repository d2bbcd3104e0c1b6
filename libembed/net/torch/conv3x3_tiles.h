// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include "net/cpu/kernels.h"

// A 3×3 convolution of bfloat16 with stride 1 and its gradients on tiles (Kernels::tile_train), as conv3x3
// has them. The result does not depend on the number of threads.

namespace embed::nn {

/// The convolution of channels-last pictures, or (`of_input`) of the output's gradient, which gives the
/// input's.
torch::Tensor tiles_convolved(const cpu::Kernels& kernels, const torch::Tensor& input,
                              const torch::Tensor& weight, bool of_input);

/// The gradient of the weights, [out, in, 3, 3] float32, from channels-last input and gradient of the output.
torch::Tensor tiles_gradient(const cpu::Kernels& kernels, const torch::Tensor& input,
                             const torch::Tensor& slope);

}  // namespace embed::nn
