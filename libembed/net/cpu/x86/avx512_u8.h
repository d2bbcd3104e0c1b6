// SPDX-License-Identifier: LGPL-2.1-or-later
// 8-bit numbers with AVX-512's VNNI. Included by kernels_*.cpp files alone that are compiled for it.
#pragma once

#include "net/cpu/x86/avx512_float.h"

namespace embed::cpu {
namespace {

struct Avx512U8 : Avx512Words {
  using Sum = __m512i;
  static constexpr int kBytes = 1;
  static Sum zero() { return _mm512_setzero_si512(); }
  static Sum multiply_add(Sum sum, Word weight, Word value) {
    return _mm512_dpbusd_epi32(sum, value, weight);  // Unsigned values times signed weights.
  }
  static Float to_float(Sum sum) { return _mm512_cvtepi32_ps(sum); }
  static void store_number(std::uint8_t* p, Float v) {
    // Never negative, so the signed conversion may be saturated as if it were unsigned.
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtusepi32_epi8(_mm512_cvtps_epi32(v)));
  }
};

}  // namespace
}  // namespace embed::cpu
