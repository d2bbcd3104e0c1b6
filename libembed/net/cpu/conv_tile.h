// SPDX-License-Identifier: LGPL-2.1-or-later
// The convolution itself, for an instruction set `Isa`. Included by the kernels_*.cpp files alone, each of
// which is compiled for other instructions: everything is in an unnamed namespace, and of the standard
// library only what is not a function.
#pragma once

#include <cstdint>
#include <cstring>

#include "net/cpu/kernels.h"

namespace embed::cpu {
namespace {

inline std::int64_t tiles_of(const ConvCall& call, std::int64_t rows) {
  return (call.last_row - call.first_row + rows - 1) / rows;
}

template <class Isa>
std::int64_t pieces(const ConvCall& call) {
  return tiles_of(call, Isa::kRows) * (call.to.channels / (Isa::kLanes * Isa::kVectors));
}

/// The first of `count` pixels that belongs to tile `index` of `tiles` or a later one.
template <class Isa>
std::int64_t cut(std::int64_t count, std::int64_t index, std::int64_t tiles) {
  const std::int64_t at = (count + Isa::kPixels - 1) / Isa::kPixels * index / tiles * Isa::kPixels;
  return at < count ? at : count;
}

/// The words that a pixel's sum goes through: `count` runs of `words`, `step` bytes from one to the next.
struct Taps {
  const std::ptrdiff_t* at;
  std::int64_t count, words;
  std::ptrdiff_t step;
  bool go_on = false;  ///< From the sums that are there, instead of from zero.
};

/// Adds the products of the words [kWord, Isa::kWords) that were loaded of each pixel.
template <class Isa, int R, int kWord = 0>
__attribute__((always_inline)) inline void add_words(typename Isa::Sum (&sums)[R][Isa::kVectors],
                                                     const typename Isa::Words (&values)[R],
                                                     const std::uint8_t* weights) {
  if constexpr (kWord < Isa::kWords) {
#pragma GCC unroll 8
    for (int v = 0; v < Isa::kVectors; v += 2) {
      const typename Isa::Word one = Isa::load(weights + 4 * Isa::kLanes * v);
      const typename Isa::Word other = Isa::load(weights + 4 * Isa::kLanes * (v + 1));
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r)
        sums[r][v] = Isa::template multiply_add_word<kWord>(sums[r][v], one, values[r]);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r)
        sums[r][v + 1] = Isa::template multiply_add_word<kWord>(sums[r][v + 1], other, values[r]);
      // Weights that compilers load ahead of their turn push sums out of the registers.
      asm volatile("" ::: "memory");
    }
    add_words<Isa, R, kWord + 1>(sums, values, weights + 4 * Isa::kLanes * Isa::kVectors);
  }
}

/// The sums of a tile of R pixels × one block of channels, [R][kVectors]: in registers from the first tap to
/// the last. A function of its own that stores them at its end, for the compiler keeps an array in registers
/// only where nobody else knows its address.
template <class Isa, int R>
__attribute__((noinline)) void sum_up_pixels(const Taps& taps, const std::uint8_t* const* pixels,
                                             const std::uint8_t* weights, typename Isa::Sum* out) {
  constexpr int kVectors = Isa::kVectors;
  typename Isa::Sum sums[R][kVectors];
  const std::uint8_t* pixel[R];
  const std::ptrdiff_t step = taps.step;
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    pixel[r] = pixels[r];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) sums[r][v] = taps.go_on ? out[r * kVectors + v] : Isa::zero();
  }
  for (std::int64_t tap = 0; tap < taps.count; ++tap) {
    const std::ptrdiff_t begin = taps.at[tap];
    const std::ptrdiff_t end = begin + step * taps.words;
    std::ptrdiff_t word = begin;
    if constexpr (Isa::kWords > 1) {
      constexpr std::ptrdiff_t kBytes = 4 * Isa::kWords;
      for (; step == 4 && word + kBytes <= end; word += kBytes) {
        typename Isa::Words values[R];
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) values[r] = Isa::load_words(pixel[r] + word);
        add_words<Isa, R>(sums, values, weights);
        weights += kBytes * Isa::kLanes * kVectors;
        // Compilers would rather work out where both end than let them stand in their registers.
        asm volatile("" : "+r"(word), "+r"(weights));
      }
    }
    for (; word < end; word += step) {
      typename Isa::Word weight[kVectors];
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) weight[v] = Isa::load(weights + 4 * Isa::kLanes * v);
      weights += 4 * Isa::kLanes * kVectors;
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const typename Isa::Word value = Isa::broadcast(pixel[r] + word);
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v) sums[r][v] = Isa::multiply_add(sums[r][v], weight[v], value);
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) out[r * kVectors + v] = sums[r][v];
  }
}

