// SPDX-License-Identifier: LGPL-2.1-or-later
// What training needs of AMX's tiles besides the convolution itself; bfloat16. Included by kernels_amx.cpp
// alone.
#pragma once

#include "net/cpu/kernels.h"
#include "net/cpu/train_kernels.h"
#include "net/cpu/x86/amx_tiles.h"

namespace embed::cpu {
namespace {

constexpr std::int64_t kTaps = 9;
static_assert(kStripBlock == 2 * kTileChannels);

std::uint32_t word(std::uint16_t low, std::uint16_t high) {
  return low | static_cast<std::uint32_t>(high) << 16;
}

/// A word holds two input channels of a tap: the rows of 32 output channels become columns.
void pack_for_output(const std::uint16_t* weights, std::int64_t in, std::int64_t first, std::int64_t last,
                     std::uint8_t* packed) {
  const std::int64_t words = kTaps * in / 2;
  for (std::int64_t block = first; block < last; block += kStripBlock) {
    auto* to = reinterpret_cast<std::uint32_t*>(packed + 4 * block * words);
    const std::uint16_t* from = weights + 2 * block * words;
    for (std::int64_t w = 0; w < words; ++w) {
      for (std::int64_t o = 0; o < kStripBlock; ++o) {
        const std::uint16_t* pair = from + 2 * (o * words + w);
        to[w * kStripBlock + o] = word(pair[0], pair[1]);
      }
    }
  }
}

/// A word holds two output channels; the taps go in reverse.
void pack_for_input(const std::uint16_t* weights, std::int64_t in, std::int64_t out, std::int64_t first,
                    std::int64_t last, std::uint8_t* packed) {
  auto* to = reinterpret_cast<std::uint32_t*>(packed + 4 * first * kTaps * out / 2);
  for (std::int64_t block = first; block < last; block += kStripBlock) {
    for (std::int64_t tap = 0; tap < kTaps; ++tap) {
      for (std::int64_t o = 0; o < out; o += 2, to += kStripBlock) {
        const std::uint16_t* one = weights + (o * kTaps + kTaps - 1 - tap) * in + block;
        const std::uint16_t* two = one + kTaps * in;
        for (std::int64_t i = 0; i < kStripBlock; ++i) to[i] = word(one[i], two[i]);
      }
    }
  }
}

void pack_weights(const std::uint16_t* weights, std::int64_t in, std::int64_t out, bool of_input,
                  std::int64_t first, std::int64_t last, std::uint8_t* packed) {
  of_input ? pack_for_input(weights, in, out, first, last, packed)
           : pack_for_output(weights, in, first, last, packed);
}

/// 16 places × 16 channels, in four rounds of exchanging halves.
void transpose_16(const std::uint8_t* const* places, std::ptrdiff_t at, std::uint8_t* out,
                  std::ptrdiff_t row_bytes) {
  __m256i a[16], b[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) a[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(places[i] + at));
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    b[2 * i] = _mm256_unpacklo_epi16(a[2 * i], a[2 * i + 1]);
    b[2 * i + 1] = _mm256_unpackhi_epi16(a[2 * i], a[2 * i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    a[i] = _mm256_unpacklo_epi32(b[i], b[i + 2]);
    a[i + 1] = _mm256_unpackhi_epi32(b[i], b[i + 2]);
    a[i + 2] = _mm256_unpacklo_epi32(b[i + 1], b[i + 3]);
    a[i + 3] = _mm256_unpackhi_epi32(b[i + 1], b[i + 3]);
  }
#pragma GCC unroll 2
  for (int half = 0; half < 16; half += 8) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      b[half + 2 * i] = _mm256_unpacklo_epi64(a[half + i], a[half + i + 4]);
      b[half + 2 * i + 1] = _mm256_unpackhi_epi64(a[half + i], a[half + i + 4]);
    }
  }
  // b[c] holds the channels c and c + 8 of the places 0 to 7, b[c + 8] of 8 to 15.
#pragma GCC unroll 8
  for (int c = 0; c < 8; ++c) {
    const __m256i low = _mm256_permute2x128_si256(b[c], b[c + 8], 0x20);
    const __m256i high = _mm256_permute2x128_si256(b[c], b[c + 8], 0x31);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + c * row_bytes), low);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + (c + 8) * row_bytes), high);
  }
}

