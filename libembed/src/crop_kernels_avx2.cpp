// SPDX-License-Identifier: LGPL-2.1-or-later
// The kernels for AVX2, in functions compiled for it alone: the rest of the library runs without.
#include "crop_kernels.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "crop_taps.h"

#define EMBED_AVX2 __attribute__((target("avx2")))
#define EMBED_AVX2_INLINE inline __attribute__((always_inline, target("avx2")))

namespace embed {

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

/// Of 32 (16) bytes the first `there`; the others zero.
EMBED_AVX2_INLINE __m256i load_up_to(const std::uint8_t* from, int there) {
  if (there >= 32) return load(from);
  std::uint8_t bytes[32] = {};
  std::memcpy(bytes, from, static_cast<std::size_t>(there));
  return load(bytes);
}

EMBED_AVX2_INLINE __m128i load_half_up_to(const std::uint8_t* from, int there) {
  if (there >= 16) return load_half(from);
  std::uint8_t bytes[16] = {};
  std::memcpy(bytes, from, static_cast<std::size_t>(there));
  return load_half(bytes);
}

EMBED_AVX2 void sum_bytes(const std::uint8_t* first, std::ptrdiff_t stride, int rows, int count, int readable,
                          std::uint16_t* sums) {
  int i = 0;
  for (; i < count && i + 64 <= readable; i += 64) {
    __m256i sum[4] = {};
    const std::uint8_t* bytes = first + i;
    for (int row = 0; row < rows; ++row, bytes += stride) {
      for (int part = 0; part < 4; ++part) {
        sum[part] = _mm256_add_epi16(sum[part], _mm256_cvtepu8_epi16(load_half(bytes + 16 * part)));
      }
    }
    for (int part = 0; part < 4; ++part) store(sums + i + 16 * part, sum[part]);
  }
  if (i < count)
    portable_crop_kernels().sum_bytes(first + i, stride, rows, count - i, readable - i, sums + i);
}

/// What the chroma of 32 pixels adds to each colour, in 64ths: pixels 0–7 and 16–23, then the others.
struct Chroma {
  __m256i red[2], green[2], blue[2];
};

template <bool kPairs>
EMBED_AVX2_INLINE void load_chroma(const ImageView& image, const YuvGains& gains, int x, int y,
                                   Chroma& chroma) {
  const int pairs_left = (image.width + 1) / 2 - x / 2;
  const __m256i sign = _mm256_set1_epi16(-0x8000);
  __m256i u, v;  // (value − 128) · 256
  if constexpr (kPairs) {
    const __m256i uv = load_up_to(image.planes[1] + y / 2 * image.strides[1] + x, 2 * pairs_left);
    u = _mm256_xor_si256(_mm256_slli_epi16(uv, 8), sign);
    v = _mm256_xor_si256(_mm256_and_si256(uv, _mm256_set1_epi16(-0x100)), sign);
  } else {
    const __m128i u8 = load_half_up_to(image.planes[1] + y / 2 * image.strides[1] + x / 2, pairs_left);
    const __m128i v8 = load_half_up_to(image.planes[2] + y / 2 * image.strides[2] + x / 2, pairs_left);
    u = _mm256_xor_si256(_mm256_slli_epi16(_mm256_cvtepu8_epi16(u8), 8), sign);
    v = _mm256_xor_si256(_mm256_slli_epi16(_mm256_cvtepu8_epi16(v8), 8), sign);
  }
  const __m256i red = _mm256_mulhrs_epi16(v, _mm256_set1_epi16(gains.red_v));
  const __m256i blue = _mm256_mulhrs_epi16(u, _mm256_set1_epi16(gains.blue_u));
  const __m256i green = _mm256_add_epi16(_mm256_mulhrs_epi16(u, _mm256_set1_epi16(gains.green_u)),
                                         _mm256_mulhrs_epi16(v, _mm256_set1_epi16(gains.green_v)));
  chroma.red[0] = _mm256_unpacklo_epi16(red, red), chroma.red[1] = _mm256_unpackhi_epi16(red, red);
  chroma.green[0] = _mm256_unpacklo_epi16(green, green);
  chroma.green[1] = _mm256_unpackhi_epi16(green, green);
  chroma.blue[0] = _mm256_unpacklo_epi16(blue, blue), chroma.blue[1] = _mm256_unpackhi_epi16(blue, blue);
}

/// One colour of 32 pixels of a row as bytes.
EMBED_AVX2_INLINE __m256i colour(const __m256i* level, const __m256i* chroma) {
  return _mm256_packus_epi16(_mm256_srai_epi16(_mm256_adds_epi16(level[0], chroma[0]), 6),
                             _mm256_srai_epi16(_mm256_adds_epi16(level[1], chroma[1]), 6));
}

/// Adds one colour of 32 pixels of two rows to its sums.
EMBED_AVX2_INLINE void add_two(__m256i upper, __m256i lower, __m256i* sum) {
  const __m256i ones = _mm256_set1_epi8(1);
  sum[0] = _mm256_add_epi16(sum[0], _mm256_maddubs_epi16(_mm256_unpacklo_epi8(upper, lower), ones));
  sum[1] = _mm256_add_epi16(sum[1], _mm256_maddubs_epi16(_mm256_unpackhi_epi8(upper, lower), ones));
}

EMBED_AVX2_INLINE void add_one(__m256i bytes, __m256i* sum) {
  sum[0] = _mm256_add_epi16(sum[0], _mm256_unpacklo_epi8(bytes, _mm256_setzero_si256()));
  sum[1] = _mm256_add_epi16(sum[1], _mm256_unpackhi_epi8(bytes, _mm256_setzero_si256()));
}

/// The luma of 32 pixels, in 64ths, in the order of Chroma.
EMBED_AVX2_INLINE void load_level(const std::uint8_t* luma, int there, const YuvGains& gains,
                                  __m256i* level) {
  const __m256i gain = _mm256_set1_epi16(gains.luma), bias = _mm256_set1_epi16(gains.bias);
  const __m256i bytes = _mm256_xor_si256(load_up_to(luma, there), _mm256_set1_epi8(-128));
  const __m256i zero = _mm256_setzero_si256();
  level[0] = _mm256_add_epi16(_mm256_mulhrs_epi16(_mm256_unpacklo_epi8(zero, bytes), gain), bias);
  level[1] = _mm256_add_epi16(_mm256_mulhrs_epi16(_mm256_unpackhi_epi8(zero, bytes), gain), bias);
}

/// Stores the sums of 32 pixels as [32, 4].
EMBED_AVX2_INLINE void store_pixels(const __m256i* red, const __m256i* green, const __m256i* blue,
                                    std::uint16_t* out) {
  const __m256i zero = _mm256_setzero_si256();
  for (int half = 0; half < 2; ++half) {
    const __m256i rg[2] = {_mm256_unpacklo_epi16(red[half], green[half]),
                           _mm256_unpackhi_epi16(red[half], green[half])};
    const __m256i b[2] = {_mm256_unpacklo_epi16(blue[half], zero), _mm256_unpackhi_epi16(blue[half], zero)};
    for (int quarter = 0; quarter < 2; ++quarter) {
      // Two pixels, and the two that are sixteen farther on, in each.
      const __m256i first = _mm256_unpacklo_epi32(rg[quarter], b[quarter]);
      const __m256i second = _mm256_unpackhi_epi32(rg[quarter], b[quarter]);
      std::uint16_t* to = out + (8 * half + 4 * quarter) * kLanes;
      store(to, _mm256_permute2x128_si256(first, second, 0x20));
      store(to + 16 * kLanes, _mm256_permute2x128_si256(first, second, 0x31));
    }
  }
}

template <bool kPairs>
EMBED_AVX2 void sum_yuv_block(const ImageView& image, const YuvGains& gains, const PixelBlock& block,
                              std::uint16_t* sums) {
  const std::ptrdiff_t stride = image.strides[0];
  for (int x = block.x0; x < block.x1; x += 32, sums += 32 * kLanes) {
    const int there = image.width - x;
    __m256i red[2] = {}, green[2] = {}, blue[2] = {};
    for (int y = block.y0; y < block.y1;) {
      const std::uint8_t* luma = image.planes[0] + y * stride + x;
      Chroma chroma;
      load_chroma<kPairs>(image, gains, x, y, chroma);
      __m256i upper[2];
      load_level(luma, there, gains, upper);
      if (y % 2 == 0 && y + 1 < block.y1) {  // both rows of this chroma
        __m256i lower[2];
        load_level(luma + stride, there, gains, lower);
        add_two(colour(upper, chroma.red), colour(lower, chroma.red), red);
        add_two(colour(upper, chroma.green), colour(lower, chroma.green), green);
        add_two(colour(upper, chroma.blue), colour(lower, chroma.blue), blue);
        y += 2;
      } else {
        add_one(colour(upper, chroma.red), red);
        add_one(colour(upper, chroma.green), green);
        add_one(colour(upper, chroma.blue), blue);
        y += 1;
      }
    }
    store_pixels(red, green, blue, sums);
  }
}

EMBED_AVX2 void sum_yuv(const ImageView& image, const YuvGains& gains, const PixelBlock& block,
                        std::uint16_t* sums) {
  if (image.format == PixelFormat::Nv12) return sum_yuv_block<true>(image, gains, block, sums);
  sum_yuv_block<false>(image, gains, block, sums);
}

EMBED_AVX2_INLINE __m128i load_pixel(const std::uint16_t* sums) {
  return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(sums));
}

