// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/cpu/conv_layer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>

namespace embed::cpu {

namespace {

// Bytes of transformed weights that are kept if the weights can also be transformed in a pass: more would
// come from main memory for every few pictures, and two to four times as many as the weights themselves.
constexpr std::int64_t kMostTransformed = 2 << 20;

/// To the nearest, ties to even, as the hardware does; finite values only.
std::uint16_t to_bf16(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  bits += 0x7FFFU + ((bits >> 16) & 1U);
  return static_cast<std::uint16_t>(bits >> 16);
}

/// The bits of the float16 that is exactly this value, if there is one.
std::optional<std::uint16_t> to_f16(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const std::uint32_t sign = bits >> 16 & 0x8000U, magnitude = bits & 0x7FFFFFFFU;
  if (magnitude == 0) return static_cast<std::uint16_t>(sign);
  const int exponent = static_cast<int>(magnitude >> 23) - 127;
  if (exponent < -24 || exponent > 15) return std::nullopt;
  const std::uint32_t mantissa = (magnitude & 0x7FFFFFU) | 0x800000U;
  const int shift = exponent < -14 ? -1 - exponent : 13;
  if ((mantissa & ((1U << shift) - 1)) != 0) return std::nullopt;
  const std::uint32_t shifted = mantissa >> shift;
  const auto biased = static_cast<std::uint32_t>(std::max(exponent, -14) + 14) << 10;
  return static_cast<std::uint16_t>(sign | (shifted + biased));
}

/// The bits of the nearest float16, ties to even; of infinity where the largest is exceeded.
std::uint16_t nearest_f16(float value) {
  const auto bits_of = [](float number) {
    std::uint32_t bits;
    std::memcpy(&bits, &number, sizeof bits);
    return bits;
  };
  const std::uint32_t sign = bits_of(value) >> 16 & 0x8000U;
  const float magnitude = std::abs(value);
  std::uint32_t bits = 0x7C00;
  if (magnitude < 0x1p-14F) {
    // Without a leading one the last place is worth 2^-24, as that of a float32 from 0.5 to 1.
    bits = bits_of(magnitude + 0.5F) - bits_of(0.5F);
  } else if (magnitude < 65520) {
    bits = bits_of(magnitude);
    bits = (bits + 0xFFFU + (bits >> 13 & 1U) - (112U << 23)) >> 13;
  }
  return static_cast<std::uint16_t>(sign | bits);
}

void store(Number number, float value, float unit, std::uint8_t* out) {
  switch (number) {
    case Number::F32:
      std::memcpy(out, &value, sizeof value);
      break;
    case Number::BF16: {
      const std::uint16_t bits = to_bf16(value);
      std::memcpy(out, &bits, sizeof bits);
      break;
    }
    case Number::F16: {
      const std::uint16_t bits = nearest_f16(value);
      std::memcpy(out, &bits, sizeof bits);
      break;
    }
    case Number::U8: {
      const auto rounded = static_cast<std::int8_t>(std::lround(value / unit));
      std::memcpy(out, &rounded, sizeof rounded);
      break;
    }
  }
}

/// G of F(m, 3), rows of three.
std::vector<double> weight_transform(std::int64_t m) {
  if (m == 2) return {1, 0, 0, .5, .5, .5, .5, -.5, .5, 0, 0, 1};
  return {1. / 4,  0,       0,      -1. / 6, -1. / 6,  -1. / 6, -1. / 6, 1. / 6, -1. / 6,
          1. / 24, 1. / 12, 1. / 6, 1. / 24, -1. / 12, 1. / 6,  0,       0,      1};
}

/// [begin, end) of `total` for a member.
struct Range {
  std::int64_t begin, end;
  Range(std::int64_t total, const ConvShare& share)
      : begin(total * share.index / share.count), end(total * (share.index + 1) / share.count) {}
};

}  // namespace

ConvLayer::ConvLayer(const Kernels& kernels, const ConvWeights& weights, const std::vector<float>& input_unit,
                     const Plane& input, Arena& arena, bool whole_rows)
    : kernels_(&kernels), input_(input), channels_(weights.out) {
  const std::int64_t kernel = weights.kernel, padding = kernel / 2;
  height_ = (input.height - 1) / weights.stride + 1;
  width_ = (input.width - 1) / weights.stride + 1;
  if (kernel == 3 && weights.stride == 1) m_ = winograd_tile(kernels, weights.in, height_, width_);
  const std::int64_t points = (m_ + 2) * (m_ + 2);
  const bool kept = points * weights.in * weights.out * size_of(kernels.number) <= kMostTransformed;
  if (m_ > 0 && !kept && kernels.filter_tiles > 0) {
    const std::int64_t tiles = ((height_ + m_ - 1) / m_) * ((width_ + m_ - 1) / m_);
    // Few tiles do not pay for their filters.
    if (points * (tiles + kernels.filter_tiles) >= 9 * height_ * width_) m_ = 0;
  }
  if (m_ > 0) {
    if (kept || !pack_filters(weights, arena)) pack_transformed(weights, arena);
    return;
  }
  for (std::int64_t y = 0; y < height_; ++y) {
    for (std::int64_t x = 0; x < width_; ++x) {
      input_at_.push_back(input.at(y * weights.stride - padding, x * weights.stride - padding));
    }
  }
  if (kernels.runs) runs_ = RunTable(input_at_, height_, width_, input.pixel_bytes());
  for (std::int64_t y = 0; y < kernel; ++y) {
    for (std::int64_t x = 0; x < (whole_rows ? 1 : kernel); ++x) {
      tap_at_.push_back(y * input.row_bytes() + x * input.pixel_bytes());
    }
  }
  pack(weights, input_unit, whole_rows ? kernel * weights.in : weights.in, arena);
}

/// For 8-bit weights: each output channel's largest weight becomes 127.
void ConvLayer::find_units(const ConvWeights& weights, const std::vector<float>& input_unit) {
  const std::int64_t area = weights.kernel * weights.kernel;
  const float* value = weights.values.data();
  for (std::int64_t o = 0; o < weights.out; ++o) {
    float largest = 1e-20F;  // A channel without any weight still needs a unit.
    for (std::int64_t i = 0; i < weights.in; ++i) {
      for (std::int64_t k = 0; k < area; ++k) {
        largest = std::max(largest, std::abs(*value++) * input_unit[static_cast<std::size_t>(i)]);
      }
    }
    unit_.push_back(largest / 127);
  }
}

void ConvLayer::pack(const ConvWeights& weights, const std::vector<float>& input_unit, std::int64_t run,
                     Arena& arena) {
  const std::int64_t group = kernels_->group, block = kernels_->block, in = weights.in;
  const std::int64_t area = weights.kernel * weights.kernel, bytes = size_of(kernels_->number);
  const std::int64_t word = word_bytes(*kernels_);
  const auto taps = static_cast<std::int64_t>(tap_at_.size());
  words_ = (run + group - 1) / group;
  packed_ = AlignedBuffer(static_cast<std::size_t>(weights.out * taps * words_ * word), arena);
  if (kernels_->number == Number::U8) find_units(weights, input_unit);
  // In the order of the packed words. A run goes through the kernel's columns (where it is a whole row) and
  // the input's channels; what is left of its last word stays 0.
  for (std::int64_t first = 0; first < weights.out; first += block) {
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      std::uint8_t* words = packed_.bytes() + (first / block * taps + tap) * words_ * block * word;
      for (std::int64_t number = 0; number < run; ++number) {
        const std::int64_t i = number % in, place = tap * (run / in) + number / in;
        std::uint8_t* out = words + number / group * block * word + number % group * bytes;
        const float* value = weights.values.data() + (first * in + i) * area + place;
        const float input = input_unit.empty() ? 1.0F : input_unit[static_cast<std::size_t>(i)];
        for (std::int64_t lane = 0; lane < block; ++lane) {
          const float unit = unit_.empty() ? 1.0F : unit_[static_cast<std::size_t>(first + lane)];
          store(kernels_->number, value[lane * in * area] * input, unit, out + lane * word);
        }
      }
    }
  }
  if (kernels_->centred) find_start();
}

