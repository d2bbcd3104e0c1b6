// SPDX-License-Identifier: LGPL-2.1-or-later
#include "conv_layer.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace embed::cpu {

namespace {

/// To the nearest, ties to even, as the hardware does; finite values only.
std::uint16_t to_bf16(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  bits += 0x7FFFU + ((bits >> 16) & 1U);
  return static_cast<std::uint16_t>(bits >> 16);
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
    case Number::U8: {
      const auto rounded = static_cast<std::int8_t>(std::lround(value / unit));
      std::memcpy(out, &rounded, sizeof rounded);
      break;
    }
  }
}

}  // namespace

ConvLayer::ConvLayer(const Kernels& kernels, const ConvWeights& weights, const std::vector<float>& input_unit,
                     const Plane& input, bool whole_rows)
    : kernels_(&kernels), out_channels_(weights.out), input_image_(input.image_bytes()) {
  const std::int64_t kernel = weights.kernel, padding = kernel / 2;
  out_height_ = (input.height - 1) / weights.stride + 1;
  out_width_ = (input.width - 1) / weights.stride + 1;
  for (std::int64_t y = 0; y < out_height_; ++y) {
    for (std::int64_t x = 0; x < out_width_; ++x) {
      input_at_.push_back(input.at(y * weights.stride - padding, x * weights.stride - padding));
    }
  }
  for (std::int64_t y = 0; y < kernel; ++y) {
    for (std::int64_t x = 0; x < (whole_rows ? 1 : kernel); ++x) {
      tap_at_.push_back(y * input.row_bytes() + x * input.pixel_bytes());
    }
  }
  pack(weights, input_unit, whole_rows ? kernel * weights.in : weights.in);
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

void ConvLayer::pack(const ConvWeights& weights, const std::vector<float>& input_unit, std::int64_t run) {
  const std::int64_t group = kernels_->group, block = kernels_->block, in = weights.in;
  const std::int64_t area = weights.kernel * weights.kernel, bytes = size_of(kernels_->number);
  const auto taps = static_cast<std::int64_t>(tap_at_.size());
  words_ = (run + group - 1) / group;
  packed_ = AlignedBuffer(static_cast<std::size_t>(weights.out * taps * words_ * 4));
  if (kernels_->number == Number::U8) find_units(weights, input_unit);
  // In the order of the packed words. A run goes through the kernel's columns (where it is a whole row) and
  // the input's channels; what is left of its last word stays 0.
  for (std::int64_t first = 0; first < weights.out; first += block) {
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      std::uint8_t* words = packed_.bytes() + (first / block * taps + tap) * words_ * block * 4;
      for (std::int64_t number = 0; number < run; ++number) {
        const std::int64_t i = number % in, place = tap * (run / in) + number / in;
        std::uint8_t* out = words + number / group * block * 4 + number % group * bytes;
        const float* value = weights.values.data() + (first * in + i) * area + place;
        const float input = input_unit.empty() ? 1.0F : input_unit[static_cast<std::size_t>(i)];
        for (std::int64_t lane = 0; lane < block; ++lane) {
          const float unit = unit_.empty() ? 1.0F : unit_[static_cast<std::size_t>(first + lane)];
          store(kernels_->number, value[lane * in * area] * input, unit, out + lane * 4);
        }
      }
    }
  }
}

ConvCall ConvLayer::call(const std::uint8_t* input, std::int64_t images) const noexcept {
  ConvCall call{};
  call.input = input;
  call.input_image = input_image_;
  call.input_at = input_at_.data();
  call.tap_at = tap_at_.data();
  call.taps = static_cast<std::int64_t>(tap_at_.size());
  call.words = words_;
  call.weights = packed_.bytes();
  call.channels = out_channels_;
  call.pixels = out_height_ * out_width_;
  call.last_row = images * call.pixels;
  call.unit = unit_.empty() ? nullptr : unit_.data();
  return call;
}

}  // namespace embed::cpu
