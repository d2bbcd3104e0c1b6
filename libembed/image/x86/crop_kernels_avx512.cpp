// SPDX-License-Identifier: LGPL-2.1-or-later
// What AVX-512 with byte permutes and byte products (VBMI, VNNI) does better than AVX2: the cells of YUV
// images and the plans of taps. In functions compiled for it alone, as crop_kernels_avx2.cpp's.
#include "image/crop_kernels.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#include <algorithm>
#include <array>

#include "base/cpu_features.h"
#include "image/crop_taps.h"

#define EMBED_AVX512_TARGET target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vnni")
#define EMBED_AVX512 __attribute__((EMBED_AVX512_TARGET))
#define EMBED_AVX512_INLINE inline __attribute__((always_inline, EMBED_AVX512_TARGET))

namespace embed {

namespace {

template <typename T, typename Function>
constexpr std::array<T, 64 / sizeof(T)> table(Function&& value) {
  std::array<T, 64 / sizeof(T)> values{};
  for (int i = 0; i < static_cast<int>(values.size()); ++i) {
    values[static_cast<std::size_t>(i)] = static_cast<T>(value(i));
  }
  return values;
}

/// The order in which 32 cells are worked on, 16 bits each: the unpacking that puts their colours side by
/// side works within 128 bits, and brings them back into the order of the image.
constexpr int cell_at(int element) {
  const int part = element / 8, i = element % 8;
  return i / 2 * 8 + part * 2 + i % 2;
}

EMBED_AVX512_INLINE __m512i load(const void* from) {
  return _mm512_loadu_si512(from);
}

/// Of 64 bytes the first `there`, of which there may be none; the others zero.
EMBED_AVX512_INLINE __m512i load_up_to(const std::uint8_t* from, int there) {
  const auto mask = there >= 64 ? ~__mmask64{0} : (__mmask64{1} << std::max(there, 0)) - 1;
  return _mm512_maskz_loadu_epi8(mask, from);
}

EMBED_AVX512_INLINE __m256i load_half_up_to(const std::uint8_t* from, int there) {
  const auto mask = there >= 32 ? ~__mmask32{0} : (__mmask32{1} << std::max(there, 0)) - 1;
  return _mm256_maskz_loadu_epi8(mask, from);
}

/// U and V of 32 pairs of pixels of one row of chroma, side by side.
template <bool kPairs>
EMBED_AVX512_INLINE __m512i load_chroma(const ImageView& image, int x, int y) {
  const int pairs_left = (image.width + 1) / 2 - x / 2;
  if constexpr (kPairs) {
    return load_up_to(image.planes[1] + y / 2 * image.strides[1] + x, 2 * pairs_left);
  } else {
    alignas(64) static constexpr auto kInterleaved =
        table<std::uint8_t>([](int i) { return i / 2 + i % 2 * 32; });
    const __m256i u = load_half_up_to(image.planes[1] + y / 2 * image.strides[1] + x / 2, pairs_left);
    const __m256i v = load_half_up_to(image.planes[2] + y / 2 * image.strides[2] + x / 2, pairs_left);
    const __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(u), v, 1);
    return _mm512_permutexvar_epi8(load(kInterleaved.data()), both);
  }
}

/// Gains for vectors of one colour.
struct WideGains {
  __m512i luma, bias, red_v, green_u, green_v, blue_u;
};

EMBED_AVX512_INLINE WideGains wide(const YuvGains& gains) {
  return {_mm512_set1_epi16(gains.luma),    _mm512_set1_epi16(gains.bias),
          _mm512_set1_epi16(gains.red_v),   _mm512_set1_epi16(gains.green_u),
          _mm512_set1_epi16(gains.green_v), _mm512_set1_epi16(gains.blue_u)};
}

/// What 32 cells' chroma adds to their level.
struct Shares {
  __m512i red, green, blue;
};

/// `u` and `v`: twice the mean's distance from no chroma.
EMBED_AVX512_INLINE Shares shares_of(const WideGains& gains, __m512i u, __m512i v) {
  return {_mm512_mulhrs_epi16(v, gains.red_v),
          _mm512_add_epi16(_mm512_mulhrs_epi16(u, gains.green_u), _mm512_mulhrs_epi16(v, gains.green_v)),
          _mm512_mulhrs_epi16(u, gains.blue_u)};
}

/// 64ths of a grey level, clamped, as a colour with kCellBits fraction bits.
EMBED_AVX512_INLINE __m512i colour(__m512i sixty_fourths) {
  const __m512i white = _mm512_set1_epi16(255 * 64);
  return _mm512_slli_epi16(_mm512_max_epi16(_mm512_min_epi16(sixty_fourths, white), _mm512_setzero_si512()),
                           1);
}

/// Stores 32 cells, in the order of cell_at, as [32, 4].
EMBED_AVX512_INLINE void store_cells(const WideGains& gains, __m512i mean_y, const Shares& shares,
                                     std::int16_t* out) {
  const __m512i zero = _mm512_setzero_si512();
  const __m512i level = _mm512_add_epi16(_mm512_mulhrs_epi16(mean_y, gains.luma), gains.bias);
  const __m512i red = colour(_mm512_adds_epi16(level, shares.red)),
                green = colour(_mm512_adds_epi16(level, shares.green)),
                blue = colour(_mm512_adds_epi16(level, shares.blue));
  const __m512i two[2] = {_mm512_unpacklo_epi16(red, green), _mm512_unpackhi_epi16(red, green)};
  const __m512i one[2] = {_mm512_unpacklo_epi16(blue, zero), _mm512_unpackhi_epi16(blue, zero)};
  for (int half = 0; half < 2; ++half, out += 16 * kLanes) {
    _mm512_storeu_si512(out, _mm512_unpacklo_epi32(two[half], one[half]));
    _mm512_storeu_si512(out + 8 * kLanes, _mm512_unpackhi_epi32(two[half], one[half]));
  }
}

/// A row whose cells are its pixels, 64 at a time.
template <bool kPairs>
EMBED_AVX512 void colour_pixels(const ImageView& image, const YuvGains& all_gains, const PixelBlock& block,
                                std::int16_t* means) {
  // The first and the last 32 pixels, each as the high byte of 16 bits, and their pairs.
  alignas(64) static constexpr std::array<std::uint8_t, 64> kBytes[2] = {
      table<std::uint8_t>([](int i) { return cell_at(i / 2); }),
      table<std::uint8_t>([](int i) { return 32 + cell_at(i / 2); })};
  alignas(64) static constexpr std::array<std::uint16_t, 32> kPairOf[2] = {
      table<std::uint16_t>([](int i) { return cell_at(i) / 2; }),
      table<std::uint16_t>([](int i) { return 16 + cell_at(i) / 2; })};
  constexpr __mmask64 kHighBytes = 0xAAAAAAAAAAAAAAAA;
  const WideGains gains = wide(all_gains);
  const __m512i sign = _mm512_set1_epi16(-0x8000), high = _mm512_set1_epi16(-0x100);
  const std::uint8_t* row = image.planes[0] + block.y0 * image.strides[0];
  for (int x = block.x0; x < block.x1; x += 64, means += 64 * kLanes) {
    const __m512i uv = load_chroma<kPairs>(image, x, block.y0);
    // (value − 128) · 256: twice the mean's.
    const __m512i u = _mm512_xor_si512(_mm512_slli_epi16(uv, 8), sign);
    const __m512i v = _mm512_xor_si512(_mm512_and_si512(uv, high), sign);
    const Shares of_pairs = shares_of(gains, u, v);
    const __m512i bytes = load_up_to(row + x, image.width - x);
    for (int half = 0; half < 2; ++half) {
      const __m512i pair_of = load(kPairOf[half].data());
      const __m512i luma = _mm512_maskz_permutexvar_epi8(kHighBytes, load(kBytes[half].data()), bytes);
      store_cells(
          gains, _mm512_srli_epi16(luma, 1),
          {_mm512_permutexvar_epi16(pair_of, of_pairs.red), _mm512_permutexvar_epi16(pair_of, of_pairs.green),
           _mm512_permutexvar_epi16(pair_of, of_pairs.blue)},
          means + half * 32 * kLanes);
    }
  }
}

/// Sums over 32 cells' pixels, 16 bits each, in the order of cell_at.
struct CellSums {
  __m512i y, u, v;
};

/// Calls `add` with each row of chroma of the block, and how many rows of luma there have it.
template <typename Function>
EMBED_AVX512_INLINE void for_chroma_rows(const PixelBlock& block, Function&& add) {
  for (int y = block.y0; y < block.y1;) {
    const int rows = y % 2 == 0 && y + 1 < block.y1 ? 2 : 1;
    add(y, rows);
    y += rows;
  }
}

/// Cells two pixels wide: each has one pair's chroma.
template <bool kPairs>
EMBED_AVX512_INLINE CellSums sum_twos(const ImageView& image, const PixelBlock& block, int x) {
  alignas(64) static constexpr auto kOrder = table<std::uint16_t>([](int i) { return cell_at(i); });
  const __m512i ones = _mm512_set1_epi8(1), low = _mm512_set1_epi16(0xFF);
  CellSums sums{};
  for_chroma_rows(block, [&](int y, int rows) EMBED_AVX512 {
    for (int i = 0; i < rows; ++i) {
      const std::uint8_t* row = image.planes[0] + (y + i) * image.strides[0];
      sums.y = _mm512_add_epi16(sums.y, _mm512_maddubs_epi16(load_up_to(row + x, image.width - x), ones));
    }
    const __m512i uv = load_chroma<kPairs>(image, x, y);
    const __m128i times = _mm_cvtsi32_si128(rows);  // Two pixels by one row or two, as a shift.
    sums.u = _mm512_add_epi16(sums.u, _mm512_sll_epi16(_mm512_and_si512(uv, low), times));
    sums.v = _mm512_add_epi16(sums.v, _mm512_sll_epi16(_mm512_srli_epi16(uv, 8), times));
  });
  const __m512i order = load(kOrder.data());
  return {_mm512_permutexvar_epi16(order, sums.y), _mm512_permutexvar_epi16(order, sums.u),
          _mm512_permutexvar_epi16(order, sums.v)};
}

/// How the bytes of 16 cells of kWidth pixels, three or four, become four bytes for each cell, and what each
/// of those counts. Luma's are the cell's pixels. Chroma's are two of U and two of V, for three pixels lie in
/// two pairs: two in the first and one in the second, or the other way about.
template <int kWidth>
struct CellBytes {
  static constexpr int pixel(int i) { return i / 4 * kWidth + std::min(i % 4, kWidth - 1); }
  static constexpr int chroma(int i) {
    // Four pixels' bytes are U, V, U, V as they come.
    return kWidth == 4 ? i : (i / 4 * 3 / 2 + i % 2) * 2 + i % 4 / 2;
  }
  static constexpr bool is_v(int i) { return kWidth == 4 ? i % 2 == 1 : i % 4 >= 2; }
  static constexpr int pixels_of_pair(int i) { return kWidth == 4 || i / 4 % 2 == i % 2 ? 2 : 1; }