/// 128 times the sum of each output channel's weights.
void ConvLayer::find_start() {
  const std::int64_t group = kernels_->group, block = kernels_->block, word = word_bytes(*kernels_);
  const std::int64_t words = static_cast<std::int64_t>(tap_at_.size()) * words_;
  for (std::int64_t o = 0; o < channels_; ++o) {
    const std::uint8_t* of_channel = packed_.bytes() + word * (o / block * words * block + o % block);
    std::int32_t sum = 0;
    for (std::int64_t i = 0; i < words * group; ++i) {
      std::int8_t weight;
      std::memcpy(&weight, of_channel + i / group * block * word + i % group, 1);
      sum += weight;
    }
    start_.push_back(128 * sum);
  }
}

/// G w Gᵀ of each 3×3 filter w, in double, in the order of the packed words.
void ConvLayer::pack_transformed(const ConvWeights& weights, Arena& arena) {
  const std::int64_t side = m_ + 2, points = side * side, group = kernels_->group, block = kernels_->block;
  const std::vector<double> g = weight_transform(m_);
  const std::int64_t word = word_bytes(*kernels_);
  words_ = (weights.in + group - 1) / group;
  packed_ = AlignedBuffer(static_cast<std::size_t>(weights.out * points * words_ * word), arena);
  for (std::int64_t o = 0; o < weights.out; ++o) {
    for (std::int64_t i = 0; i < weights.in; ++i) {
      const float* w = weights.values.data() + (o * weights.in + i) * 9;
      double half[6][3];  // G w
      for (std::int64_t y = 0; y < side; ++y) {
        const double* row = g.data() + 3 * y;
        for (int x = 0; x < 3; ++x) half[y][x] = row[0] * w[x] + row[1] * w[3 + x] + row[2] * w[6 + x];
      }
      std::uint8_t* out = packed_.bytes() +
                          word * ((o / block * points * words_ + i / group) * block + o % block) +
                          i % group * size_of(kernels_->number);
      for (std::int64_t point = 0; point < points; ++point) {
        const double* column = half[point / side];
        const double* row = g.data() + 3 * (point % side);
        const double value = row[0] * column[0] + row[1] * column[1] + row[2] * column[2];
        store(kernels_->number, static_cast<float>(value), 1.0F, out + word * point * words_ * block);
      }
    }
  }
}

