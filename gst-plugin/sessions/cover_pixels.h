// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sessions/face_types.h"

namespace embed::gst {

/// What is put over a face.
enum class CoverStyle {
  Blur,      ///< Sixteen mean colours of the place, mixed with their neighbours, and drawn soft.
  Pixelate,  ///< Sixteen mean colours of the place.
  Fill,      ///< One dark grey: nothing of the place.
};

/// One kind of sample of a frame (red, luma, …), borrowed: [height, width] bytes, those of a row `step` bytes
/// apart, rows `stride` bytes apart. A value type.
struct SamplePlane {
  std::uint8_t* samples = nullptr;
  std::ptrdiff_t stride = 0;
  int step = 1;
  int width = 0, height = 0;  ///< In samples.
  int across = 0, down = 0;   ///< A sample spans 2^across × 2^down pixels of the frame.
  std::uint8_t fill = 0;      ///< What it is in dark grey.
};

/// Replaces the pixels of `place` in all planes. What is left of them with Blur and Pixelate is at most four
/// by four means of the place, each of at least eight by eight pixels, whatever the size of the frame.
/// `place` is in pixels of the frame and may reach beyond it: the means are of cells of the whole place, so
/// that a part of a face is not shown more finely than a whole one. Allocates nothing. Any thread, as long as
/// nobody else uses the pixels.
void cover_pixels(const std::vector<SamplePlane>& planes, const PixelRect& place, CoverStyle style) noexcept;

}  // namespace embed::gst
