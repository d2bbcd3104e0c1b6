// SPDX-License-Identifier: LGPL-2.1-or-later
// Winograd's convolution for an instruction set `Isa`; see conv_tile.h for the rules of such a file. Needs of
// `Isa` besides what conv_tile.h needs: load_number, minus, set.
#pragma once

#include "conv_tile.h"

namespace embed::cpu {
namespace {

/// x · factor + y.
template <class Isa>
inline typename Isa::Float fma(float factor, typename Isa::Float x, typename Isa::Float y) {
  return Isa::affine(x, Isa::set(factor), y);
}

/// One dimension of the input's and the output's transform of F(M, 3): the points are 0, ±1 (and ±2 for M =
/// 4) and infinity.
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
};

/// One tile: (M + 2)² pixels at `in` → one row of words at each point of `out`.
template <class Isa, int M>
void transform_input(const WinogradCall& call, const std::uint8_t* in, std::uint8_t* out,
                     std::ptrdiff_t point_bytes) {
  constexpr int kSide = M + 2;
  using Float = typename Isa::Float;
  for (std::ptrdiff_t byte = 0; byte < 4 * call.words; byte += Isa::kLanes * Isa::kBytes) {
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
  for (int v = 0; v < Isa::kVectors; ++v) {
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
        finish<Isa>(call.to, (block * Isa::kVectors + v) * Isa::kLanes,
                    raw_of(call.to, image * call.to.pixels + pixel), active_of(call.to, image, pixel),
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

template <class Isa, int M>
void winograd_with(const WinogradCall& call) {
  constexpr std::int64_t kPoints = (M + 2) * (M + 2), kBlock = Isa::kLanes * Isa::kVectors;
  const std::int64_t tiles = call.last_tile - call.first_tile;
  const std::ptrdiff_t row_bytes = 4 * call.words, point_bytes = tiles * row_bytes;
  for (std::int64_t t = 0; t < tiles; ++t) {
    const std::int64_t image = (call.first_tile + t) / call.tiles, place = (call.first_tile + t) % call.tiles;
    const std::uint8_t* in = call.input + image * call.input_image +
                             place / call.tiles_across * M * call.input_row +
                             place % call.tiles_across * M * call.input_pixel;
    transform_input<Isa, M>(call, in, call.transformed + t * row_bytes, point_bytes);
  }
  const std::ptrdiff_t start = 0;
  const Taps taps{&start, 1, call.words};
  const std::int64_t pieces = (tiles + Isa::kRows - 1) / Isa::kRows;
  for (std::int64_t block = call.first_block; block < call.last_block; ++block) {
    for (std::int64_t point = 0; point < kPoints; ++point) {
      const std::uint8_t* weights = call.weights + (block * kPoints + point) * row_bytes * kBlock;
      for (std::int64_t piece = 0; piece < pieces; ++piece) {
        const std::int64_t begin = piece * tiles / pieces, end = (piece + 1) * tiles / pieces;
        multiply<Isa>(end - begin, taps, call.transformed + point * point_bytes + begin * row_bytes,
                      row_bytes, weights, call.products + (point * tiles + begin) * kBlock);
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