void transpose(const std::uint8_t* const* places, std::int64_t first, std::int64_t last,
               std::int64_t channels, std::uint8_t* out, std::ptrdiff_t row_bytes) {
  for (std::int64_t place = first; place < last; place += 16) {
    for (std::int64_t c = 0; c < channels; c += 16) {
      transpose_16(places + place, 2 * c, out + c * row_bytes + 2 * place, row_bytes);
    }
  }
}

void interleave(const std::uint8_t* const* places, std::int64_t first, std::int64_t last, std::int64_t count,
                std::int64_t channels, std::uint8_t* out) {
  for (std::int64_t place = first; place < last; place += 2) {
    for (std::int64_t c = 0; c < channels; c += kStripBlock) {
      const auto* one = reinterpret_cast<const std::uint16_t*>(places[place]) + c;
      const auto* two = reinterpret_cast<const std::uint16_t*>(places[place + 1]) + c;
      auto* to =
          reinterpret_cast<std::uint32_t*>(out) + (c / kStripBlock * (count / 2) + place / 2) * kStripBlock;
      for (std::int64_t i = 0; i < kStripBlock; ++i) to[i] = word(one[i], two[i]);
    }
  }
}

/// 32 output × 32 input channels of one tap, summed over all places.
void sum_over_places(const StripCall& call, const std::uint8_t* slopes, const std::uint8_t* inputs,
                     float* gradient) {
  constexpr std::ptrdiff_t kInputRow = 4 * kStripBlock;
  const std::ptrdiff_t row = 4 * kTaps * call.in;
  auto* top = reinterpret_cast<std::uint8_t*>(gradient);
  std::uint8_t* bottom = top + kTileChannels * row;
  __asm__ volatile("" : : : "memory");
  if (call.add) {
    _tile_loadd(0, top, row);
    _tile_loadd(1, top + 4 * kTileChannels, row);
    _tile_loadd(2, bottom, row);
    _tile_loadd(3, bottom + 4 * kTileChannels, row);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  const std::uint8_t* lower = slopes + kTileChannels * call.slope_row;
  for (std::int64_t place = 0; place < call.places; place += kStripPlaces) {
    _tile_loadd(6, inputs, kInputRow);
    _tile_loadd(7, inputs + 4 * kTileChannels, kInputRow);
    _tile_loadd(4, slopes + 2 * place, call.slope_row);
    _tile_loadd(5, lower + 2 * place, call.slope_row);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
    inputs += kStripPlaces / 2 * kInputRow;
  }
  _tile_stored(0, top, row);
  _tile_stored(1, top + 4 * kTileChannels, row);
  _tile_stored(2, bottom, row);
  _tile_stored(3, bottom + 4 * kTileChannels, row);
  __asm__ volatile("" : : : "memory");
}

void multiply(const StripCall& call, std::int64_t first, std::int64_t last) {
  Tiles tiles(kTileWords);
  tiles.take(kTileChannels, kTileChannels);
  for (std::int64_t o = first; o < last; o += kStripBlock) {
    for (std::int64_t i = 0; i < call.in; i += kStripBlock) {
      const std::uint8_t* inputs = call.inputs + 2 * i * call.places;
      for (std::int64_t tap = 0; tap < kTaps; ++tap) {
        sum_over_places(call, call.slopes + o * call.slope_row + call.tap_at[tap], inputs,
                        call.gradient + (o * kTaps + tap) * call.in + i);
      }
    }
  }
}

constexpr TileTrainKernels kTileTrainKernels = {pack_weights, transpose, interleave, multiply};

}  // namespace
}  // namespace embed::cpu
