// SPDX-License-Identifier: LGPL-2.1-or-later
// What the AVX-512 kernels share: sixteen floats at a time. Included by the kernels_avx512*.cpp files alone.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace embed::cpu {
namespace {

struct Avx512Float {
  using Float = __m512;
  static constexpr int kLanes = 16;
  // 28 sums and 4 weights fill the 32 registers; the pixel's word is broadcast from memory.
  static constexpr int kVectors = 4;
  static constexpr int kRows = 7;
  static constexpr int kWords = 1, kWordBytes = 4, kPixels = 1, kPartWords = 0;
  static Float load_float(const float* p) { return _mm512_loadu_ps(p); }
  static Float load_half(const std::uint16_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static void store_float(float* p, Float v) { _mm512_storeu_ps(p, v); }
  static Float load_bytes(const std::uint8_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  static Float set(float value) { return _mm512_set1_ps(value); }
  static Float minus(Float a, Float b) { return _mm512_sub_ps(a, b); }
  static Float plus(Float a, Float b) { return _mm512_add_ps(a, b); }
  static Float times(Float a, Float b) { return _mm512_mul_ps(a, b); }
  static Float larger(Float a, Float b) { return _mm512_max_ps(a, b); }
  static Float affine(Float x, Float scale, Float shift) { return _mm512_fmadd_ps(x, scale, shift); }
  static Float relu(Float x) { return _mm512_max_ps(x, _mm512_setzero_ps()); }
};

/// Words of several numbers, for the instructions that sum their products.
struct Avx512Words : Avx512Float {
  using Word = __m512i;
  static Word load(const std::uint8_t* p) { return _mm512_load_si512(p); }
  static Word broadcast(const std::uint8_t* p) {
    std::int32_t value;
    std::memcpy(&value, p, sizeof value);
    return _mm512_set1_epi32(value);
  }
};

}  // namespace
}  // namespace embed::cpu
