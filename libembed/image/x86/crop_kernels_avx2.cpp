// SPDX-License-Identifier: LGPL-2.1-or-later
// The kernels for AVX2, in functions compiled for it alone: the rest of the library runs without.
#include "image/crop_kernels.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <algorithm>
#include <cstring>

#include "base/cpu_features.h"
#include "image/x86/crop_avx2.h"

namespace embed {

namespace {

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

/// 32 pixels of one row of chroma: U and V of sixteen pairs of them, 16 bits each.
struct ChromaPairs {
  __m256i u, v;
};

template <bool kPairs>
EMBED_AVX2_INLINE ChromaPairs load_chroma(const ImageView& image, int x, int y) {
  const int pairs_left = (image.width + 1) / 2 - x / 2;
  if constexpr (kPairs) {
    const __m256i uv = load_up_to(image.planes[1] + y / 2 * image.strides[1] + x, 2 * pairs_left);
    return {_mm256_and_si256(uv, _mm256_set1_epi16(0xFF)), _mm256_srli_epi16(uv, 8)};
  } else {
    const __m128i u = load_half_up_to(image.planes[1] + y / 2 * image.strides[1] + x / 2, pairs_left);
    const __m128i v = load_half_up_to(image.planes[2] + y / 2 * image.strides[2] + x / 2, pairs_left);
    return {_mm256_cvtepu8_epi16(u), _mm256_cvtepu8_epi16(v)};
  }
}

/// 16-bit values of 32 pixels: pixels 0–7 and 16–23, then the others.
struct Pixels {
  __m256i half[2];
};

/// Each pair's value for both of its pixels.
EMBED_AVX2_INLINE Pixels of_both(__m256i pairs) {
  return {{_mm256_unpacklo_epi16(pairs, pairs), _mm256_unpackhi_epi16(pairs, pairs)}};
}

/// Stores three values of 16 cells as [16, 4]. The second eight come `apart` cells after the first.
EMBED_AVX2_INLINE void store_cells(__m256i first, __m256i second, __m256i third, int apart,
                                   std::int16_t* out) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i two[2] = {_mm256_unpacklo_epi16(first, second), _mm256_unpackhi_epi16(first, second)};
  const __m256i one[2] = {_mm256_unpacklo_epi16(third, zero), _mm256_unpackhi_epi16(third, zero)};
  for (int half = 0; half < 2; ++half, out += 4 * kLanes) {
    // Two cells, and the two that are `apart` farther on, in each.
    const __m256i left = _mm256_unpacklo_epi32(two[half], one[half]);
    const __m256i right = _mm256_unpackhi_epi32(two[half], one[half]);
    store(out, _mm256_permute2x128_si256(left, right, 0x20));
    store(out + apart * kLanes, _mm256_permute2x128_si256(left, right, 0x31));
  }
}

/// Stores three values of 32 pixels as [32, 4].
EMBED_AVX2_INLINE void store_pixels(const Pixels& first, const Pixels& second, const Pixels& third,
                                    std::int16_t* out) {
  for (int half = 0; half < 2; ++half) {
    store_cells(first.half[half], second.half[half], third.half[half], 16, out + 8 * half * kLanes);
  }
}

/// Y of 32 pixels, and U and V of their pairs, each added up down a block's rows.
struct YuvSums {
  Pixels luma;
  __m256i u, v;
};

template <bool kPairs>
EMBED_AVX2_INLINE YuvSums add_rows(const ImageView& image, const PixelBlock& block, int x) {
  const std::ptrdiff_t stride = image.strides[0];
  const __m256i zero = _mm256_setzero_si256(), ones = _mm256_set1_epi8(1);
  const int there = image.width - x;
  YuvSums sums{{{zero, zero}}, zero, zero};
  for (int y = block.y0; y < block.y1;) {
    const std::uint8_t* row = image.planes[0] + y * stride + x;
    ChromaPairs chroma = load_chroma<kPairs>(image, x, y);
    const bool both = y % 2 == 0 && y + 1 < block.y1;  // rows of this chroma
    const __m256i upper = load_up_to(row, there), lower = both ? load_up_to(row + stride, there) : zero;
    sums.luma.half[0] =
        _mm256_add_epi16(sums.luma.half[0], _mm256_maddubs_epi16(_mm256_unpacklo_epi8(upper, lower), ones));
    sums.luma.half[1] =
        _mm256_add_epi16(sums.luma.half[1], _mm256_maddubs_epi16(_mm256_unpackhi_epi8(upper, lower), ones));
    if (both) {
      chroma.u = _mm256_add_epi16(chroma.u, chroma.u);
      chroma.v = _mm256_add_epi16(chroma.v, chroma.v);
    }
    sums.u = _mm256_add_epi16(sums.u, chroma.u);
    sums.v = _mm256_add_epi16(sums.v, chroma.v);
    y += both ? 2 : 1;
  }
  return sums;
}

template <bool kPairs>
EMBED_AVX2 void sum_yuv_block(const ImageView& image, const PixelBlock& block, std::uint16_t* sums) {
  for (int x = block.x0; x < block.x1; x += 32, sums += 32 * kLanes) {
    const YuvSums sum = add_rows<kPairs>(image, block, x);
    store_pixels(sum.luma, of_both(sum.u), of_both(sum.v), reinterpret_cast<std::int16_t*>(sums));
  }
}

EMBED_AVX2 void sum_yuv(const ImageView& image, const PixelBlock& block, std::uint16_t* sums) {
  if (image.format == PixelFormat::Nv12) return sum_yuv_block<true>(image, block, sums);
  sum_yuv_block<false>(image, block, sums);
}

/// 64ths of a grey level, clamped, as a colour with kCellBits fraction bits.
EMBED_AVX2_INLINE __m256i colour(__m256i sixty_fourths) {
  const __m256i white = _mm256_set1_epi16(255 * 64);
  return _mm256_slli_epi16(_mm256_max_epi16(_mm256_min_epi16(sixty_fourths, white), _mm256_setzero_si256()),
                           1);
}

/// Three gains, side by side for each cell.
EMBED_AVX2_INLINE __m256i for_lanes(std::int16_t red, std::int16_t green, std::int16_t blue) {
  const __m128i three = _mm_setr_epi16(red, green, blue, 0, red, green, blue, 0);
  return _mm256_broadcastsi128_si256(three);
}

EMBED_AVX2 void to_colours(const YuvGains& gains, int count, std::int16_t* means) {
  // Each lane of a cell takes the cell's Y, U and V.
  const __m256i of_y = _mm256_set1_epi64x(0x0100010001000100), of_u = _mm256_set1_epi64x(0x0302030203020302),
                of_v = _mm256_set1_epi64x(0x0504050405040504);
  const __m256i cell = _mm256_setr_epi64x(0, 0x0808080808080808, 0, 0x0808080808080808);
  const __m256i spread_y = _mm256_or_si256(of_y, cell), spread_u = _mm256_or_si256(of_u, cell),
                spread_v = _mm256_or_si256(of_v, cell);
  const __m256i gain_u = for_lanes(0, gains.green_u, gains.blue_u),
                gain_v = for_lanes(gains.red_v, gains.green_v, 0);
  const __m256i luma = _mm256_set1_epi16(gains.luma), bias = _mm256_set1_epi16(gains.bias);
  const __m256i no_chroma = _mm256_set1_epi16(128 << kCellBits);
  int i = 0;
  for (; i + 4 <= count; i += 4, means += 4 * kLanes) {
    const __m256i mean = load(means);
    const __m256i chroma = _mm256_slli_epi16(_mm256_sub_epi16(mean, no_chroma), 1);
    const __m256i level =
        _mm256_add_epi16(_mm256_mulhrs_epi16(_mm256_shuffle_epi8(mean, spread_y), luma), bias);
    const __m256i share =
        _mm256_add_epi16(_mm256_mulhrs_epi16(_mm256_shuffle_epi8(chroma, spread_u), gain_u),
                         _mm256_mulhrs_epi16(_mm256_shuffle_epi8(chroma, spread_v), gain_v));
    store(means, colour(_mm256_adds_epi16(level, share)));
  }
  portable_crop_kernels().to_colours(gains, count - i, means);
}

/// Gains for vectors of one colour.
struct WideGains {
  __m256i luma, bias, red_v, green_u, green_v, blue_u;
};

EMBED_AVX2_INLINE WideGains wide(const YuvGains& gains) {
  return {_mm256_set1_epi16(gains.luma),    _mm256_set1_epi16(gains.bias),
          _mm256_set1_epi16(gains.red_v),   _mm256_set1_epi16(gains.green_u),
          _mm256_set1_epi16(gains.green_v), _mm256_set1_epi16(gains.blue_u)};
}

EMBED_AVX2_INLINE __m256i level_of(const WideGains& gains, __m256i mean_y) {
  return _mm256_add_epi16(_mm256_mulhrs_epi16(mean_y, gains.luma), gains.bias);
}

EMBED_AVX2_INLINE __m256i green_share(const WideGains& gains, __m256i u, __m256i v) {
  return _mm256_add_epi16(_mm256_mulhrs_epi16(u, gains.green_u), _mm256_mulhrs_epi16(v, gains.green_v));
}

/// A row whose cells are its pixels.
template <bool kPairs>
EMBED_AVX2 void colour_pixels(const ImageView& image, const YuvGains& all_gains, const PixelBlock& block,
                              std::int16_t* means) {
  const WideGains gains = wide(all_gains);
  const __m256i zero = _mm256_setzero_si256(), sign = _mm256_set1_epi16(-0x8000);
  const std::uint8_t* row = image.planes[0] + block.y0 * image.strides[0];
  for (int x = block.x0; x < block.x1; x += 32, means += 32 * kLanes) {
    const ChromaPairs chroma = load_chroma<kPairs>(image, x, block.y0);
    // (value − 128) · 256: twice the mean's.
    const __m256i u = _mm256_xor_si256(_mm256_slli_epi16(chroma.u, 8), sign);
    const __m256i v = _mm256_xor_si256(_mm256_slli_epi16(chroma.v, 8), sign);
    const Pixels to_red = of_both(_mm256_mulhrs_epi16(v, gains.red_v));
    const Pixels to_green = of_both(green_share(gains, u, v));
    const Pixels to_blue = of_both(_mm256_mulhrs_epi16(u, gains.blue_u));
    const __m256i bytes = load_up_to(row + x, image.width - x);
    const __m256i high[2] = {_mm256_unpacklo_epi8(zero, bytes), _mm256_unpackhi_epi8(zero, bytes)};
    Pixels red, green, blue;
    for (int half = 0; half < 2; ++half) {
      const __m256i level = level_of(gains, _mm256_srli_epi16(high[half], 1));
      red.half[half] = colour(_mm256_adds_epi16(level, to_red.half[half]));
      green.half[half] = colour(_mm256_adds_epi16(level, to_green.half[half]));
      blue.half[half] = colour(_mm256_adds_epi16(level, to_blue.half[half]));
    }
    store_pixels(red, green, blue, means);
  }
}

/// The sums of neighbours, 16 bits each, of 32 of them: in their order.
EMBED_AVX2_INLINE __m256i add_neighbours(__m256i first, __m256i second) {
  const __m256i ones = _mm256_set1_epi16(1);
  return _mm256_permute4x64_epi64(
      _mm256_packus_epi32(_mm256_madd_epi16(first, ones), _mm256_madd_epi16(second, ones)), 0xD8);
}

EMBED_AVX2_INLINE __m256i pick(__m256i from, __m128i where) {
  return _mm256_shuffle_epi8(from, _mm256_broadcastsi128_si256(where));
}

/// The sums of three neighbours each of 48 values.
EMBED_AVX2_INLINE __m256i add_threes(const std::uint16_t* values) {
  // In each 128-bit lane eight sums' values follow one another: the first lane has sums 0–7, the second 8–15.
  const __m256i a = load_lanes(values, values + 24), b = load_lanes(values + 8, values + 32),
                c = load_lanes(values + 16, values + 40);
  // Value 3i + k of a sum i lies in vector (3i + k) / 8 at (3i + k) % 8.
  constexpr char z = -1;
  const __m256i first = _mm256_or_si256(
      pick(a, _mm_setr_epi8(0, 1, 6, 7, 12, 13, z, z, z, z, z, z, z, z, z, z)),
      _mm256_or_si256(pick(b, _mm_setr_epi8(z, z, z, z, z, z, 2, 3, 8, 9, 14, 15, z, z, z, z)),
                      pick(c, _mm_setr_epi8(z, z, z, z, z, z, z, z, z, z, z, z, 4, 5, 10, 11))));
  const __m256i second = _mm256_or_si256(
      pick(a, _mm_setr_epi8(2, 3, 8, 9, 14, 15, z, z, z, z, z, z, z, z, z, z)),
      _mm256_or_si256(pick(b, _mm_setr_epi8(z, z, z, z, z, z, 4, 5, 10, 11, z, z, z, z, z, z)),
                      pick(c, _mm_setr_epi8(z, z, z, z, z, z, z, z, z, z, 0, 1, 6, 7, 12, 13))));
  const __m256i third = _mm256_or_si256(
      pick(a, _mm_setr_epi8(4, 5, 10, 11, z, z, z, z, z, z, z, z, z, z, z, z)),
      _mm256_or_si256(pick(b, _mm_setr_epi8(z, z, z, z, 0, 1, 6, 7, 12, 13, z, z, z, z, z, z)),
                      pick(c, _mm_setr_epi8(z, z, z, z, z, z, z, z, z, z, 2, 3, 8, 9, 14, 15))));
  return _mm256_add_epi16(_mm256_add_epi16(first, second), third);
}

/// Sums of a stretch of a row's pixels, or of its pairs of pixels where cells are of even width: for 16 cells
/// at a time there are whole vectors in it.
struct Stretch {
  static constexpr int kPixels = 192, kRoom = 48;
  std::uint16_t y[kPixels + kRoom], u[kPixels + kRoom], v[kPixels + kRoom];
};

template <bool kPairs, int kWidth>
EMBED_AVX2_INLINE void sum_stretch(const ImageView& image, const PixelBlock& block, int x0, int x1,
                                   Stretch& sums) {
  int at = 0;
  for (int x = x0; x < x1; x += 32) {
    const YuvSums sum = add_rows<kPairs>(image, block, x);
    if constexpr (kWidth % 2 == 0) {
      const __m256i ones = _mm256_set1_epi16(1);
      store(sums.y + at, _mm256_packus_epi32(_mm256_madd_epi16(sum.luma.half[0], ones),
                                             _mm256_madd_epi16(sum.luma.half[1], ones)));
      store(sums.u + at, _mm256_add_epi16(sum.u, sum.u));
      store(sums.v + at, _mm256_add_epi16(sum.v, sum.v));
      at += 16;
    } else {
      const auto put = [&](const Pixels& pixels, std::uint16_t* to) EMBED_AVX2 {
        store(to + at, _mm256_permute2x128_si256(pixels.half[0], pixels.half[1], 0x20));
        store(to + at + 16, _mm256_permute2x128_si256(pixels.half[0], pixels.half[1], 0x31));
      };
      put(sum.luma, sums.y), put(of_both(sum.u), sums.u), put(of_both(sum.v), sums.v);
      at += 32;
    }
  }
}

/// One value of cells [i, i + 16) of a stretch.
template <int kWidth>
EMBED_AVX2_INLINE __m256i sixteen_cells(const std::uint16_t* sums, int i) {
  if constexpr (kWidth == 2) return load(sums + i);
  if constexpr (kWidth == 3) return add_threes(sums + 3 * i);
  return add_neighbours(load(sums + 2 * i), load(sums + 2 * i + 16));
}

template <bool kPairs, int kWidth>
EMBED_AVX2 void colour_cells_of(const ImageView& image, const YuvGains& all_gains, const PixelBlock& block,
                                std::int16_t* means) {
  const WideGains gains = wide(all_gains);
  const CellScale scale = cell_scale(kWidth * (block.y1 - block.y0));
  const __m128i shift = _mm_cvtsi32_si128(scale.shift);
  const __m256i one = _mm256_set1_epi16(1), factor = _mm256_set1_epi16(static_cast<short>(scale.factor));
  const __m256i no_chroma = _mm256_set1_epi16(128 << kCellBits);
  const auto mean = [&](const std::uint16_t* sums, int i) EMBED_AVX2 {
    const __m256i sum = _mm256_sll_epi16(sixteen_cells<kWidth>(sums, i), shift);
    return _mm256_mulhi_epu16(_mm256_add_epi16(sum, one), factor);
  };
  const auto chroma = [&](const std::uint16_t* sums, int i) EMBED_AVX2 {
    return _mm256_slli_epi16(_mm256_sub_epi16(mean(sums, i), no_chroma), 1);
  };
  Stretch sums;
  for (int x = block.x0; x < block.x1; x += Stretch::kPixels) {
    const int end = std::min(block.x1, x + Stretch::kPixels), cells = (end - x) / kWidth;
    sum_stretch<kPairs, kWidth>(image, block, x, end, sums);
    for (int i = 0; i < cells; i += 16) {
      const __m256i u = chroma(sums.u, i), v = chroma(sums.v, i), level = level_of(gains, mean(sums.y, i));
      store_cells(colour(_mm256_adds_epi16(level, _mm256_mulhrs_epi16(v, gains.red_v))),
                  colour(_mm256_adds_epi16(level, green_share(gains, u, v))),
                  colour(_mm256_adds_epi16(level, _mm256_mulhrs_epi16(u, gains.blue_u))), 8,
                  means + i * kLanes);
    }
    means += cells * kLanes;
  }
}

template <bool kPairs>
EMBED_AVX2 void colour_cells_in(const ImageView& image, const YuvGains& gains, const PixelBlock& block,
                                int width, std::int16_t* means) {
  const auto of = width == 1   ? colour_pixels<kPairs>
                  : width == 2 ? colour_cells_of<kPairs, 2>
                  : width == 3 ? colour_cells_of<kPairs, 3>
                               : colour_cells_of<kPairs, 4>;
  of(image, gains, block, means);
}

EMBED_AVX2 void colour_cells(const ImageView& image, const YuvGains& gains, const PixelBlock& block,
                             int width, std::int16_t* means) {
  if (image.format == PixelFormat::Nv12) return colour_cells_in<true>(image, gains, block, width, means);
  colour_cells_in<false>(image, gains, block, width, means);
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

}  // namespace

const CropKernels* avx2_crop_kernels() noexcept {
  static constexpr CropKernels kernels{"avx2",       sum_bytes,  sum_yuv,        to_colours,
                                       colour_cells, mean_cells, plan_taps_avx2, blend_avx2};
  return cpu_features().avx2 ? &kernels : nullptr;
}

}  // namespace embed

#else

namespace embed {

const CropKernels* avx2_crop_kernels() noexcept {
  return nullptr;
}

}  // namespace embed

#endif
