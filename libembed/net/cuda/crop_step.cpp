// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/cuda/crop_step.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "embed/error.h"
#include "image/crop_geometry.h"

namespace embed::gpu {

namespace {

void set_yuv(const ImageView& image, bool bgr, Frame& frame) {
  const auto [kr, kb] = luma_weights(image.matrix);
  const double chroma = full_range(image) ? 1.0 : 255.0 / 224.0, kg = 1 - kr - kb;
  const auto gain = [](double value) { return static_cast<float>(value); };
  frame.v_to_first = gain(2 * (1 - kr) * chroma);
  frame.u_to_last = gain(2 * (1 - kb) * chroma);
  frame.u_to_green = gain(-2 * (1 - kb) * kb / kg * chroma);
  frame.v_to_green = gain(-2 * (1 - kr) * kr / kg * chroma);
  if (bgr) {
    std::swap(frame.v_to_first, frame.v_to_last);
    std::swap(frame.u_to_first, frame.u_to_last);
  }
}

}  // namespace

Frame frame_of(const ImageView& image, const InputSpec& input) {
  Frame frame;
  for (std::size_t i = 0; i < 3; ++i) {
    frame.planes[i] = image.planes[i];
    frame.strides[i] = image.strides[i];
  }
  const PixelLayout& layout = layout_of(image.format);
  switch (image.format) {
    case PixelFormat::Nv12:
      frame.layout = Frame::Layout::Nv12;
      break;
    case PixelFormat::I420:
      frame.layout = Frame::Layout::I420;
      break;
    case PixelFormat::Yuy2:
    case PixelFormat::Uyvy:
      frame.layout = Frame::Layout::Pairs;
      frame.luma = image.format == PixelFormat::Yuy2 ? 0 : 1;
      frame.u = 1 - frame.luma;
      frame.v = frame.u + 2;
      break;
    case PixelFormat::Gray8:
    case PixelFormat::Rgb:
    case PixelFormat::Bgr:
    case PixelFormat::Rgba:
    case PixelFormat::Bgra:
    case PixelFormat::Rgbx:
    case PixelFormat::Bgrx:
      frame.pixel_bytes = layout.pixel_bytes;
  }
  // Grey is a sum of red, green and blue in this order.
  const bool swap = layout.blue_first != (input.channels == 3 && input.bgr);
  frame.first = frame.pixel_bytes == 1 ? 0 : swap ? 2 : 0;
  frame.last = frame.pixel_bytes == 1 ? 0 : 2 - frame.first;
  frame.black = full_range(image) ? 0 : 16;
  frame.luma_gain = full_range(image) ? 1.0F : static_cast<float>(255.0 / 219.0);
  if (frame.layout != Frame::Layout::Packed) set_yuv(image, input.bgr, frame);
  if (const std::uint8_t* table = transfer_table(image.transfer)) {
    frame.has_table = true;
    std::copy_n(table, 256, frame.table);
  }
  return frame;
}

FaceCrop face_crop(const ImageView& image, const FaceRegion& region, const InputSpec& input) {
  const CentredMap map = centred_map(image, &region, input);
  const Window window = readable(image, &region, input);
  const CellLayout layout = lay_cells(map, input, window);
  // Beside what a tile spans: one cell for the bilinear taps, and up to two where its edges cut cells.
  const double columns = kTile * (std::abs(map.a) + std::abs(map.b)) / layout.cell_x + 3;
  const double rows = kTile * (std::abs(map.d) + std::abs(map.e)) / layout.cell_y + 3;
  if (!(columns < kTileCells && rows < kTileCells)) {
    throw Error(ErrorCode::InvalidArgument,
                "face region is too large to be cut on a CUDA device; give the image in host memory");
  }
  return {map.a / layout.cell_x,
          map.b / layout.cell_x,
          map.d / layout.cell_y,
          map.e / layout.cell_y,
          map.centre_x / layout.cell_x - 0.5,
          map.centre_y / layout.cell_y - 0.5,
          layout.cell_x,
          layout.cell_y,
          window.x0,
          window.y0,
          window.x1,
          window.y1,
          taps_of_pixel(map, layout)};
}

}  // namespace embed::gpu
