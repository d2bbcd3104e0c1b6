// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstdint>

#include "embed/image_view.h"
#include "image/crop_kernels.h"

namespace embed {

/// Adds up rows of an image: the pixels whose mean a cell is. They are added as they are, or as grey where a
/// grey crop is cut from colours; the means of an image in YUV become colours, or grey, afterwards, and those
/// of limited range full. Any thread.
class PixelSums {
 public:
  /// `channels` is 3 or 1. Keeps a reference to the image.
  PixelSums(const ImageView& image, int channels, const CropKernels& kernels);

  /// 16-bit values from one pixel's sums to the next: the image's bytes a pixel where they are added as they
  /// are.
  int step() const noexcept { return step_; }

  /// Sums over the rows of `block`: [x1 − x0, step]. x0 is even; kSlack values behind the last may be written
  /// too. The first three values of a pixel are its colours in the image's order, or Y, U, V, or the first
  /// its grey or luma.
  void operator()(const PixelBlock& block, std::uint16_t* sums) const;

  /// The values of a black pixel, which add up like those of the image's.
  const std::array<std::uint8_t, kLanes>& black() const noexcept { return black_; }

  /// From means to colours in the image's order or grey, in full range: [count, 4], in place.
  void to_colours(int count, std::int16_t* means) const;

  /// Whether colour_cells is there.
  bool has_colour_cells() const noexcept { return way_ == Way::Yuv; }
  /// CropKernels::colour_cells of this image.
  void colour_cells(const PixelBlock& block, int width, std::int16_t* means) const;

 private:
  enum class Way { Bytes, Yuv, Pairs, Luma, Grey };
  static Way way_of(PixelFormat format, int channels) noexcept;

  void pairs(const PixelBlock& block, std::uint16_t* sums) const;
  void grey(const PixelBlock& block, std::uint16_t* sums) const;

  const ImageView& image_;
  const CropKernels& kernels_;
  Way way_;
  int step_ = 1;
  bool limited_ = false;  // colours or grey
  YuvGains gains_{};
  std::array<std::uint8_t, kLanes> black_{};
};

}  // namespace embed
