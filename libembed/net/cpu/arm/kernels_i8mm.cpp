// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/cpu/kernels.h"

#if defined(__aarch64__) && defined(__ARM_NEON)
#include "net/cpu/arm/neon_float.h"
#include "net/cpu/conv_tile.h"

namespace embed::cpu {
namespace {

/// 8-bit numbers with Armv8.6's products of 2×8 by 8×2, which are of unsigned values and signed weights.
struct ArmI8mmU8 : NeonPairs {
  using Sum = int32x4_t;
  static constexpr int kBytes = 1;
  static Sum zero() { return vdupq_n_s32(0); }
  static Sum multiply_add(Sum sum, Word weights, Word values) {
    asm(".arch_extension i8mm\n\tusmmla %0.4s, %1.16b, %2.16b" : "+w"(sum) : "w"(values), "w"(weights));
    return sum;
  }
  static Float to_float(Sum sum) { return vcvtq_f32_s32(sum); }
  static void store_number(std::uint8_t* p, Float v) {
    const std::uint32_t bytes = rounded_bytes(v);
    std::memcpy(p, &bytes, sizeof bytes);
  }
};

constexpr Kernels kKernels = table<ArmI8mmU8>("arm-i8mm", Number::U8, nullptr, nullptr);

}  // namespace

const Kernels* arm_i8mm_u8() noexcept {
  return &kKernels;
}

}  // namespace embed::cpu
#else
const embed::cpu::Kernels* embed::cpu::arm_i8mm_u8() noexcept {
  return nullptr;
}
#endif
