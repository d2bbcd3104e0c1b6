// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "net/cpu/kernels.h"

namespace embed::cpu {

/// How a picture of `channels` numbers a pixel lies in memory: rows of pixels with a border of zeros around,
/// so that a convolution's padding is read, not computed, and some more at the right and below, so that a
/// picture can be cut into tiles of any size up to `slack` + 1.
struct Plane {
  std::int64_t height = 0, width = 0, channels = 0, border = 0;
  std::int64_t number_bytes = 4;
  std::int64_t slack = 0;

  std::int64_t pixels() const noexcept { return height * width; }
  std::ptrdiff_t pixel_bytes() const noexcept { return channels * number_bytes; }
  std::ptrdiff_t row_bytes() const noexcept { return (width + 2 * border + slack) * pixel_bytes(); }
  /// A whole number of cache lines. The last run of a convolution may read up to a word beyond the picture.
  std::ptrdiff_t image_bytes() const noexcept {
    return ((height + 2 * border + slack) * row_bytes() + 8 + 63) / 64 * 64;
  }
  /// Byte offset of a pixel; those of the border are at −border … −1 and height … height + border − 1.
  std::ptrdiff_t at(std::int64_t y, std::int64_t x) const noexcept {
    return (y + border) * row_bytes() + (x + border) * pixel_bytes();
  }
  std::vector<std::ptrdiff_t> all_pixels() const {
    std::vector<std::ptrdiff_t> offsets;
    offsets.reserve(static_cast<std::size_t>(pixels()));
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t x = 0; x < width; ++x) offsets.push_back(at(y, x));
    }
    return offsets;
  }
};

/// Output size of a convolution or pooling with stride 2 that pads by half its kernel.
constexpr std::int64_t halved(std::int64_t size) {
  return (size + 1) / 2;
}

}  // namespace embed::cpu
