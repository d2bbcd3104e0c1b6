// SPDX-License-Identifier: LGPL-2.1-or-later
// Winograd's convolution for an instruction set `Isa`; see conv_tile.h for the rules of such a file. Needs of
// `Isa` besides what conv_tile.h needs: load_number, load_half, store_group, minus, set.
#pragma once

#include "net/cpu/conv_tile.h"

namespace embed::cpu {
namespace {

/// x · factor + y.
template <class Isa>
inline typename Isa::Float fma(float factor, typename Isa::Float x, typename Isa::Float y) {
  return Isa::affine(x, Isa::set(factor), y);
}

/// One dimension of the input's, the output's and the weights' transform of F(M, 3): the points are 0, ±1
/// (and ±2 for M = 4) and infinity.
template <class Isa, int M>
struct Transform;

template <class Isa>
struct Transform<Isa, 2> {
  using Float = typename Isa::Float;
  static inline __attribute__((always_inline)) void input(const Float* d, Float* out) {
    out[0] = Isa::minus(d[0], d[2]);
    out[1] = Isa::plus(d[1], d[2]);
    out[2] = Isa::minus(d[2], d[1]);
    out[3] = Isa::minus(d[1], d[3]);
  }
  static inline __attribute__((always_inline)) void output(const Float* m, Float* out) {
    out[0] = Isa::plus(Isa::plus(m[0], m[1]), m[2]);
    out[1] = Isa::minus(Isa::minus(m[1], m[2]), m[3]);
  }
  static inline __attribute__((always_inline)) void weight(const Float* w, Float* out) {
    const Float half = Isa::times(Isa::set(0.5F), Isa::plus(w[0], w[2]));
    out[0] = w[0];
    out[1] = fma<Isa>(0.5F, w[1], half);
    out[2] = fma<Isa>(-0.5F, w[1], half);
    out[3] = w[2];
  }
};

template <class Isa>
struct Transform<Isa, 4> {
  using Float = typename Isa::Float;
  static inline __attribute__((always_inline)) void input(const Float* d, Float* out) {
    const Float even = fma<Isa>(-4, d[2], d[4]), odd = fma<Isa>(-4, d[1], d[3]);
    const Float near_even = Isa::minus(d[4], d[2]), near_odd = Isa::minus(d[3], d[1]);
    out[0] = fma<Isa>(4, d[0], fma<Isa>(-5, d[2], d[4]));
    out[1] = Isa::plus(even, odd);
    out[2] = Isa::minus(even, odd);
    out[3] = fma<Isa>(2, near_odd, near_even);
    out[4] = fma<Isa>(-2, near_odd, near_even);
    out[5] = fma<Isa>(4, d[1], fma<Isa>(-5, d[3], d[5]));
  }
  static inline __attribute__((always_inline)) void output(const Float* m, Float* out) {
    const Float near_sum = Isa::plus(m[1], m[2]), near_difference = Isa::minus(m[1], m[2]);
    const Float far_sum = Isa::plus(m[3], m[4]), far_difference = Isa::minus(m[3], m[4]);
    out[0] = Isa::plus(Isa::plus(m[0], near_sum), far_sum);
    out[1] = fma<Isa>(2, far_difference, near_difference);
    out[2] = fma<Isa>(4, far_sum, near_sum);
    out[3] = fma<Isa>(8, far_difference, Isa::plus(near_difference, m[5]));
  }
  static inline __attribute__((always_inline)) void weight(const Float* w, Float* out) {
    const Float near = Isa::times(Isa::set(-1.0F / 6), Isa::plus(w[0], w[2]));
    const Float far = fma<Isa>(1.0F / 6, w[2], Isa::times(Isa::set(1.0F / 24), w[0]));
    out[0] = Isa::times(Isa::set(0.25F), w[0]);
    out[1] = fma<Isa>(-1.0F / 6, w[1], near);
    out[2] = fma<Isa>(1.0F / 6, w[1], near);
    out[3] = fma<Isa>(1.0F / 12, w[1], far);
    out[4] = fma<Isa>(-1.0F / 12, w[1], far);
    out[5] = w[2];
  }
};

/// Both dimensions: In × In values → Out × Out, each by `transform`.
template <class Isa, int In, int Out, class Transform1D>
inline __attribute__((always_inline)) void both_ways(const typename Isa::Float (&in)[In][In],
                                                     typename Isa::Float (&out)[Out][Out],
                                                     Transform1D transform) {
  using Float = typename Isa::Float;
  Float rows[In][Out];
#pragma GCC unroll 8
  for (int y = 0; y < In; ++y) transform(in[y], rows[y]);
#pragma GCC unroll 8
  for (int x = 0; x < Out; ++x) {
    Float column[In], result[Out];
#pragma GCC unroll 8
    for (int y = 0; y < In; ++y) column[y] = rows[y][x];
    transform(column, result);
#pragma GCC unroll 8
    for (int y = 0; y < Out; ++y) out[y][x] = result[y];
  }
}

/// A word's filters of kLanes output channels, load(number in the word, tap) → their word of each point, at
/// `to`.
template <class Isa, int M, class Load>
inline __attribute__((always_inline)) void transform_filters(Load load, std::uint8_t* to,
                                                             std::ptrdiff_t point_bytes) {
  constexpr int kSide = M + 2, kGroup = Isa::kWordBytes / Isa::kBytes;
  using Float = typename Isa::Float;
  Float points[kGroup][kSide][kSide];
#pragma GCC unroll 4
  for (int g = 0; g < kGroup; ++g) {
    Float taps[3][3];
#pragma GCC unroll 9
    for (int t = 0; t < 9; ++t) taps[t / 3][t % 3] = load(g, t);
    both_ways<Isa, 3, kSide>(taps, points[g], Transform<Isa, M>::weight);
  }
#pragma GCC unroll 36
  for (int p = 0; p < kSide * kSide; ++p) {
    Float group[kGroup];
#pragma GCC unroll 4
    for (int g = 0; g < kGroup; ++g) group[g] = points[g][p / kSide][p % kSide];
    Isa::store_group(to + p * point_bytes, group);
  }
}

/// One tile: (M + 2)² pixels at `in` → one row of words at each point of `out`.
template <class Isa, int M>
void transform_input(const WinogradCall& call, const std::uint8_t* in, std::uint8_t* out,
                     std::ptrdiff_t point_bytes) {
  constexpr int kSide = M + 2;
  using Float = typename Isa::Float;
  for (std::ptrdiff_t byte = 0; byte < Isa::kWordBytes * call.words; byte += Isa::kLanes * Isa::kBytes) {
    Float rows[kSide][kSide];
#pragma GCC unroll 8
    for (int y = 0; y < kSide; ++y) {
      Float pixels[kSide];
#pragma GCC unroll 8
      for (int x = 0; x < kSide; ++x) {
        pixels[x] = Isa::load_number(in + y * call.input_row + x * call.input_pixel + byte);
      }
      Transform<Isa, M>::input(pixels, rows[y]);
    }
#pragma GCC unroll 8
    for (int x = 0; x < kSide; ++x) {
      Float column[kSide], result[kSide];
#pragma GCC unroll 8
      for (int y = 0; y < kSide; ++y) column[y] = rows[y][x];
      Transform<Isa, M>::input(column, result);
#pragma GCC unroll 8
      for (int y = 0; y < kSide; ++y)
        Isa::store_number(out + (y * kSide + x) * point_bytes + byte, result[y]);
    }
  }
}

/// One tile's sums at `in` ([point][tile][block]) → M² pixels, those inside the picture.
template <class Isa, int M>
void transform_output(const WinogradCall& call, const float* in, std::int64_t point_floats, std::int64_t tile,
                      std::int64_t block) {
  constexpr int kSide = M + 2;
  using Float = typename Isa::Float;
  const std::int64_t image = tile / call.tiles, place = tile - image * call.tiles;
  const std::int64_t top = place / call.tiles_across * M, left = place % call.tiles_across * M;
  const ConvOutput to = call.to;  // A copy, for what is stored may be anything else.
  for (int v = 0; v < Isa::kVectors; ++v) {
    const std::int64_t channel = (block * Isa::kVectors + v) * Isa::kLanes;
    const Scaling<Isa> by(to, channel);
    Float rows[M][kSide];
#pragma GCC unroll 8
    for (int x = 0; x < kSide; ++x) {
      Float column[kSide], result[M];
#pragma GCC unroll 8
      for (int y = 0; y < kSide; ++y) {
        column[y] = Isa::load_float(in + (y * kSide + x) * point_floats + v * Isa::kLanes);
      }
      Transform<Isa, M>::output(column, result);
#pragma GCC unroll 8
      for (int y = 0; y < M; ++y) rows[y][x] = result[y];
    }
#pragma GCC unroll 8
    for (int y = 0; y < M; ++y) {
      if (top + y >= call.height) break;
      Float result[M];
      Transform<Isa, M>::output(rows[y], result);
#pragma GCC unroll 8
      for (int x = 0; x < M; ++x) {
        if (left + x >= call.width) break;
        const std::int64_t pixel = (top + y) * call.width + left + x;
        finish<Isa>(to, by, channel, raw_of(to, image * to.pixels + pixel), active_of(to, image, pixel),
                    result[x]);
      }
    }
  }
}

template <class Isa, int R = Isa::kRows>
__attribute__((always_inline)) inline void multiply(std::int64_t height, const Taps& taps,
                                                    const std::uint8_t* rows, std::ptrdiff_t row_bytes,
                                                    const std::uint8_t* weights, float* out) {
  if constexpr (R > 0) {
    if (height == R) {
      const std::uint8_t* pixels[R];
      for (int r = 0; r < R; ++r) pixels[r] = rows + r * row_bytes;
      return sum_up<Isa, R>(taps, pixels, weights, reinterpret_cast<typename Isa::Sum*>(out));
    }
    multiply<Isa, R - 1>(height, taps, rows, row_bytes, weights, out);
  }
}

/// Weights at the points, [(M + 2)²][words][block] words, those of one block of channels for the words from
/// `first` on; and what will be read after them.
struct PointWeights {
  const std::uint8_t* at;
  std::ptrdiff_t point_bytes;
  std::int64_t first, words;
  const std::uint8_t* next = nullptr;
  std::ptrdiff_t next_bytes = 0;
};

/// The words [first, first + words) of a block's filters, transformed.
template <class Isa, int M>
PointWeights transform_some(const WinogradCall& call, std::int64_t block, std::int64_t first) {
  constexpr std::int64_t kBlock = Isa::kLanes * Isa::kVectors,
                         kWord = Isa::kWordBytes / Isa::kBytes * 9 * kBlock;
  constexpr std::int64_t kMost = kFilterBytes / Isa::kWordBytes;
  const std::int64_t words = call.words - first < kMost ? call.words - first : kMost;
  const std::ptrdiff_t point_bytes = Isa::kWordBytes * words * kBlock + kPointGap;
  const std::uint16_t* filters = call.filters + (block * call.words + first) * kWord;
  for (std::int64_t word = 0; word < words; ++word) {
    for (std::int64_t o = 0; o < kBlock; o += Isa::kLanes) {
      const auto load = [&](int g, int tap) __attribute__((always_inline)) {
        return Isa::load_half(filters + word * kWord + (g * 9 + tap) * kBlock + o);
      };
      transform_filters<Isa, M>(load, call.transformed_filters + Isa::kWordBytes * (word * kBlock + o),
                                point_bytes);
    }
  }
  const std::int64_t left = (call.last_block * call.words - block * call.words - first - words) * kWord;
  const std::int64_t next = left < kMost * kWord ? left : kMost * kWord;
  return {call.transformed_filters,
          point_bytes,
          first,
          words,
          reinterpret_cast<const std::uint8_t*>(filters + words * kWord),
          2 * next};
}

/// Adds the products of all tiles and those weights to the sums of the words before.
template <class Isa, int M>
void multiply_points(const WinogradCall& call, const PointWeights& weights) {
  constexpr std::int64_t kPoints = (M + 2) * (M + 2), kBlock = Isa::kLanes * Isa::kVectors;
  const std::int64_t tiles = call.last_tile - call.first_tile;
  const std::ptrdiff_t row_bytes = Isa::kWordBytes * call.words, start = Isa::kWordBytes * weights.first;
  const Taps taps{&start, 1, weights.words, Isa::kWordBytes, weights.first > 0};
  const std::int64_t pieces = (tiles + Isa::kRows - 1) / Isa::kRows;
  for (std::int64_t point = 0; point < kPoints; ++point) {
    // The next filters come from main memory meanwhile, some with each point.
    const std::ptrdiff_t until = (point + 1) * weights.next_bytes / kPoints;
    for (std::ptrdiff_t at = point * weights.next_bytes / kPoints; at < until; at += 64) {
      __builtin_prefetch(weights.next + at, 0, 2);
    }
    const std::uint8_t* rows = call.transformed + point * (tiles * row_bytes + kPointGap);
    for (std::int64_t piece = 0; piece < pieces; ++piece) {
      const std::int64_t begin = cut<Isa>(tiles, piece, pieces), end = cut<Isa>(tiles, piece + 1, pieces);
      multiply<Isa>(end - begin, taps, rows + begin * row_bytes, row_bytes,
                    weights.at + point * weights.point_bytes,
                    call.products + (point * tiles + begin) * kBlock);
    }
  }
}

template <class Isa, int M>
void winograd_with(const WinogradCall& call) {
  constexpr std::int64_t kPoints = (M + 2) * (M + 2), kBlock = Isa::kLanes * Isa::kVectors;
  const std::int64_t tiles = call.last_tile - call.first_tile;
  const std::ptrdiff_t row_bytes = Isa::kWordBytes * call.words;
  for (std::int64_t t = 0; t < tiles; ++t) {
    const std::int64_t image = (call.first_tile + t) / call.tiles, place = (call.first_tile + t) % call.tiles;
    const std::uint8_t* in = call.input + image * call.input_image +
                             place / call.tiles_across * M * call.input_row +
                             place % call.tiles_across * M * call.input_pixel;
    transform_input<Isa, M>(call, in, call.transformed + t * row_bytes, tiles * row_bytes + kPointGap);
  }
  for (std::int64_t block = call.first_block; block < call.last_block; ++block) {
    if (call.filters == nullptr) {
      multiply_points<Isa, M>(
          call, {call.weights + block * kPoints * row_bytes * kBlock, row_bytes * kBlock, 0, call.words});
    } else {
      for (std::int64_t word = 0; word < call.words; word += kFilterBytes / Isa::kWordBytes) {
        multiply_points<Isa, M>(call, transform_some<Isa, M>(call, block, word));
      }
    }
    for (std::int64_t t = 0; t < tiles; ++t) {
      transform_output<Isa, M>(call, call.products + t * kBlock, tiles * kBlock, call.first_tile + t, block);
    }
  }
}

template <class Isa>
void winograd(const WinogradCall& call) {
  call.m == 4 ? winograd_with<Isa, 4>(call) : winograd_with<Isa, 2>(call);
}

}  // namespace
}  // namespace embed::cpu
