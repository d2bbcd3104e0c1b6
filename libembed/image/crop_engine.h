// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "embed/image_view.h"
#include "embed/model_info.h"
#include "image/cell_grid.h"
#include "image/crop_geometry.h"
#include "image/crop_kernels.h"

namespace embed {

/// Cuts faces: reduces the image to averages over whole cells of pixels where the crop touches it, then reads
/// the crop out of them with one or two bilinear taps a pixel. Holds the memory for that, which is re-used:
/// after the first crops of a size there are no more allocations. One thread at a time.
class CropEngine {
 public:
  explicit CropEngine(const CropKernels& kernels) : kernels_(kernels) {}

  /// `region` is null for the whole image. `out` and errors as in embed::crop_face.
  void crop(const ImageView& image, const FaceRegion* region, const InputSpec& input, std::uint8_t* out);

 private:
  void place_columns(const CentredMap& map, const InputSpec& input, const CellLayout& layout);
  void place_rows(const CentredMap& map, const InputSpec& input, const CellLayout& layout);
  void resample(const InputSpec& input, const CellLayout& layout, LaneOrder order, std::uint8_t* out);

  const CropKernels& kernels_;
  CellGrid grid_;
  int taps_ = 1;                                   // of a pixel
  std::size_t line_ = 0;                           // a row's pixels, rounded up to 16
  std::vector<std::int32_t> column_x_, column_y_;  // [taps_, line_], see TapLine
  std::vector<std::int32_t> row_x_, row_y_;        // [rows of the crop, taps_]
  std::vector<std::int32_t> offsets_;              // [taps_, line_], see TapPlan
  std::vector<std::uint32_t> weights_;             // [taps_, line_, 2]
  std::vector<std::uint8_t> row_;
};

}  // namespace embed
