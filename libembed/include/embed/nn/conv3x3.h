// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

namespace embed::nn {

/// Whether conv3x3 computes this on kernels of our own: on a CPU with AVX2 (float32), AVX512-BF16 or AMX
/// (bfloat16), input [N, in, H, W] float32 or bfloat16, weight [out, in, 3, 3] float32, in and out multiples
/// of 64.
bool conv3x3_is_ours(const torch::Tensor& input, const torch::Tensor& weight);

/// A 3×3 convolution with stride 1 and padding 1, without bias, for training: the same numbers as
/// torch::conv2d up to rounding, and differentiable in both. Input and output are channels-last in memory (an
/// input that is not is copied) and of the input's type; the weight's gradient is float32. Winograd's minimal
/// filtering forward and backward: F(4×4, 3×3) or F(2×2, 3×3), Lavin and Gray, 2016; directly on AMX's tiles,
/// where the weights are rounded to bfloat16. The result does not depend on the number of threads. Where
/// conv3x3_is_ours is false this is torch::conv2d. Any thread.
torch::Tensor conv3x3(const torch::Tensor& input, const torch::Tensor& weight);

}  // namespace embed::nn