/// The weights as they are, in the order of WinogradCall::filters; false where float16 does not hold them
/// all.
bool ConvLayer::pack_filters(const ConvWeights& weights, Arena& arena) {
  const std::int64_t group = kernels_->group, block = kernels_->block, taps = weights.in * 9;
  words_ = (weights.in + group - 1) / group;
  AlignedBuffer packed(static_cast<std::size_t>(weights.out * words_ * group * 9 * 2), arena);
  const float* value = weights.values.data();
  for (std::int64_t o = 0; o < weights.out; ++o) {
    std::uint8_t* out = packed.bytes() + 2 * (o / block * words_ * group * 9 * block + o % block);
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      const std::optional<std::uint16_t> half = to_f16(*value++);
      if (!half) return false;
      std::memcpy(out + 2 * tap * block, &*half, sizeof *half);
    }
  }
  filters_ = std::move(packed);
  return true;
}

std::size_t ConvLayer::transformed_bytes() const noexcept {
  if (m_ == 0) return 0;
  return static_cast<std::size_t>((m_ + 2) * (m_ + 2) *
                                  (kWinogradTiles * words_ * word_bytes(*kernels_) + kPointGap));
}

std::size_t ConvLayer::product_bytes() const noexcept {
  return static_cast<std::size_t>((m_ + 2) * (m_ + 2) * kWinogradTiles * kernels_->block * (m_ > 0 ? 4 : 0));
}

