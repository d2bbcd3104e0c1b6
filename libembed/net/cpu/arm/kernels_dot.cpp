// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/cpu/kernels.h"

#if defined(__aarch64__) && defined(__ARM_NEON)
#include "net/cpu/arm/neon_float.h"
#include "net/cpu/conv_tile.h"

namespace embed::cpu {
namespace {

/// 8-bit numbers with Armv8.2's sums of byte products, which are of signed bytes alone: values are stored
/// less 128, and a sum begins with what that takes away (ConvOutput::start).
struct ArmDotU8 : NeonFloat {
  using Sum = int32x4_t;
  using Word = int8x16_t;
  using Words = int8x16_t;
  static constexpr int kBytes = 1;
  static Sum zero() { return vdupq_n_s32(0); }
  static Word load(const std::uint8_t* p) { return vld1q_s8(reinterpret_cast<const std::int8_t*>(p)); }
  static Words load_words(const std::uint8_t* p) { return load(p); }
  static Word broadcast(const std::uint8_t* p) {
    std::uint32_t word;
    std::memcpy(&word, p, sizeof word);
    return vreinterpretq_s8_u32(vdupq_n_u32(word));
  }
  static Sum multiply_add(Sum sum, Word weight, Word value) {
    asm(".arch_extension dotprod\n\tsdot %0.4s, %1.16b, %2.16b" : "+w"(sum) : "w"(weight), "w"(value));
    return sum;
  }
  template <int kWord>
  static Sum multiply_add_word(Sum sum, Word weight, Words values) {
    asm(".arch_extension dotprod\n\tsdot %0.4s, %1.16b, %2.4b[%3]"
        : "+w"(sum)
        : "w"(weight), "w"(values), "i"(kWord));
    return sum;
  }
  static Float to_float(Sum sum) { return vcvtq_f32_s32(sum); }
  static void store_number(std::uint8_t* p, Float v) {
    const std::uint32_t centred = rounded_bytes(v) ^ 0x80808080U;
    std::memcpy(p, &centred, sizeof centred);
  }
};

constexpr Kernels with_centred_values(Kernels kernels) {
  kernels.centred = true;
  return kernels;
}
constexpr Kernels kKernels = with_centred_values(table<ArmDotU8>("arm-dot", Number::U8, nullptr, nullptr));

}  // namespace

const Kernels* arm_dot_u8() noexcept {
  return &kKernels;
}

}  // namespace embed::cpu
#else
const embed::cpu::Kernels* embed::cpu::arm_dot_u8() noexcept {
  return nullptr;
}
#endif
