// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

namespace embed::nn {

/// Whether conv3x3 computes this on this library's own kernels. It does on a CPU with AVX2 (float32),
/// AVX512-BF16 or AMX (bfloat16), for an input [N, in, H, W] of float32 or bfloat16 and a weight [out, in, 3,
/// 3] of float32, with in and out multiples of 64. Any thread.
bool conv3x3_is_ours(const torch::Tensor& input, const torch::Tensor& weight);

/// A 3×3 convolution with stride 1 and padding 1, without bias, for training. It gives the numbers of
/// torch::conv2d up to rounding, and is differentiable in both arguments. The output has the input's type and
/// is channels-last in memory, as the input should be (else it is copied); the weight's gradient is float32.
///
/// Forward and backward it uses Winograd's minimal filtering, F(4×4, 3×3) or F(2×2, 3×3) (Lavin and Gray,
/// 2016). On AMX's tiles it convolves directly, with the weights rounded to bfloat16. The result does not
/// depend on the number of threads. Where conv3x3_is_ours is false it calls torch::conv2d. Any thread.
torch::Tensor conv3x3(const torch::Tensor& input, const torch::Tensor& weight);

}  // namespace embed::nn
