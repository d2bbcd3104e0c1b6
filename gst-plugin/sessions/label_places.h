// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "sessions/face_types.h"

namespace embed::gst {

/// Where the labels of a frame's faces lie: at their boxes, but not on each other, where there is room. The
/// same faces have the same places in every call. One thread at a time.
class LabelPlaces {
 public:
  /// frame_width, frame_height > 0; boxes: those of the faces that are drawn, in the same unit, of which the
  /// labels keep clear.
  LabelPlaces(std::int64_t frame_width, std::int64_t frame_height, std::vector<PixelRect> boxes);

  /// The place of a label of that size (> 0) for a box: above it where that is free, else below, beside or at
  /// its inner edge; with its sides inside the frame unless it is wider. Where nothing is free, the place
  /// that hides least. `gap` (>= 0) is what lies between box and label.
  PixelRect place(const PixelRect& box, std::int64_t width, std::int64_t height, std::int64_t gap);

 private:
  double cost(const PixelRect& place) const;

  std::int64_t frame_width_, frame_height_;
  std::vector<PixelRect> boxes_, taken_;
};

}  // namespace embed::gst
