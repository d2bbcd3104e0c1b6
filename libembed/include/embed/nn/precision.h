// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

namespace embed::nn {

/// Whether that device multiplies bfloat16 natively: every GPU, CPUs with AVX512-BF16, and arm64's with
/// FEAT_BF16. Elsewhere bfloat16 is computed in software, a hundred times slower than float32. Any thread.
bool has_native_bf16(torch::Device device);

/// Whether bfloat16 is the faster precision on that device. It is where it is native, except on Intel's CPUs
/// without AMX (or whose system does not enable its tiles): those multiply no more bfloat16 than float32
/// numbers at a time, so that float32 with its larger Winograd tiles is faster. Any thread.
bool prefers_bf16(torch::Device device);

}  // namespace embed::nn
