// SPDX-License-Identifier: LGPL-2.1-or-later
// bfloat16 with AVX-512. Included by kernels_*.cpp files alone that are compiled for it.
#pragma once

#include "net/cpu/x86/avx512_float.h"

namespace embed::cpu {
namespace {

struct Avx512BF16 : Avx512Words {
  using Sum = __m512;
  static constexpr int kBytes = 2;
  static Sum zero() { return _mm512_setzero_ps(); }
  static Sum multiply_add(Sum sum, Word weight, Word value) {
    return _mm512_dpbf16_ps(sum, (__m512bh)weight, (__m512bh)value);
  }
  static Float to_float(Sum sum) { return sum; }
  static Float load_number(const std::uint8_t* p) {
    const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
  }
  /// Pairs (first, second) of each lane.
  static void store_group(std::uint8_t* p, const Float* v) {
    const __m512i both = (__m512i)_mm512_cvtne2ps_pbh(v[1], v[0]);
    alignas(64) static const std::uint16_t kPairs[32] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                                         21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                                         11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    _mm512_storeu_si512(p, _mm512_permutexvar_epi16(_mm512_load_si512(kPairs), both));
  }
  static void store_number(std::uint8_t* p, Float v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), (__m256i)_mm512_cvtneps_pbh(v));
  }
};

}  // namespace
}  // namespace embed::cpu
