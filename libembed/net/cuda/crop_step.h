// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

#include "embed/image_view.h"
#include "embed/model_info.h"
#include "net/cuda/net_steps.h"

namespace embed::gpu {

/// A frame's pixels, and how they become colours or grey: plain numbers for a kernel.
struct Frame {
  enum class Layout { Packed, Nv12, I420, Pairs };
  Layout layout = Layout::Packed;
  const std::uint8_t* planes[3] = {};
  std::int64_t strides[3] = {};
  int pixel_bytes = 1;                   ///< Of a packed pixel.
  int first = 0, last = 2;               ///< Where in it the crop's first and last colour are.
  int luma = 0, u = 0, v = 0;            ///< Where in a pair of pixels its values are.
  int black = 0;                         ///< The value of luma, grey or colours.
  float luma_gain = 1;                   ///< From what is above it to full range.
  float v_to_first = 0, u_to_first = 0;  ///< What chroma adds to each colour of the crop.
  float v_to_green = 0, u_to_green = 0;
  float v_to_last = 0, u_to_last = 0;
  bool has_table = false;  ///< Whether a value of the crop goes through `table` (transfer_table).
  std::uint8_t table[256] = {};
};

/// Where one face's crop comes from; see crop_geometry.h.
struct FaceCrop {
  /// CentredMap, but to cells, whose centres have whole numbers: a GPU takes its time over divisions.
  double a = 1, b = 0, d = 0, e = 1, centre_x = 0, centre_y = 0;
  int cell_x = 1, cell_y = 1;          ///< CellLayout's.
  int x0 = 0, y0 = 0, x1 = 0, y1 = 0;  ///< Window.
  int taps = 1;                        ///< taps_of_pixel.
};

/// Faces of one frame → the stem's cells, in one launch. What becomes a cell's value is the byte that
/// crop_face makes, give or take one where the sums are rounded.
struct CropFaces {
  Frame frame;
  const FaceCrop* faces = nullptr;  ///< [count], where the kernel reads them.
  int count = 0;
  CellGrid out;
};

/// Any thread. The image is valid (validate_layout).
Frame frame_of(const ImageView& image, const InputSpec& input);

/// Any thread. Throws Error(InvalidArgument) as crop_face does, and for a region of more than some 8,000
/// pixels for each of the crop's.
FaceCrop face_crop(const ImageView& image, const FaceRegion& region, const InputSpec& input);

/// As the steps of net_steps.h; the twin is crop_face.
void launch(const CropFaces& step, Stream stream);

/// A block makes kTile × kTile pixels of a crop, out of at most kTileCells × kTileCells averages.
constexpr int kTile = 16, kTileCells = 52;

}  // namespace embed::gpu
