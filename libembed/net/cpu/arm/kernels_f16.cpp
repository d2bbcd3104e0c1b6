// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/cpu/kernels.h"

#if defined(__aarch64__) && defined(__ARM_NEON)
#include "net/cpu/arm/neon_float.h"
#include "net/cpu/winograd_tile.h"

namespace embed::cpu {
namespace {

/// float16 with Armv8.2's arithmetic of it, eight at a time.
struct F16Parts {
  using Sum = uint16x8_t;
  using Word = uint16x8_t;
  using Words = uint16x8_t;
  static constexpr int kLanes = 8, kVectors = 4, kWords = 8, kWordBytes = 2;
  static Sum zero() { return vdupq_n_u16(0); }
  static Word load(const std::uint8_t* p) { return vld1q_u16(reinterpret_cast<const std::uint16_t*>(p)); }
  static Words load_words(const std::uint8_t* p) { return load(p); }
  static Word broadcast(const std::uint8_t* p) {
    return vld1q_dup_u16(reinterpret_cast<const std::uint16_t*>(p));
  }
  static Sum multiply_add(Sum sum, Word weight, Word value) {
    asm(".arch_extension fp16\n\tfmla %0.8h, %1.8h, %2.8h" : "+w"(sum) : "w"(weight), "w"(value));
    return sum;
  }
  /// Takes one of eight out of the first sixteen registers alone.
  template <int kWord>
  static Sum multiply_add_word(Sum sum, Word weight, Words values) {
    asm(".arch_extension fp16\n\tfmla %0.8h, %1.8h, %2.h[%3]"
        : "+w"(sum)
        : "w"(weight), "x"(values), "i"(kWord));
    return sum;
  }
};

/// What is no sum of products is computed in float32.
struct ArmF16 {
  struct Float {
    float32x4_t low, high;
  };
  using Sum = Float;
  using Part = F16Parts;
  static constexpr int kLanes = 8, kVectors = 4, kRows = 6;
  static constexpr int kWordBytes = 2, kPixels = 1, kBytes = 2;
  // Sums of 64 products lose less to their eleven bits than bfloat16's products do to their eight.
  static constexpr int kPartWords = 64;
  static Float widened(uint16x8_t v) {
    const float16x8_t halves = vreinterpretq_f16_u16(v);
    return {vcvt_f32_f16(vget_low_f16(halves)), vcvt_high_f32_f16(halves)};
  }
  static Float to_float(Sum sum) { return sum; }
  static Float load_float(const float* p) { return {vld1q_f32(p), vld1q_f32(p + 4)}; }
  static Float load_half(const std::uint16_t* p) { return widened(vld1q_u16(p)); }
  static Float load_number(const std::uint8_t* p) {
    return load_half(reinterpret_cast<const std::uint16_t*>(p));
  }
  static Float load_bytes(const std::uint8_t* p) {
    const uint16x8_t wide = vmovl_u8(vld1_u8(p));
    return {vcvtq_f32_u32(vmovl_u16(vget_low_u16(wide))), vcvtq_f32_u32(vmovl_high_u16(wide))};
  }
  static void store_float(float* p, Float v) {
    vst1q_f32(p, v.low);
    vst1q_f32(p + 4, v.high);
  }
  static void store_number(std::uint8_t* p, Float v) {
    vst1q_u16(reinterpret_cast<std::uint16_t*>(p),
              vreinterpretq_u16_f16(vcvt_high_f16_f32(vcvt_f16_f32(v.low), v.high)));
  }
  static void store_group(std::uint8_t* p, const Float* v) { store_number(p, v[0]); }
  static Float set(float value) { return {vdupq_n_f32(value), vdupq_n_f32(value)}; }
  static Float minus(Float a, Float b) { return {vsubq_f32(a.low, b.low), vsubq_f32(a.high, b.high)}; }
  static Float plus(Float a, Float b) { return {vaddq_f32(a.low, b.low), vaddq_f32(a.high, b.high)}; }
  static Float times(Float a, Float b) { return {vmulq_f32(a.low, b.low), vmulq_f32(a.high, b.high)}; }
  static Float larger(Float a, Float b) { return {vmaxq_f32(a.low, b.low), vmaxq_f32(a.high, b.high)}; }
  static Float affine(Float x, Float scale, Float shift) {
    return {vfmaq_f32(shift.low, x.low, scale.low), vfmaq_f32(shift.high, x.high, scale.high)};
  }
  static Float relu(Float x) { return larger(x, set(0)); }
};

constexpr Kernels kKernels =
    with_costly_filters(table<ArmF16>("arm-fp16", Number::F16, winograd<ArmF16>, nullptr));

}  // namespace

const Kernels* arm_f16() noexcept {
  return &kKernels;
}

}  // namespace embed::cpu
#else
const embed::cpu::Kernels* embed::cpu::arm_f16() noexcept {
  return nullptr;
}
#endif
