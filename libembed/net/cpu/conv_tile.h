// SPDX-License-Identifier: LGPL-2.1-or-later
// The convolution itself, for an instruction set `Isa`. Included by the kernels_*.cpp files alone, each of
// which is compiled for other instructions: everything is in an unnamed namespace, and of the standard
// library only what is not a function.
#pragma once

#include <cstdint>
#include <cstring>

#include "net/cpu/kernels.h"
#include "net/cpu/sum_tile.h"

namespace embed::cpu {
namespace {

inline std::int64_t tiles_of(const ConvCall& call, std::int64_t rows) {
  return (call.last_row - call.first_row + rows - 1) / rows;
}

template <class Isa>
std::int64_t pieces(const ConvCall& call) {
  return tiles_of(call, Isa::kRows) * (call.to.channels / (Isa::kLanes * Isa::kVectors));
}

/// What the sums of some channels are multiplied with and added to; zeros where nothing is.
template <class Isa>
struct Scaling {
  typename Isa::Float unit, scale, shift;
  Scaling(const ConvOutput& to, std::int64_t channel)
      : unit(of(to.unit, channel)), scale(of(to.scale, channel)), shift(of(to.shift, channel)) {}

 private:
  static typename Isa::Float of(const float* numbers, std::int64_t channel) {
    return numbers != nullptr ? Isa::load_float(numbers + channel) : Isa::set(0);
  }
};

/// What becomes of a vector of sums. `raw` and `active` point to the pixel's first channel, or are null.
template <class Isa>
__attribute__((always_inline)) inline void finish(const ConvOutput& to, const Scaling<Isa>& by,
                                                  std::int64_t channel, float* raw, std::uint8_t* active,
                                                  typename Isa::Float value) {
  if (to.unit != nullptr) value = Isa::times(value, by.unit);
  if (raw != nullptr) {
    if (to.add_raw) value = Isa::plus(value, Isa::load_float(raw + channel));
    Isa::store_float(raw + channel, value);
  }
  if (active != nullptr) {
    if (to.scale != nullptr) value = Isa::relu(Isa::affine(value, by.scale, by.shift));
    Isa::store_number(active + channel * Isa::kBytes, value);
  }
}

inline float* raw_of(const ConvOutput& to, std::int64_t row) {
  return to.raw != nullptr ? to.raw + (row - to.raw_row) * to.channels : nullptr;
}

inline std::uint8_t* active_of(const ConvOutput& to, std::int64_t image, std::int64_t pixel) {
  return to.active != nullptr ? to.active + image * to.active_image + to.active_at[pixel] : nullptr;
}

template <class Isa, int R>
void tile(const ConvCall& call, std::int64_t row, std::int64_t block) {
  const std::uint8_t* pixels[R];
  std::int64_t images[R];
  for (int r = 0; r < R; ++r) {
    images[r] = (row + r) / call.to.pixels;
    pixels[r] =
        call.input + images[r] * call.input_image + call.input_at[row + r - images[r] * call.to.pixels];
  }
  constexpr std::int64_t kBlock = Isa::kLanes * Isa::kVectors;
  typename Isa::Sum sums[R * Isa::kVectors];
  Taps taps{call.tap_at, call.taps, call.words, Isa::kWordBytes};
  if (call.to.start != nullptr) {
    taps.go_on = true;
    for (int r = 0; r < R; ++r) {
      std::memcpy(sums + r * Isa::kVectors, call.to.start + block * kBlock, sizeof(std::int32_t) * kBlock);
    }
  }
  sum_up<Isa, R>(taps, pixels, call.weights + block * Isa::kWordBytes * call.taps * call.words * kBlock,
                 sums);
  float* raw[R];
  std::uint8_t* active[R];
  for (int r = 0; r < R; ++r) {
    raw[r] = raw_of(call.to, row + r);
    active[r] = active_of(call.to, images[r], row + r - images[r] * call.to.pixels);
  }
  const ConvOutput to = call.to;  // A copy, for what is stored may be anything else.
  for (int v = 0; v < Isa::kVectors; ++v) {
    const std::int64_t channel = block * kBlock + v * Isa::kLanes;
    const Scaling<Isa> by(to, channel);
    for (int r = 0; r < R; ++r) {
      finish<Isa>(to, by, channel, raw[r], active[r], Isa::to_float(sums[r * Isa::kVectors + v]));
    }
  }
}

template <class Isa, int R = Isa::kRows>
__attribute__((always_inline)) inline void tile_of(std::int64_t height, const ConvCall& call,
                                                   std::int64_t row, std::int64_t block) {
  if constexpr (R > 0) {
    if (height == R) return tile<Isa, R>(call, row, block);
    tile_of<Isa, R - 1>(height, call, row, block);
  }
}

/// Blocks outside, tiles inside: a block's weights stay in the cache while the pictures pass. Tiles differ by
/// at most one pixel (or pair) in height, for a low one costs nearly what a full one does.
template <class Isa>
void convolve(const ConvCall& call, std::int64_t first, std::int64_t last) {
  const std::int64_t tiles = tiles_of(call, Isa::kRows), rows = call.last_row - call.first_row;
  for (std::int64_t piece = first; piece < last; ++piece) {
    const std::int64_t block = piece / tiles, index = piece - block * tiles;
    const std::int64_t begin = cut<Isa>(rows, index, tiles), end = cut<Isa>(rows, index + 1, tiles);
    tile_of<Isa>(end - begin, call, call.first_row + begin, block);
  }
}

template <class Isa>
void pool(const PoolCall& call) {
  for (std::int64_t x = 0; x < call.out_width; ++x) {
    const std::int64_t left = 2 * x > 0 ? 2 * x - 1 : 0;
    const std::int64_t right = 2 * x + 1 < call.width ? 2 * x + 1 : call.width - 1;
    // What lies outside is replaced by a pixel inside, which changes no maximum.
    const float* from[9];
    for (int i = 0; i < 9; ++i) {
      const float* row = call.rows[i / 3] != nullptr ? call.rows[i / 3] : call.rows[1];
      const std::int64_t column = left + i % 3 < right ? left + i % 3 : right;
      from[i] = row + column * call.channels;
    }
    for (std::int64_t c = 0; c < call.channels; c += Isa::kLanes) {
      typename Isa::Float most = Isa::load_float(from[0] + c);
#pragma GCC unroll 8
      for (int i = 1; i < 9; ++i) most = Isa::larger(most, Isa::load_float(from[i] + c));
      // ReLU grows with its input, so it may come after the maximum: once instead of nine times.
      const typename Isa::Float value = Isa::relu(Isa::plus(most, Isa::load_float(call.bias + c)));
      Isa::store_float(call.raw + x * call.channels + c, value);
      const typename Isa::Float next =
          Isa::affine(value, Isa::load_float(call.scale + c), Isa::load_float(call.shift + c));
      Isa::store_number(call.active + (x * call.channels + c) * Isa::kBytes, Isa::relu(next));
    }
  }
}

template <class Isa>
void finish(const FinishCall& call) {
  using Float = typename Isa::Float;
  const Float share = Isa::set(1.0F / static_cast<float>(call.pixels));
  for (std::int64_t c = 0; c < call.channels; c += Isa::kLanes) {
    const Float scale = Isa::load_float(call.scale + c), shift = Isa::load_float(call.shift + c);
    Float sum = Isa::set(0);
    for (std::int64_t p = 0; p < call.pixels; ++p) {
      sum = Isa::plus(
          sum, Isa::relu(Isa::affine(Isa::load_float(call.raw + p * call.channels + c), scale, shift)));
    }
    Isa::store_float(call.mean + c, Isa::times(sum, share));
  }
  constexpr int kSums = 8;  // As many as hide what one addition waits for the one before it.
  static_assert(kFinishOutputs % (kSums * Isa::kLanes) == 0);
  for (std::int64_t o = 0; o < call.outputs; o += kSums * Isa::kLanes) {
    Float sums[kSums];
    for (int i = 0; i < kSums; ++i) sums[i] = Isa::load_float(call.bias + o + i * Isa::kLanes);
    for (std::int64_t c = 0; c < call.channels; ++c) {
      const Float mean = Isa::set(call.mean[c]);
      const float* row = call.weights + c * call.outputs + o;
      for (int i = 0; i < kSums; ++i)
        sums[i] = Isa::affine(mean, Isa::load_float(row + i * Isa::kLanes), sums[i]);
    }
    for (int i = 0; i < kSums; ++i) Isa::store_float(call.out + o + i * Isa::kLanes, sums[i]);
  }
}

template <class Isa>
void normalise(const std::uint8_t* bytes, const float* scale, const float* shift, std::int64_t count,
               std::uint8_t* out) {
  std::int64_t i = 0;
  for (; i + Isa::kLanes <= count; i += Isa::kLanes) {
    const typename Isa::Float value =
        Isa::affine(Isa::load_bytes(bytes + i), Isa::load_float(scale + i), Isa::load_float(shift + i));
    Isa::store_number(out + i * Isa::kBytes, value);
  }
  if (i == count) return;
  std::uint8_t in[Isa::kLanes] = {}, result[Isa::kLanes * Isa::kBytes];
  float a[Isa::kLanes] = {}, b[Isa::kLanes] = {};
  const std::int64_t left = count - i;
  for (std::int64_t k = 0; k < left; ++k) {
    in[k] = bytes[i + k];
    a[k] = scale[i + k];
    b[k] = shift[i + k];
  }
  Isa::store_number(result, Isa::affine(Isa::load_bytes(in), Isa::load_float(a), Isa::load_float(b)));
  for (std::int64_t k = 0; k < left * Isa::kBytes; ++k) out[i * Isa::kBytes + k] = result[k];
}

template <class Isa>
constexpr Kernels table(const char* name, Number number, void (*winograd)(const WinogradCall&),
                        const TrainKernels* train) {
  constexpr std::int64_t kGroup = Isa::kWordBytes / Isa::kBytes, kBlock = Isa::kLanes * Isa::kVectors;
  return {name,          number,   kGroup,    kBlock,         Isa::kRows,  8,     false,  pieces<Isa>,
          convolve<Isa>, winograd, pool<Isa>, normalise<Isa>, finish<Isa>, train, nullptr};
}

}  // namespace
}  // namespace embed::cpu