/// The sum of one cell's pixels in the low four lanes. The usual widths are known to the compiler; kWidth 0
/// takes `width`. kStep is 4, or 0 for `step`.
template <int kWidth, int kStep>
EMBED_AVX2_INLINE __m128i cell_sum(const std::uint16_t* sums, std::ptrdiff_t step, int width) {
  const int pixels = kWidth > 0 ? kWidth : width;
  __m128i sum = _mm_setzero_si128();
  if constexpr (kStep == kLanes) {
    for (int x = 0; x + 1 < pixels; x += 2) sum = _mm_add_epi16(sum, load_half(sums + x * kLanes));
    sum = _mm_add_epi16(sum, _mm_srli_si128(sum, 8));
    return pixels % 2 == 0 ? sum : _mm_add_epi16(sum, load_pixel(sums + (pixels - 1) * kLanes));
  }
  for (int x = 0; x < pixels; ++x) sum = _mm_add_epi16(sum, load_pixel(sums + x * step));
  return sum;
}

template <int kWidth, int kStep>
EMBED_AVX2 void mean_cells_of(const std::uint16_t* sums, int step, int width, int count, CellScale scale,
                              std::int16_t* means) {
  const std::ptrdiff_t cell = std::ptrdiff_t{step} * width;
  const __m128i shift = _mm_cvtsi32_si128(scale.shift), one = _mm_set1_epi16(1);
  const __m128i factor = _mm_set1_epi16(static_cast<short>(scale.factor));
  const auto scaled = [&](__m128i sum) EMBED_AVX2 {
    return _mm_mulhi_epu16(_mm_add_epi16(_mm_sll_epi16(sum, shift), one), factor);
  };
  int i = 0;
  for (; i + 2 <= count; i += 2, sums += 2 * cell, means += 2 * kLanes) {
    const __m128i both = _mm_unpacklo_epi64(cell_sum<kWidth, kStep>(sums, step, width),
                                            cell_sum<kWidth, kStep>(sums + cell, step, width));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(means), scaled(both));
  }
  if (i < count) {
    _mm_storel_epi64(reinterpret_cast<__m128i*>(means), scaled(cell_sum<kWidth, kStep>(sums, step, width)));
  }
}

