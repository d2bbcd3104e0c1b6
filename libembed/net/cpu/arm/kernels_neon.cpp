// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/cpu/kernels.h"

#if defined(__aarch64__) && defined(__ARM_NEON)
#include "net/cpu/arm/neon_float.h"
#include "net/cpu/winograd_tile.h"

namespace embed::cpu {
namespace {

struct NeonF32 : NeonFloat {
  using Sum = float32x4_t;
  using Word = float32x4_t;
  using Words = float32x4_t;
  static constexpr int kBytes = 4;
  static Sum zero() { return vdupq_n_f32(0); }
  static Word load(const std::uint8_t* p) { return vld1q_f32(reinterpret_cast<const float*>(p)); }
  static Words load_words(const std::uint8_t* p) { return load(p); }
  static Word broadcast(const std::uint8_t* p) { return vld1q_dup_f32(reinterpret_cast<const float*>(p)); }
  static Sum multiply_add(Sum sum, Word weight, Word value) { return vfmaq_f32(sum, weight, value); }
  template <int kWord>
  static Sum multiply_add_word(Sum sum, Word weight, Words values) {
    asm("fmla %0.4s, %1.4s, %2.s[%3]" : "+w"(sum) : "w"(weight), "w"(values), "i"(kWord));
    return sum;
  }
  static Float to_float(Sum sum) { return sum; }
  static Float load_number(const std::uint8_t* p) { return load(p); }
  static void store_group(std::uint8_t* p, const Float* v) { store_number(p, v[0]); }
  static void store_number(std::uint8_t* p, Float v) { vst1q_f32(reinterpret_cast<float*>(p), v); }
};

constexpr Kernels kKernels =
    with_costly_filters(table<NeonF32>("neon", Number::F32, winograd<NeonF32>, nullptr));

}  // namespace

const Kernels* neon_f32() noexcept {
  return &kKernels;
}

}  // namespace embed::cpu
#else
const embed::cpu::Kernels* embed::cpu::neon_f32() noexcept {
  return nullptr;
}
#endif
