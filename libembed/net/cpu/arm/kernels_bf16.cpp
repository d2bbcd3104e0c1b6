// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/cpu/kernels.h"

#if defined(__aarch64__) && defined(__ARM_NEON)
#include "net/cpu/arm/neon_float.h"
#include "net/cpu/winograd_tile.h"

namespace embed::cpu {
namespace {

/// bfloat16 with the sums of two products that Armv8.6 has.
struct ArmBF16 : NeonFloat {
  using Sum = float32x4_t;
  using Word = uint16x8_t;
  using Words = uint16x8_t;
  static constexpr int kBytes = 2;
  static Sum zero() { return vdupq_n_f32(0); }
  static Word load(const std::uint8_t* p) { return vld1q_u16(reinterpret_cast<const std::uint16_t*>(p)); }
  static Words load_words(const std::uint8_t* p) { return load(p); }
  static Word broadcast(const std::uint8_t* p) {
    std::uint32_t word;
    std::memcpy(&word, p, sizeof word);
    return vreinterpretq_u16_u32(vdupq_n_u32(word));
  }
  static Sum multiply_add(Sum sum, Word weight, Word value) {
    asm(".arch_extension bf16\n\tbfdot %0.4s, %1.8h, %2.8h" : "+w"(sum) : "w"(weight), "w"(value));
    return sum;
  }
  template <int kWord>
  static Sum multiply_add_word(Sum sum, Word weight, Words values) {
    asm(".arch_extension bf16\n\tbfdot %0.4s, %1.8h, %2.2h[%3]"
        : "+w"(sum)
        : "w"(weight), "w"(values), "i"(kWord));
    return sum;
  }
  static Float to_float(Sum sum) { return sum; }
  /// A bfloat16 is the upper half of a float32.
  static Float load_number(const std::uint8_t* p) {
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(reinterpret_cast<const std::uint16_t*>(p)), 16));
  }
  /// Pairs (first, second) of each lane.
  static void store_group(std::uint8_t* p, const Float* v) {
    const uint16x4_t first = rounded(v[0]), second = rounded(v[1]);
    vst1q_u16(reinterpret_cast<std::uint16_t*>(p),
              vcombine_u16(vzip1_u16(first, second), vzip2_u16(first, second)));
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