/// Cells of one pixel of four values.
EMBED_AVX2 void mean_pixels(const std::uint16_t* sums, int count, std::int16_t* means) {
  for (int i = 0; i < count * kLanes; ++i) means[i] = static_cast<std::int16_t>(sums[i] << kCellBits);
}

EMBED_AVX2 void mean_cells(const std::uint16_t* sums, int step, int width, int count, CellScale scale,
                           std::int16_t* means) {
  if (step == kLanes) {
    if (width == 1 && scale.shift == 8) return mean_pixels(sums, count, means);
    const auto of = width == 2   ? mean_cells_of<2, kLanes>
                    : width == 3 ? mean_cells_of<3, kLanes>
                    : width == 4 ? mean_cells_of<4, kLanes>
                    : width == 5 ? mean_cells_of<5, kLanes>
                                 : mean_cells_of<0, kLanes>;
    return of(sums, step, width, count, scale, means);
  }
  const auto of = width == 1   ? mean_cells_of<1, 0>
                  : width == 2 ? mean_cells_of<2, 0>
                  : width == 3 ? mean_cells_of<3, 0>
                  : width == 4 ? mean_cells_of<4, 0>
                  : width == 5 ? mean_cells_of<5, 0>
                               : mean_cells_of<0, 0>;
  of(sums, step, width, count, scale, means);
}

