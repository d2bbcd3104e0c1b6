// SPDX-License-Identifier: LGPL-2.1-or-later
// AVX2's kernels that read a crop out of the cells.
#if defined(__x86_64__) && defined(__GNUC__)

#include "image/crop_taps.h"
#include "image/x86/crop_avx2.h"

namespace embed {

namespace {

/// What blend reads, in variables of its own: bytes that are written may be anybody's, and would make the
/// compiler fetch the pointers again for each pixel.
struct Taps {
  const char* origin;
  const std::int32_t* offset;
  const std::uint32_t* weights;
  std::ptrdiff_t row;          // Bytes from a cell to the one below.
  std::ptrdiff_t plan_stride;  // See CropKernels::blend.
};

/// The taps of two pixels, a 128-bit lane each: what the cells on the left add, then those on the right.
template <int kTaps>
EMBED_AVX2_INLINE __m256i blend_two(const Taps& taps, std::ptrdiff_t column) {
  // Each lane of a cell takes the cell's weight, of the four that each pixel has.
  const __m256i above = _mm256_setr_epi8(0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 2, 3,  //
                                         8, 9, 8, 9, 8, 9, 8, 9, 10, 11, 10, 11, 10, 11, 10, 11);
  const __m256i below = _mm256_add_epi8(above, _mm256_set1_epi8(4));
  constexpr std::ptrdiff_t kBytes = sizeof(std::int16_t);
  __m256i sum = _mm256_setzero_si256();
  for (int tap = 0; tap < kTaps; ++tap) {
    const std::ptrdiff_t i = tap * taps.plan_stride + column;
    const char* first = taps.origin + taps.offset[i] * kBytes;
    const char* second = taps.origin + taps.offset[i + 1] * kBytes;
    const __m256i weights = _mm256_broadcastsi128_si256(load_half(taps.weights + 2 * i));
    const __m256i share =
        _mm256_add_epi16(_mm256_mulhrs_epi16(load_lanes(first, second), _mm256_shuffle_epi8(weights, above)),
                         _mm256_mulhrs_epi16(load_lanes(first + taps.row, second + taps.row),
                                             _mm256_shuffle_epi8(weights, below)));
    sum = tap == 0 ? share : _mm256_add_epi16(sum, share);
  }
  return sum;
}

template <int kTaps>
EMBED_AVX2_INLINE void blend_row(const Taps& taps, int width, __m128i order, int bytes, std::uint8_t* out) {
  constexpr int kShift = kCellBits - 1 + kTaps - 1;
  const __m256i half = _mm256_set1_epi16(1 << (kShift - 1));
  // A line of the plan is a whole number of fours long, and what is behind the last pixel lies in the slack.
  for (std::ptrdiff_t column = 0; column < width; column += 4, out += 4 * bytes) {
    const __m256i first = blend_two<kTaps>(taps, column);
    const __m256i last = blend_two<kTaps>(taps, column + 2);
    // Pixels 0 and 2, then 1 and 3.
    const __m256i sum =
        _mm256_add_epi16(_mm256_unpacklo_epi64(first, last), _mm256_unpackhi_epi64(first, last));
    const __m256i wide = _mm256_srli_epi16(_mm256_add_epi16(sum, half), kShift);
    const __m256i narrow = _mm256_packus_epi16(wide, wide);
    const __m128i pixels =
        _mm_unpacklo_epi32(_mm256_castsi256_si128(narrow), _mm256_extracti128_si256(narrow, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_shuffle_epi8(pixels, order));
  }
}

}  // namespace

EMBED_AVX2 void plan_taps_avx2(const TapLine& line, const TapPlan& plan) {
  plan_taps_inline(line, plan);
}

EMBED_AVX2 void blend_avx2(const CellRows& cells, const TapPlan& plan, std::ptrdiff_t plan_stride, int width,
                           int taps, LaneOrder order, std::uint8_t* out) {
  // Of four pixels of four bytes each, by LaneOrder.
  constexpr char z = -1;
  alignas(16) static constexpr char kOrders[4][16] = {{0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, z, z, z, z},
                                                      {2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, z, z, z, z},
                                                      {0, 0, 0, 4, 4, 4, 8, 8, 8, 12, 12, 12, z, z, z, z},
                                                      {0, 4, 8, 12, z, z, z, z, z, z, z, z, z, z, z, z}};
  const __m128i mask = load_half(kOrders[static_cast<int>(order)]);
  const Taps read{reinterpret_cast<const char*>(cells.origin), plan.offset, plan.weights,
                  cells.stride * kLanes * static_cast<std::ptrdiff_t>(sizeof(std::int16_t)), plan_stride};
  const int bytes = order == LaneOrder::Grey ? 1 : 3;
  if (taps == 2) return blend_row<2>(read, width, mask, bytes, out);
  blend_row<1>(read, width, mask, bytes, out);
}

}  // namespace embed

#endif
