// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

#include "embed/image_view.h"

namespace embed {

/// Converts pixels [x0, x1) of row y to interleaved 8-bit RGB (channels = 3; BGR when `bgr`) or luma
/// (channels = 1). `out` holds (x1 − x0) × channels bytes. The range must lie inside the image.
class RowConverter {
 public:
  RowConverter(const ImageView& image, int channels, bool bgr);
  void operator()(int y, int x0, int x1, std::uint8_t* out) const;

 private:
  void packed(int y, int x0, int x1, std::uint8_t* out) const;
  void yuv(int y, int x0, int x1, std::uint8_t* out) const;
  void luma(int y, int x0, int x1, std::uint8_t* out) const;

  const ImageView& image_;
  int channels_;
  int pixel_bytes_ = 0;     // of a packed format
  int red_ = 0, blue_ = 2;  // byte positions in a packed pixel
  int out_red_ = 0, out_blue_ = 2;
  // 16.16 fixed point: luma offset and gain, and what chroma adds to each colour.
  int y_offset_ = 0, y_gain_ = 0, v_to_red_ = 0, u_to_green_ = 0, v_to_green_ = 0, u_to_blue_ = 0;
};

}  // namespace embed