EMBED_AVX2 void pair_rows(const std::int16_t* upper, const std::int16_t* lower, int count,
                          std::int16_t* pairs) {
  int i = 0;
  for (; i + 4 <= count; i += 4, upper += 4 * kLanes, lower += 4 * kLanes, pairs += 4 * kPaired) {
    const __m256i above = load(upper), below = load(lower);
    const __m256i even = _mm256_unpacklo_epi16(above, below), odd = _mm256_unpackhi_epi16(above, below);
    store(pairs, _mm256_permute2x128_si256(even, odd, 0x20));
    store(pairs + 2 * kPaired, _mm256_permute2x128_si256(even, odd, 0x31));
  }
  portable_crop_kernels().pair_rows(upper, lower, count - i, pairs);
}

EMBED_AVX2 void plan_taps(const TapLine& line, const TapPlan& plan) {
  plan_taps_inline(line, plan);
}

template <int kTaps>
EMBED_AVX2_INLINE void blend_row(const std::int16_t* pairs, const TapPlan& plan, std::ptrdiff_t plan_stride,
                                 int width, __m128i order, int bytes, std::uint8_t* out) {
  constexpr int kShift = kCellBits + kPositionBits + (kTaps == 2 ? 2 : 0);
  // The left cell's four lanes take the first of two weights, the right cell's the second.
  const __m256i spread = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
  const std::int32_t* __restrict offset = plan.offset;
  const std::uint32_t* __restrict weights = plan.weights;
  for (int column = 0; column < width; ++column, out += bytes) {
    __m256i sum = _mm256_setzero_si256();
    for (int t = 0; t < kTaps * kTaps; ++t) {
      const std::ptrdiff_t i = t / kTaps * plan_stride + t % kTaps;
      const __m256d both = _mm256_broadcast_sd(reinterpret_cast<const double*>(weights + 2 * i));
      const __m256i weight = _mm256_castps_si256(_mm256_permutevar_ps(_mm256_castpd_ps(both), spread));
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(load(pairs + offset[i]), weight));
    }
    offset += kTaps, weights += 2 * kTaps;
    const __m128i total =
        _mm_add_epi32(_mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1)),
                      _mm_set1_epi32(1 << (kShift - 1)));
    const int pixel = _mm_cvtsi128_si32(_mm_shuffle_epi8(_mm_srli_epi32(total, kShift), order));
    std::memcpy(out, &pixel, sizeof(pixel));
  }
}

EMBED_AVX2 void blend(const std::int16_t* pairs, const TapPlan& plan, std::ptrdiff_t plan_stride, int width,
                      int taps, LaneOrder order, std::uint8_t* out) {
  static constexpr char kOrders[4][3] = {{0, 4, 8}, {8, 4, 0}, {0, 0, 0}, {0, 0, 0}};
  const char* bytes = kOrders[static_cast<int>(order)];
  const __m128i mask = _mm_setr_epi8(bytes[0], bytes[1], bytes[2], -1, -1, -1, -1, -1,  //
                                     -1, -1, -1, -1, -1, -1, -1, -1);
  const int step = order == LaneOrder::Grey ? 1 : 3;
  if (taps == 2) return blend_row<2>(pairs, plan, plan_stride, width, mask, step, out);
  blend_row<1>(pairs, plan, plan_stride, width, mask, step, out);
}

}  // namespace

const CropKernels* avx2_crop_kernels() noexcept {
  static constexpr CropKernels kernels{"avx2", sum_bytes, sum_yuv, mean_cells, pair_rows, plan_taps, blend};
  static const bool there = __builtin_cpu_supports("avx2") != 0;
  return there ? &kernels : nullptr;
}

}  // namespace embed

#else

namespace embed {

const CropKernels* avx2_crop_kernels() noexcept {
  return nullptr;
}

}  // namespace embed

#endif
