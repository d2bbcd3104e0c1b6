// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstdint>

#include "crop_kernels.h"
#include "embed/image_view.h"

namespace embed {

/// Adds up rows of an image after their conversion to 8-bit colours or grey: the pixels whose mean a cell is.
/// Any thread.
class PixelSums {
 public:
  /// `channels` is 3 or 1. Keeps a reference to the image.
  PixelSums(const ImageView& image, int channels, const CropKernels& kernels);

  /// 16-bit values from one pixel's sums to the next: the image's bytes a pixel where they are added as they
  /// are.
  int step() const noexcept { return step_; }

  /// Sums over the rows of `block`: [x1 − x0, step]. x0 is even; kSlack values behind the last may be written
  /// too. The first three values of a pixel are its colours in the image's order, or the first its grey.
  void operator()(const PixelBlock& block, std::uint16_t* sums) const;

  /// Whether the first colour of an image's pixel is blue.
  static bool blue_first(PixelFormat format) noexcept;

 private:
  enum class Way { Bytes, Yuv, Luma, Grey };

  void luma(const PixelBlock& block, std::uint16_t* sums) const;
  void grey(const PixelBlock& block, std::uint16_t* sums) const;

  const ImageView& image_;
  const CropKernels& kernels_;
  Way way_ = Way::Bytes;
  int step_ = 1;
  YuvGains gains_{};
  std::array<std::uint8_t, 256> full_luma_{};  // of limited-range luma
};

}  // namespace embed
