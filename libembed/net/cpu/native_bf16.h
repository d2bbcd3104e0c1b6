// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace embed::cpu {

/// Whether this CPU multiplies bfloat16 itself, and the library has kernels for that. Any thread.
bool has_native_bf16() noexcept;

/// Whether bfloat16 is the faster precision on this CPU. It is where it is native, except on Intel's CPUs
/// without AMX (or whose system does not enable its tiles): those multiply no more bfloat16 than float32
/// numbers at a time, so that float32 with its larger Winograd tiles is faster; and on arm64, where bfloat16
/// takes fewer instructions, but nobody has measured it. Any thread.
bool prefers_bf16() noexcept;

}  // namespace embed::cpu
