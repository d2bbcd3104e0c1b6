// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "aligned_buffer.h"
#include "kernels.h"
#include "net_parameters.h"
#include "plane.h"

namespace embed::cpu {

/// A convolution between two planes, its weights laid out for the kernels once and for all. Pads by half its
/// kernel. Immutable; any thread.
class ConvLayer {
 public:
  ConvLayer() = default;
  /// `input_unit` [in]: what 1 in each channel of the input is worth (8-bit numbers; empty: 1). `whole_rows`:
  /// a kernel's row is one run of kernel × in numbers, for inputs of few channels.
  ConvLayer(const Kernels& kernels, const ConvWeights& weights, const std::vector<float>& input_unit,
            const Plane& input, bool whole_rows = false);

  std::int64_t out_channels() const noexcept { return out_channels_; }
  std::int64_t out_height() const noexcept { return out_height_; }
  std::int64_t out_width() const noexcept { return out_width_; }
  const Kernels& kernels() const noexcept { return *kernels_; }

  /// A call over `images` pictures at `input`; where the result goes is the caller's to fill in.
  ConvCall call(const std::uint8_t* input, std::int64_t images) const noexcept;

 private:
  void find_units(const ConvWeights& weights, const std::vector<float>& input_unit);
  void pack(const ConvWeights& weights, const std::vector<float>& input_unit, std::int64_t run);

  const Kernels* kernels_ = nullptr;
  std::int64_t out_channels_ = 0, out_height_ = 0, out_width_ = 0, words_ = 0;
  std::ptrdiff_t input_image_ = 0;
  std::vector<std::ptrdiff_t> input_at_, tap_at_;
  std::vector<float> unit_;
  AlignedBuffer packed_;
};

}  // namespace embed::cpu