  alignas(64) static constexpr auto kPixels = table<std::uint8_t>(pixel);
  alignas(64) static constexpr auto kCounts = table<std::int8_t>([](int i) {
    return i % 4 < kWidth ? 1 : 0;
  });
  alignas(64) static constexpr auto kChroma = table<std::uint8_t>(chroma);
  alignas(64) static constexpr auto kU = table<std::int8_t>([](int i) {
    return is_v(i) ? 0 : pixels_of_pair(i);
  });
  alignas(64) static constexpr auto kV = table<std::int8_t>([](int i) {
    return is_v(i) ? pixels_of_pair(i) : 0;
  });
};

template <int kWidth>
EMBED_AVX512_INLINE __m512i arranged(__m512i bytes, __m512i order) {
  return kWidth == 4 ? bytes : _mm512_permutexvar_epi8(order, bytes);
}

/// Cells three or four pixels wide, 16 at a time.
template <bool kPairs, int kWidth>
EMBED_AVX512_INLINE CellSums sum_wider(const ImageView& image, const PixelBlock& block, int x) {
  using Bytes = CellBytes<kWidth>;
  // The low halves of 32 bits, of both vectors.
  alignas(64) static constexpr auto kLowWords = table<std::uint16_t>([](int i) { return 2 * cell_at(i); });
  const __m512i counts = load(Bytes::kCounts.data()), pixels = load(Bytes::kPixels.data()),
                chroma = load(Bytes::kChroma.data());
  const __m512i count_u[2] = {load(Bytes::kU.data()), _mm512_slli_epi16(load(Bytes::kU.data()), 1)};
  const __m512i count_v[2] = {load(Bytes::kV.data()), _mm512_slli_epi16(load(Bytes::kV.data()), 1)};
  __m512i sum_y[2] = {}, sum_u[2] = {}, sum_v[2] = {};
  for_chroma_rows(block, [&](int y, int rows) EMBED_AVX512 {
    for (int part = 0; part < 2; ++part) {
      const int at = x + part * 16 * kWidth;
      for (int i = 0; i < rows; ++i) {
        const std::uint8_t* row = image.planes[0] + (y + i) * image.strides[0];
        sum_y[part] = _mm512_dpbusd_epi32(
            sum_y[part], arranged<kWidth>(load_up_to(row + at, image.width - at), pixels), counts);
      }
      const __m512i uv = arranged<kWidth>(load_chroma<kPairs>(image, at, y), chroma);
      sum_u[part] = _mm512_dpbusd_epi32(sum_u[part], uv, count_u[rows - 1]);
      sum_v[part] = _mm512_dpbusd_epi32(sum_v[part], uv, count_v[rows - 1]);
    }
  });
  const __m512i low = load(kLowWords.data());
  return {_mm512_permutex2var_epi16(sum_y[0], low, sum_y[1]),
          _mm512_permutex2var_epi16(sum_u[0], low, sum_u[1]),
          _mm512_permutex2var_epi16(sum_v[0], low, sum_v[1])};
}

/// CellScale, for 32 cells.
struct WideScale {
  __m128i shift;
  __m512i one, factor;
};

EMBED_AVX512_INLINE __m512i mean_of(__m512i sum, const WideScale& scale) {
  return _mm512_mulhi_epu16(_mm512_add_epi16(_mm512_sll_epi16(sum, scale.shift), scale.one), scale.factor);
}

/// Twice the mean's distance from no chroma.
EMBED_AVX512_INLINE __m512i chroma_of(__m512i sum, const WideScale& scale) {
  return _mm512_slli_epi16(_mm512_sub_epi16(mean_of(sum, scale), _mm512_set1_epi16(128 << kCellBits)), 1);
}

template <bool kPairs, int kWidth>
EMBED_AVX512 void colour_cells_of(const ImageView& image, const YuvGains& all_gains, const PixelBlock& block,
                                  std::int16_t* means) {
  const WideGains gains = wide(all_gains);
  const CellScale one_scale = cell_scale(kWidth * (block.y1 - block.y0));
  const WideScale scale{_mm_cvtsi32_si128(one_scale.shift), _mm512_set1_epi16(1),
                        _mm512_set1_epi16(static_cast<short>(one_scale.factor))};
  for (int x = block.x0; x < block.x1; x += 32 * kWidth, means += 32 * kLanes) {
    CellSums sums;
    if constexpr (kWidth == 2) {
      sums = sum_twos<kPairs>(image, block, x);
    } else {
      sums = sum_wider<kPairs, kWidth>(image, block, x);
    }
    store_cells(gains, mean_of(sums.y, scale),
                shares_of(gains, chroma_of(sums.u, scale), chroma_of(sums.v, scale)), means);
  }
}

template <bool kPairs>
EMBED_AVX512 void colour_cells_in(const ImageView& image, const YuvGains& gains, const PixelBlock& block,
                                  int width, std::int16_t* means) {
  const auto of = width == 1   ? colour_pixels<kPairs>
                  : width == 2 ? colour_cells_of<kPairs, 2>
                  : width == 3 ? colour_cells_of<kPairs, 3>
                               : colour_cells_of<kPairs, 4>;
  of(image, gains, block, means);
}

EMBED_AVX512 void colour_cells(const ImageView& image, const YuvGains& gains, const PixelBlock& block,
                               int width, std::int16_t* means) {
  if (image.format == PixelFormat::Nv12) return colour_cells_in<true>(image, gains, block, width, means);
  colour_cells_in<false>(image, gains, block, width, means);
}

/// plan_line of crop_taps.h, 16 taps at a time.
template <bool kClamp>
EMBED_AVX512_INLINE void plan_line_wide(const TapLine& line, const TapPlan& plan) {
  constexpr std::int32_t kOne = 1 << kPositionBits;
  // Weights above and below, in turn, of eight taps each.
  alignas(64) static constexpr std::array<std::uint32_t, 16> kInTurn[2] = {
      table<std::uint32_t>([](int i) { return i / 2 + i % 2 * 16; }),
      table<std::uint32_t>([](int i) { return 8 + i / 2 + i % 2 * 16; })};
  const __m512i row_x = _mm512_set1_epi32(line.row_x), row_y = _mm512_set1_epi32(line.row_y);
  const __m512i stride = _mm512_set1_epi32(line.stride);
  const __m512i one = _mm512_set1_epi32(kOne), fraction = _mm512_set1_epi32(kOne - 1),
                half = _mm512_set1_epi32(kOne / 2), first = _mm512_set1_epi32(-kOne);
  const __m512i last_x = _mm512_set1_epi32(line.columns * kOne), last_y = _mm512_set1_epi32(line.rows * kOne);
  for (int i = 0; i < line.count; i += 16) {
    __m512i x = _mm512_add_epi32(load(line.column_x + i), row_x);
    __m512i y = _mm512_add_epi32(load(line.column_y + i), row_y);
    if (kClamp) {
      x = _mm512_min_epi32(_mm512_max_epi32(x, first), last_x);
      y = _mm512_min_epi32(_mm512_max_epi32(y, first), last_y);
    }
    // No grid is 2^15 cells across: the product of the low halves is all of it, of a row -1 as well.
    const __m512i down = _mm512_madd_epi16(_mm512_srai_epi32(y, kPositionBits), stride);
    const __m512i cell = _mm512_add_epi32(down, _mm512_srai_epi32(x, kPositionBits));
    static_assert(kLanes == 4);
    _mm512_storeu_si512(plan.offset + i, _mm512_slli_epi32(cell, 2));
    const __m512i fx = _mm512_and_si512(x, fraction), fy = _mm512_and_si512(y, fraction);
    // Both fit 15 bits: the product of the low halves is all of it.
    const __m512i w11 = _mm512_srli_epi32(_mm512_add_epi32(_mm512_madd_epi16(fx, fy), half), kPositionBits);
    const __m512i below = _mm512_or_si512(_mm512_sub_epi32(fy, w11), _mm512_slli_epi32(w11, 16));
    const __m512i above =
        _mm512_sub_epi32(_mm512_add_epi32(_mm512_sub_epi32(_mm512_slli_epi32(fx, 16), fx), one), below);
    for (int part = 0; part < 2; ++part) {
      _mm512_storeu_si512(plan.weights + 2 * i + 16 * part,
                          _mm512_permutex2var_epi32(above, load(kInTurn[part].data()), below));
    }
  }
}

EMBED_AVX512 void plan_taps(const TapLine& line, const TapPlan& plan) {
  if (reaches_beside(line)) return plan_line_wide<true>(line, plan);
  plan_line_wide<false>(line, plan);
}

CropKernels make_kernels(const CropKernels& base) {
  CropKernels kernels = base;
  kernels.name = "avx512";
  kernels.colour_cells = colour_cells;
  kernels.plan_taps = plan_taps;
  return kernels;
}

}  // namespace

const CropKernels* avx512_crop_kernels() noexcept {
  const CropKernels* base = avx2_crop_kernels();
  if (base == nullptr || !cpu_features().avx512_vbmi || !cpu_features().avx512_vnni) return nullptr;
  static const CropKernels kernels = make_kernels(*base);
  return &kernels;
}

}  // namespace embed

#else

namespace embed {

const CropKernels* avx512_crop_kernels() noexcept {
  return nullptr;
}

}  // namespace embed

#endif
