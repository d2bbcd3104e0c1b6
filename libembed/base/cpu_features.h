// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

namespace embed {

/// What this CPU has beyond the instructions that every machine of its family runs, as far as the library has
/// code for it and the system lets this process use it. All false on families other than x86-64 and arm64.
struct CpuFeatures {
  bool sha = false;          ///< SHA's rounds, with SSE4.1.
  bool avx2 = false;         ///< AVX2, FMA and F16C.
  bool avx512 = false;       ///< AVX-512's F, BW, VL and DQ, beside AVX2.
  bool avx512_vbmi = false;  ///< Byte permutes.
  bool avx512_vnni = false;  ///< Sums of byte products.
  bool avx512_bf16 = false;  ///< Sums of bfloat16 products.
  bool amx_bf16 = false;     ///< Products of tiles of bfloat16, which the system has granted.
  bool amx_int8 = false;     ///< Products of tiles of bytes, likewise.
  bool neon = false;         ///< arm64's Advanced SIMD, which every such CPU has that runs Debian.
  bool arm_f16 = false;      ///< Arithmetic of float16 beside it (Armv8.2's half precision).
  bool arm_dot = false;      ///< Sums of byte products beside it (Armv8.2's dot product).
  bool arm_i8mm = false;     ///< Products of 2×8 by 8×2 bytes beside it (Armv8.6's i8mm).
  bool arm_bf16 = false;     ///< Sums and small matrices of bfloat16 products beside it (Armv8.6).
};

/// Asks the CPU, and the system for AMX's tiles, at the first call and remembers the answer. The one place
/// that asks. Any thread.
const CpuFeatures& cpu_features() noexcept;

/// While it lives, cpu_features() has no more than this: for tests of what a smaller CPU would run. Tests
/// make one on one thread, while nothing else runs.
class CpuFeaturesMask {
 public:
  explicit CpuFeaturesMask(const CpuFeatures& most) noexcept;
  ~CpuFeaturesMask();
  CpuFeaturesMask(const CpuFeaturesMask&) = delete;
  CpuFeaturesMask& operator=(const CpuFeaturesMask&) = delete;
};

}  // namespace embed
