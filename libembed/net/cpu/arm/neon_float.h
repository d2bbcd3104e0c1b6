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
  static constexpr int kWords = 4, kWordBytes = 4, kPixels = 1, kPartWords = 0;
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
  /// To the nearest whole numbers from 0 to 255.
  static std::uint32_t rounded_bytes(Float v) {
    const uint16x4_t wide = vqmovn_u32(vcvtnq_u32_f32(v));
    return vget_lane_u32(vreinterpret_u32_u8(vqmovn_u16(vcombine_u16(wide, wide))), 0);
  }
};

/// For instructions that multiply words of two pixels by those of two channels. 24 sums, 6 words of pairs of
/// pixels and 2 of pairs of channels fill the registers.
struct NeonPairs : NeonFloat {
  static constexpr int kWordBytes = 8, kPixels = 2;
  using Word = uint8x16_t;
  static Word load(const std::uint8_t* p) { return vld1q_u8(p); }
  static Word load_pair(const std::uint8_t* p, const std::uint8_t* q) {
    return vcombine_u8(vld1_u8(p), vld1_u8(q));
  }
  /// Two words of two pixels.
  static void load_pairs(const std::uint8_t* p, const std::uint8_t* q, Word& words, Word& next) {
    words = load(p);
    next = load(q);
    exchange(words, next);
    // Weights that compilers load before these push a sum out of the registers.
    asm volatile("" : "+w"(words), "+w"(next) : : "memory");
  }
  /// (a, b), (c, d) → (a, c), (b, d)
  template <class Vector>
  static void exchange(Vector& one, Vector& other) {
    const auto first = (uint64x2_t)one, second = (uint64x2_t)other;
    one = (Vector)vzip1q_u64(first, second);
    other = (Vector)vzip2q_u64(first, second);
  }
};

/// A pass of one face would spend a third of its instructions on transforming the last stages' filters.
constexpr Kernels with_costly_filters(Kernels kernels) {
  kernels.filter_tiles = 6;
  return kernels;
}

}  // namespace
}  // namespace embed::cpu