/// Adds the products of a word of each pixel of the pairs.
template <class Isa, int kPairs>
__attribute__((always_inline)) inline void add_pairs(typename Isa::Sum (&sums)[kPairs][2 * Isa::kVectors],
                                                     const typename Isa::Word (&values)[kPairs],
                                                     const std::uint8_t* weights) {
#pragma GCC unroll 8
  for (int v = 0; v < 2 * Isa::kVectors; v += 2) {
    const typename Isa::Word one = Isa::load(weights + 16 * v), other = Isa::load(weights + 16 * (v + 1));
#pragma GCC unroll 8
    for (int p = 0; p < kPairs; ++p) sums[p][v] = Isa::multiply_add(sums[p][v], one, values[p]);
#pragma GCC unroll 8
    for (int p = 0; p < kPairs; ++p) sums[p][v + 1] = Isa::multiply_add(sums[p][v + 1], other, values[p]);
    asm volatile("" ::: "memory");  // As in add_words.
  }
}

/// The same sums by instructions that multiply words of two pixels by those of two channels: the four sums of
/// a register are the first pixel's of both channels, then the second one's. They are exchanged with those of
/// the channels beside them, so that four of a pixel go in and come out.
template <class Isa, int R>
__attribute__((noinline)) void sum_up_pairs(const Taps& taps, const std::uint8_t* const* pixels,
                                            const std::uint8_t* weights, typename Isa::Sum* out) {
  constexpr int kPairs = (R + 1) / 2, kVectors = 2 * Isa::kVectors;
  constexpr std::ptrdiff_t kStep = 16 * kVectors;  // Bytes of a block's weights for a word.
  typename Isa::Sum sums[kPairs][kVectors];
  const std::uint8_t *first[kPairs], *second[kPairs];
#pragma GCC unroll 8
  for (int p = 0; p < kPairs; ++p) {
    // An odd one goes with itself.
    const int r = 2 * p, other = r + 1 < R ? r + 1 : r;
    first[p] = pixels[r];
    second[p] = pixels[other];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; v += 2) {
      sums[p][v] = taps.go_on ? out[(r * kVectors + v) / 2] : Isa::zero();
      sums[p][v + 1] = taps.go_on ? out[(other * kVectors + v) / 2] : Isa::zero();
      if (taps.go_on) Isa::exchange(sums[p][v], sums[p][v + 1]);
    }
  }
  std::int64_t tap = 0;
  do {
    std::ptrdiff_t at = taps.at[tap];
    const std::ptrdiff_t end = at + 8 * taps.words;
    typename Isa::Word words[kPairs], next[kPairs];
    for (; at + 16 <= end; at += 16) {
#pragma GCC unroll 8
      for (int p = 0; p < kPairs; ++p) Isa::load_pairs(first[p] + at, second[p] + at, words[p], next[p]);
      add_pairs<Isa, kPairs>(sums, words, weights);
      add_pairs<Isa, kPairs>(sums, next, weights + kStep);
      weights += 2 * kStep;
      asm volatile("" : "+r"(at), "+r"(weights));  // As in sum_up_pixels.
    }
    if (at < end) {
#pragma GCC unroll 8
      for (int p = 0; p < kPairs; ++p) words[p] = Isa::load_pair(first[p] + at, second[p] + at);
      add_pairs<Isa, kPairs>(sums, words, weights);
      weights += kStep;
    }
  } while (++tap < taps.count);
#pragma GCC unroll 8
  for (int p = 0; p < kPairs; ++p) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; v += 2) {
      Isa::exchange(sums[p][v], sums[p][v + 1]);
      out[p * kVectors + v / 2] = sums[p][v];
      if (2 * p + 1 < R) out[p * kVectors + (kVectors + v) / 2] = sums[p][v + 1];
    }
  }
}

template <class Isa, int R>
__attribute__((always_inline)) inline void sum_up(const Taps& taps, const std::uint8_t* const* pixels,
                                                  const std::uint8_t* weights, typename Isa::Sum* out) {
  if constexpr (Isa::kPixels == 2) {
    sum_up_pairs<Isa, R>(taps, pixels, weights, out);
  } else {
    sum_up_pixels<Isa, R>(taps, pixels, weights, out);
  }
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
