// SPDX-License-Identifier: LGPL-2.1-or-later
// The sums of a tile of pixels and channels, for an instruction set `Isa`; see conv_tile.h for the rules of
// such a file.
//
// `Isa` says how it takes a pixel's words of kWordBytes: kWords of them with one load, or one spread out
// (kWords 1); those of kPixels pixels in one register; and at most kPartWords of them in a narrow sum (0: its
// sums hold them all).
#pragma once

#include <cstddef>
#include <cstdint>

#include "net/cpu/kernels.h"

namespace embed::cpu {
namespace {

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
template <class Isa, int R, int kWord = 0, class Sum>
__attribute__((always_inline)) inline void add_words(Sum (&sums)[R][Isa::kVectors],
                                                     const typename Isa::Words (&values)[R],
                                                     const std::uint8_t* weights) {
  if constexpr (kWord < Isa::kWords) {
#pragma GCC unroll 8
    for (int v = 0; v < Isa::kVectors; v += 2) {
      const typename Isa::Word one = Isa::load(weights + Isa::kWordBytes * Isa::kLanes * v);
      const typename Isa::Word other = Isa::load(weights + Isa::kWordBytes * Isa::kLanes * (v + 1));
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r)
        sums[r][v] = Isa::template multiply_add_word<kWord>(sums[r][v], one, values[r]);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r)
        sums[r][v + 1] = Isa::template multiply_add_word<kWord>(sums[r][v + 1], other, values[r]);
      // Weights that compilers load ahead of their turn push sums out of the registers.
      asm volatile("" ::: "memory");
    }
    add_words<Isa, R, kWord + 1>(sums, values, weights + Isa::kWordBytes * Isa::kLanes * Isa::kVectors);
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
      constexpr std::ptrdiff_t kBytes = Isa::kWordBytes * Isa::kWords;
      for (; step == Isa::kWordBytes && word + kBytes <= end; word += kBytes) {
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
      for (int v = 0; v < kVectors; ++v) weight[v] = Isa::load(weights + Isa::kWordBytes * Isa::kLanes * v);
      weights += Isa::kWordBytes * Isa::kLanes * kVectors;
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

/// The same sums by instructions that add in numbers too narrow for all of them (Isa::Part): those of
/// kPartWords words at most, which are then widened and added up.
template <class Isa, int R>
void sum_up_parts(const Taps& taps, const std::uint8_t* const* pixels, const std::uint8_t* weights,
                  typename Isa::Sum* out) {
  constexpr std::int64_t kMost = Isa::kPartWords;
  typename Isa::Part::Sum parts[R * Isa::kVectors];
  const std::int64_t whole = taps.words < kMost ? kMost / taps.words : 1;
  bool go_on = taps.go_on;
  for (std::int64_t tap = 0; tap < taps.count; tap += whole) {
    const std::int64_t count = taps.count - tap < whole ? taps.count - tap : whole;
    for (std::int64_t word = 0; word < taps.words; word += kMost) {
      const std::int64_t words = taps.words - word < kMost ? taps.words - word : kMost;
      // Several whole taps, or a part of one.
      const std::ptrdiff_t at = taps.at[tap] + word * taps.step;
      sum_up_pixels<typename Isa::Part, R>({word > 0 ? &at : taps.at + tap, count, words, taps.step}, pixels,
                                           weights, parts);
      weights += count * words * Isa::kWordBytes * Isa::kLanes * Isa::kVectors;
#pragma GCC unroll 4
      for (int i = 0; i < R * Isa::kVectors; ++i) {
        const typename Isa::Sum wide = Isa::widened(parts[i]);
        out[i] = go_on ? Isa::plus(out[i], wide) : wide;
      }
      go_on = true;
    }
  }
}

template <class Isa, int R>
__attribute__((always_inline)) inline void sum_up(const Taps& taps, const std::uint8_t* const* pixels,
                                                  const std::uint8_t* weights, typename Isa::Sum* out) {
  if constexpr (Isa::kPixels == 2) {
    sum_up_pairs<Isa, R>(taps, pixels, weights, out);
  } else if constexpr (Isa::kPartWords > 0) {
    sum_up_parts<Isa, R>(taps, pixels, weights, out);
  } else {
    sum_up_pixels<Isa, R>(taps, pixels, weights, out);
  }
}

}  // namespace
}  // namespace embed::cpu
