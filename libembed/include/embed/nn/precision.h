// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

namespace embed::nn {

/// Whether that device multiplies bfloat16 natively: every GPU, and CPUs with AVX512-BF16. Elsewhere bfloat16
/// is computed in software, a hundred times slower than float32. Any thread.
bool has_native_bf16(torch::Device device);

/// Whether bfloat16 is the faster precision there: where it is native, but for Intel's CPUs without AMX (or
/// whose system gives its tiles to nobody), which multiply no more bfloat16 than float32 numbers at a time,
/// and float32's larger Winograd tiles then win. Any thread.
bool prefers_bf16(torch::Device device);

}  // namespace embed::nn
