// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstdint>

#include "embed/model_info.h"

namespace embed {

/// The light on the middle of a crop, in grey levels of 0 to 255.
struct FaceLight {
  float mean = 0;
  float contrast = 0;  ///< Standard deviation.
  float white = 0;     ///< The share that is 250 or more, 0 to 1.
};

/// A crop of any size in 40 × 40 grey cells, so that what is measured on it does not depend on the size. A
/// value type; any thread.
class QualityGrid {
 public:
  static constexpr int kSide = 40;

  /// `crop`: [height, width, channels] uint8, borrowed for the call. The cells of a smaller crop repeat its
  /// pixels.
  QualityGrid(const InputSpec& input, const std::uint8_t* crop) noexcept;

  /// The grey level of a cell, 0 to 255; x and y are 0 to kSide − 1.
  float at(int x, int y) const noexcept { return cells_[y][x]; }
  FaceLight light() const noexcept;
  /// How much fine detail the face has for its coarse detail, in that of four directions in which it has
  /// least: motion blurs one direction alone. About 0.9 for a sharp face, 0 for none.
  float detail() const noexcept;

 private:
  std::array<std::array<float, kSide>, kSide> cells_;
};

}  // namespace embed
