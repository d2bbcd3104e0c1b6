// SPDX-License-Identifier: LGPL-2.1-or-later
// What training needs of Winograd's convolution, for an instruction set `Isa`; see conv_tile.h for the rules
// of such a file. Needs of `Isa` besides: store_group.
#pragma once

#include "net/cpu/train_kernels.h"
#include "net/cpu/winograd_tile.h"

namespace embed::cpu {
namespace {

/// One dimension of the transposed transforms that a gradient takes.
template <class Isa, int M>
struct Backward;

template <class Isa>
struct Backward<Isa, 2> {
  using Float = typename Isa::Float;
  /// Gᵀ: 4 → 3.
  static inline __attribute__((always_inline)) void weight_gradient(const Float* u, Float* out) {
    const Float half = Isa::times(Isa::set(0.5F), Isa::plus(u[1], u[2]));
    out[0] = Isa::plus(u[0], half);
    out[1] = Isa::times(Isa::set(0.5F), Isa::minus(u[1], u[2]));
    out[2] = Isa::plus(u[3], half);
  }
  /// A: 2 → 4.
  static inline __attribute__((always_inline)) void slope(const Float* y, Float* out) {
    out[0] = y[0];
    out[1] = Isa::plus(y[0], y[1]);
    out[2] = Isa::minus(y[0], y[1]);
    out[3] = Isa::minus(Isa::set(0), y[1]);
  }
};

template <class Isa>
struct Backward<Isa, 4> {
  using Float = typename Isa::Float;
  static inline __attribute__((always_inline)) void weight_gradient(const Float* u, Float* out) {
    const Float near_sum = Isa::plus(u[1], u[2]), far_sum = Isa::plus(u[3], u[4]);
    out[0] = fma<Isa>(0.25F, u[0], fma<Isa>(-1.0F / 6, near_sum, Isa::times(Isa::set(1.0F / 24), far_sum)));
    out[1] =
        fma<Isa>(1.0F / 6, Isa::minus(u[2], u[1]), Isa::times(Isa::set(1.0F / 12), Isa::minus(u[3], u[4])));
    out[2] = fma<Isa>(1.0F / 6, Isa::minus(far_sum, near_sum), u[5]);
  }
  static inline __attribute__((always_inline)) void slope(const Float* y, Float* out) {
    const Float even = Isa::plus(y[0], y[2]), odd = Isa::plus(y[1], y[3]);
    const Float far_even = fma<Isa>(4, y[2], y[0]);
    const Float far_odd = fma<Isa>(8, y[3], Isa::plus(y[1], y[1]));
    out[0] = y[0];
    out[1] = Isa::plus(even, odd);
    out[2] = Isa::minus(even, odd);
    out[3] = Isa::plus(far_even, far_odd);
    out[4] = Isa::minus(far_even, far_odd);
    out[5] = y[3];
  }
};

template <class Isa, int M>
void transform_weights_with(const WeightsCall& call, std::int64_t first, std::int64_t last) {
  constexpr int kGroup = 4 / Isa::kBytes;
  constexpr std::int64_t kPoints = (M + 2) * (M + 2), kBlock = Isa::kLanes * Isa::kVectors;
  const std::int64_t words = call.in / kGroup;
  for (std::int64_t i = first; i < last; i += kGroup) {
    for (std::int64_t o = 0; o < call.out; o += Isa::kLanes) {
      const auto load = [&](int g, int tap) __attribute__((always_inline)) {
        return Isa::load_float(call.weights + (call.flip ? 8 - tap : tap) * call.tap_stride +
                               (i + g) * call.in_stride + o);
      };
      transform_filters<Isa, M>(
          load, call.packed + 4 * ((o / kBlock * kPoints * words + i / kGroup) * kBlock + o % kBlock),
          4 * words * kBlock);
    }
  }
}

template <class Isa>
void transform_weights(const WeightsCall& call, std::int64_t first, std::int64_t last) {
  call.m == 4 ? transform_weights_with<Isa, 4>(call, first, last)
              : transform_weights_with<Isa, 2>(call, first, last);
}

/// A group of tiles, each In × In pixels at `tiles` (null: no such tile, zeros), kLanes channels → the words
/// of each point.
template <class Isa, int In, int Side, class Transform1D>
inline __attribute__((always_inline)) void transform_group(const std::uint8_t* const* tiles,
                                                           std::ptrdiff_t row, std::ptrdiff_t pixel,
                                                           std::uint8_t* to, std::ptrdiff_t point_bytes,
                                                           Transform1D transform) {
  constexpr int kGroup = 4 / Isa::kBytes;
  using Float = typename Isa::Float;
  Float points[kGroup][Side][Side];
  for (int g = 0; g < kGroup; ++g) {
    Float pixels[In][In];
#pragma GCC unroll 8
    for (int y = 0; y < In; ++y) {
#pragma GCC unroll 8
      for (int x = 0; x < In; ++x) {
        pixels[y][x] = Isa::load_number(tiles[g] + y * row + x * pixel);
      }
    }
    both_ways<Isa, In, Side>(pixels, points[g], transform);
  }
  for (int p = 0; p < Side * Side; ++p) {
    Float group[kGroup];
    for (int g = 0; g < kGroup; ++g) group[g] = points[g][p / Side][p % Side];
    Isa::store_group(to + p * point_bytes, group);
  }
}

template <class Isa, int M>
void transform_gradient_with(const GradientCall& call, std::int64_t first, std::int64_t last) {
  constexpr int kSide = M + 2, kGroup = 4 / Isa::kBytes;
  constexpr std::int64_t kBlock = Isa::kLanes * Isa::kVectors;
  for (std::int64_t group = first; group < last; ++group) {
    const std::uint8_t *inputs[kGroup], *slopes[kGroup];
    for (int g = 0; g < kGroup; ++g) {
      // The last group may have a place too many: any tile will do for its input where the slope is zero.
      const std::int64_t tile = group * kGroup + g < call.all_tiles ? group * kGroup + g : 0;
      const std::int64_t image = tile / call.tiles, place = tile % call.tiles;
      const std::int64_t top = place / call.tiles_across * M, left = place % call.tiles_across * M;
      inputs[g] = call.input + image * call.input_image + top * call.input_row + left * call.input_pixel;
      slopes[g] = call.slope + image * call.slope_image + top * call.slope_row + left * call.slope_pixel;
      if (group * kGroup + g >= call.all_tiles) slopes[g] = call.no_slope;
    }
    for (std::int64_t c = 0; c < call.in; c += Isa::kLanes) {
      const std::uint8_t* at[kGroup];
      for (int g = 0; g < kGroup; ++g) at[g] = inputs[g] + c * Isa::kBytes;
      transform_group<Isa, kSide, kSide>(at, call.input_row, call.input_pixel,
                                         call.inputs + 4 * (group * call.in + c), 4 * call.groups * call.in,
                                         Transform<Isa, M>::input);
    }
    for (std::int64_t c = 0; c < call.out; c += Isa::kLanes) {
      const std::uint8_t* at[kGroup];
      for (int g = 0; g < kGroup; ++g) at[g] = slopes[g] + c * Isa::kBytes;
      transform_group<Isa, M, kSide>(
          at, call.slope_row, call.slope_pixel,
          call.slopes + 4 * ((c / kBlock * call.groups + group) * kBlock + c % kBlock),
          4 * call.groups * call.out, Backward<Isa, M>::slope);
    }
  }
}

template <class Isa>
void transform_gradient(const GradientCall& call, std::int64_t first, std::int64_t last) {
  call.m == 4 ? transform_gradient_with<Isa, 4>(call, first, last)
              : transform_gradient_with<Isa, 2>(call, first, last);
}

template <class Isa>
void add_rows(const float* from, std::int64_t rows, float* to, std::int64_t stride, bool add) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for (int v = 0; v < Isa::kVectors; ++v) {
      typename Isa::Float value = Isa::load_float(from + (r * Isa::kVectors + v) * Isa::kLanes);
      float* place = to + r * stride + v * Isa::kLanes;
      if (add) value = Isa::plus(value, Isa::load_float(place));
      Isa::store_float(place, value);
    }
  }
}

