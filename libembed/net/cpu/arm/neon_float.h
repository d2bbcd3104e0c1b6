// SPDX-License-Identifier: LGPL-2.1-or-later
// What arm64's kernels share: four floats at a time. Included by the kernels_*.cpp files of this folder
// alone.
#pragma once

#include <arm_neon.h>

#include <cstdint>
#include <cstring>

#include "net/cpu/kernels.h"

namespace embed::cpu {
namespace {

struct NeonFloat {
  using Float = float32x4_t;
  static constexpr int kLanes = 4;
  // 24 sums, 6 pixels' words and a pair of weights fill the 32 registers.
  static constexpr int kVectors = 4;
  static constexpr int kRows = 6;
  // A pixel's words come four with one load, and the instructions take any one of them: loading each for
  // itself and spreading it out would keep the multipliers waiting.
  static constexpr int kWords = 4;
  static Float load_float(const float* p) { return vld1q_f32(p); }
  static Float load_half(const std::uint16_t* p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
  static void store_float(float* p, Float v) { vst1q_f32(p, v); }
  static Float load_bytes(const std::uint8_t* p) {
    std::uint32_t bytes;
    std::memcpy(&bytes, p, sizeof bytes);
    const uint8x8_t narrow = vreinterpret_u8_u32(vdup_n_u32(bytes));
    return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(narrow))));
  }
  static Float set(float value) { return vdupq_n_f32(value); }
  static Float minus(Float a, Float b) { return vsubq_f32(a, b); }
  static Float plus(Float a, Float b) { return vaddq_f32(a, b); }
  static Float times(Float a, Float b) { return vmulq_f32(a, b); }
  static Float larger(Float a, Float b) { return vmaxq_f32(a, b); }
  static Float affine(Float x, Float scale, Float shift) { return vfmaq_f32(shift, x, scale); }
  static Float relu(Float x) { return vmaxq_f32(x, vdupq_n_f32(0)); }
};

/// A pass of one face would spend a third of its instructions on transforming the last stages' filters.
constexpr Kernels with_costly_filters(Kernels kernels) {
  kernels.filter_tiles = 6;
  return kernels;
}

}  // namespace
}  // namespace embed::cpu
