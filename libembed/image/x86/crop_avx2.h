// SPDX-License-Identifier: LGPL-2.1-or-later
// What the files of AVX2's crop kernels share. Their functions are compiled for it alone: the rest of the
// library runs without. Included by the crop_*_avx2.cpp files alone, on x86-64.
#pragma once

#include <immintrin.h>

#include "image/crop_kernels.h"

#define EMBED_AVX2 __attribute__((target("avx2")))
#define EMBED_AVX2_INLINE inline __attribute__((always_inline, target("avx2")))

namespace embed {

/// CropKernels::plan_taps and blend.
void plan_taps_avx2(const TapLine& line, const TapPlan& plan);
void blend_avx2(const CellRows& cells, const TapPlan& plan, std::ptrdiff_t plan_stride, int width, int taps,
                LaneOrder order, std::uint8_t* out);

namespace {

EMBED_AVX2_INLINE __m256i load(const void* from) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}

EMBED_AVX2_INLINE void store(void* to, __m256i value) {
  _mm256_storeu_si256(static_cast<__m256i*>(to), value);
}

EMBED_AVX2_INLINE __m128i load_half(const void* from) {
  return _mm_loadu_si128(static_cast<const __m128i*>(from));
}

EMBED_AVX2_INLINE __m256i load_lanes(const void* first, const void* second) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(load_half(first)), load_half(second), 1);
}

}  // namespace

}  // namespace embed