/// At each point a product of [in][groups] and [groups][out] words.
template <class Isa>
void multiply_gradient(const GradientCall& call, std::int64_t first, std::int64_t last) {
  constexpr std::int64_t kBlock = Isa::kLanes * Isa::kVectors;
  const std::ptrdiff_t start = 0;
  const Taps taps{&start, 1, call.groups, 4 * call.in};
  const std::int64_t pieces = (call.in + Isa::kRows - 1) / Isa::kRows;
  alignas(64) float products[Isa::kRows * kBlock];
  for (std::int64_t point = first; point < last; ++point) {
    const std::uint8_t* inputs = call.inputs + 4 * point * call.groups * call.in;
    for (std::int64_t block = 0; block < call.out / kBlock; ++block) {
      const std::uint8_t* slopes =
          call.slopes + 4 * (point * (call.out / kBlock) + block) * call.groups * kBlock;
      for (std::int64_t piece = 0; piece < pieces; ++piece) {
        const std::int64_t begin = piece * call.in / pieces, rows = (piece + 1) * call.in / pieces - begin;
        multiply<Isa>(rows, taps, inputs + 4 * begin, 4, slopes, products);
        add_rows<Isa>(products, rows, call.sums + (point * call.in + begin) * call.out + block * kBlock,
                      call.out, call.add);
      }
    }
  }
}

template <class Isa, int M>
void gradient_of_weights_with(const float* sums, std::int64_t in, std::int64_t out, std::int64_t first,
                              std::int64_t last, float* gradient) {
  constexpr int kSide = M + 2;
  using Float = typename Isa::Float;
  for (std::int64_t i = first; i < last; ++i) {
    for (std::int64_t o = 0; o < out; o += Isa::kLanes) {
      Float points[kSide][kSide], taps[3][3];
      for (int p = 0; p < kSide * kSide; ++p) {
        points[p / kSide][p % kSide] = Isa::load_float(sums + (p * in + i) * out + o);
      }
      both_ways<Isa, kSide, 3>(points, taps, Backward<Isa, M>::weight_gradient);
      for (int t = 0; t < 9; ++t) Isa::store_float(gradient + (t * in + i) * out + o, taps[t / 3][t % 3]);
    }
  }
}

template <class Isa>
void gradient_of_weights(const float* sums, std::int64_t in, std::int64_t out, std::int64_t m,
                         std::int64_t first, std::int64_t last, float* gradient) {
  m == 4 ? gradient_of_weights_with<Isa, 4>(sums, in, out, first, last, gradient)
         : gradient_of_weights_with<Isa, 2>(sums, in, out, first, last, gradient);
}

template <class Isa>
constexpr TrainKernels train_table() {
  return {transform_weights<Isa>, transform_gradient<Isa>, multiply_gradient<Isa>, gradient_of_weights<Isa>};
}

}  // namespace
}  // namespace embed::cpu
