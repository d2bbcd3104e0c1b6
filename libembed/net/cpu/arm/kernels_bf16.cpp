// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/cpu/kernels.h"

#if defined(__aarch64__) && defined(__ARM_NEON)
#include "net/cpu/arm/neon_float.h"
#include "net/cpu/winograd_tile.h"

namespace embed::cpu {
namespace {

/// bfloat16 with Armv8.6's products of 2×4 by 4×2 numbers.
struct ArmBF16 : NeonPairs {
  using Sum = float32x4_t;
  static constexpr int kBytes = 2;
  static Sum zero() { return vdupq_n_f32(0); }
  static Sum multiply_add(Sum sum, Word weights, Word values) {
    asm(".arch_extension bf16\n\tbfmmla %0.4s, %1.8h, %2.8h" : "+w"(sum) : "w"(values), "w"(weights));
    return sum;
  }
  static Float to_float(Sum sum) { return sum; }
  /// A bfloat16 is the upper half of a float32.
  static Float load_number(const std::uint8_t* p) {
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(reinterpret_cast<const std::uint16_t*>(p)), 16));
  }
  /// Four numbers of each lane.
  static void store_group(std::uint8_t* p, const Float* v) {
    const uint16x4x4_t words = {{rounded(v[0]), rounded(v[1]), rounded(v[2]), rounded(v[3])}};
    vst4_u16(reinterpret_cast<std::uint16_t*>(p), words);
  }
  static void store_number(std::uint8_t* p, Float v) {
    vst1_u16(reinterpret_cast<std::uint16_t*>(p), rounded(v));
  }

 private:
  static uint16x4_t rounded(Float v) {
    uint16x4_t result;
    asm(".arch_extension bf16\n\tbfcvtn %0.4h, %1.4s" : "=w"(result) : "w"(v));
    return result;
  }
};

constexpr Kernels kKernels =
    with_costly_filters(table<ArmBF16>("arm-bf16", Number::BF16, winograd<ArmBF16>, nullptr));

}  // namespace

const Kernels* arm_bf16() noexcept {
  return &kKernels;
}

}  // namespace embed::cpu
#else
const embed::cpu::Kernels* embed::cpu::arm_bf16() noexcept {
  return nullptr;
}
#endif