std::size_t ConvLayer::filter_bytes() const noexcept {
  if (filters_.bytes() == nullptr) return 0;
  return static_cast<std::size_t>((m_ + 2) * (m_ + 2) * (kFilterBytes * kernels_->block + kPointGap));
}

ConvCall ConvLayer::call(const std::uint8_t* input, const ConvOutput& to) const noexcept {
  ConvCall call{};
  call.input = input;
  call.input_image = input_.image_bytes();
  call.input_at = input_at_.data();
  call.tap_at = tap_at_.data();
  call.taps = static_cast<std::int64_t>(tap_at_.size());
  call.words = words_;
  call.weights = packed_.bytes();
  runs_.fill(call);
  call.to = to;
  call.to.channels = channels_;
  call.to.pixels = height_ * width_;
  call.to.unit = unit_.empty() ? nullptr : unit_.data();
  call.to.start = start_.empty() ? nullptr : start_.data();
  return call;
}

void ConvLayer::compute(const std::uint8_t* input, std::int64_t images, ConvOutput to, const ConvShare& share,
                        ConvScratch& scratch) const noexcept {
  if (m_ > 0) return compute_tiles(input, images, to, share, scratch);
  ConvCall direct = call(input, to);
  direct.last_row = images * direct.to.pixels;
  const Range pieces(kernels_->pieces(direct), share);
  kernels_->convolve(direct, pieces.begin, pieces.end);
}

void ConvLayer::compute_rows(const std::uint8_t* input, std::int64_t first, std::int64_t last,
                             ConvOutput to) const noexcept {
  ConvCall direct = call(input, to);
  direct.first_row = first * width_;
  direct.last_row = last * width_;
  direct.to.raw_row = direct.first_row;
  kernels_->convolve(direct, 0, kernels_->pieces(direct));
}

/// Tiles are transformed some at a time; where those are too few for all members, the channels are shared out
/// too, and each member transforms for itself.
void ConvLayer::compute_tiles(const std::uint8_t* input, std::int64_t images, const ConvOutput& to,
                              const ConvShare& share, ConvScratch& scratch) const noexcept {
  WinogradCall call{};
  call.m = m_;
  call.input = input + input_.at(-1, -1);
  call.input_image = input_.image_bytes();
  call.input_row = input_.row_bytes();
  call.input_pixel = input_.pixel_bytes();
  call.words = words_;
  call.weights = packed_.bytes();
  call.filters = reinterpret_cast<const std::uint16_t*>(filters_.bytes());
  call.transformed_filters = scratch.filters.bytes();
  call.height = height_;
  call.width = width_;
  call.tiles_across = (width_ + m_ - 1) / m_;
  call.tiles = call.tiles_across * ((height_ + m_ - 1) / m_);
  call.transformed = scratch.transformed.bytes();
  call.products = scratch.products.floats();
  call.to = to;
  call.to.channels = channels_;
  call.to.pixels = height_ * width_;
  const std::int64_t tiles = images * call.tiles, blocks = channels_ / kernels_->block;
  std::int64_t chunks = (tiles + kWinogradTiles - 1) / kWinogradTiles;
  // An even deal wants more chunks than members; a chunk of a few tiles still fills the registers.
  if (share.count > 1) chunks = std::max(chunks, std::min<std::int64_t>(share.count, tiles / kernels_->rows));
  const Range pieces(chunks * blocks, share);
  for (std::int64_t piece = pieces.begin; piece < pieces.end;) {
    const std::int64_t chunk = piece / blocks;
    const std::int64_t until = std::min(pieces.end, (chunk + 1) * blocks);
    call.first_tile = chunk * tiles / chunks;
    call.last_tile = (chunk + 1) * tiles / chunks;
    call.first_block = piece - chunk * blocks;
    call.last_block = until - chunk * blocks;
    kernels_->winograd(call);
    piece = until;
  }
}

}  // namespace embed::cpu
