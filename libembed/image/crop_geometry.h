// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <utility>

#include "embed/image_view.h"
#include "embed/model_info.h"

namespace embed {

/// The crop's geometry with the origin at the crop's *centre*: x' = a·u + b·v + centre_x, y' = d·u + e·v +
/// centre_y, in pixels. Kept so because the centre does not move when the context grows: the middle of a
/// wider crop samples the very same points.
struct CentredMap {
  double a, b, d, e, centre_x, centre_y;
};

/// Pixels that may be read: the image, or the part of it that the box covers. Half-open.
struct Window {
  int x0, y0, x1, y1;
};

/// A grid of averaging cells of cell_x × cell_y pixels each. Cell (0, 0) of the whole grid starts at the
/// image's origin; this is the part of it from (column0, row0) on.
struct CellLayout {
  int cell_x = 1, cell_y = 1;
  int column0 = 0, row0 = 0, columns = 0, rows = 0;
  bool empty() const noexcept { return columns == 0 || rows == 0; }
};

/// The geometry of the crop of `region`, or of the whole image where it is null. Any thread. Throws
/// Error(InvalidArgument) as embed::crop_map does.
CentredMap centred_map(const ImageView& image, const FaceRegion* region, const InputSpec& input);

/// What the crop rule lets the crop see of the image. Any thread.
Window readable(const ImageView& image, const FaceRegion* region, const InputSpec& input) noexcept;

/// The cells whose size fits the crop's scale and that its upright bounding box touches, with one cell of
/// room for the bilinear taps, cut to the window. Empty when the crop sees nothing of the window. Any thread.
CellLayout lay_cells(const CentredMap& map, const InputSpec& input, const Window& window) noexcept;

/// Taps of an output pixel: one in its middle, or two on its diagonal, a quarter from the middle each, where
/// one would skip much of what lies between it and the next. Any thread.
int taps_of_pixel(const CentredMap& map, const CellLayout& layout) noexcept;

/// Which cells of each row a turned crop touches: a part of the layout's bounding box.
class CropOutline {
 public:
  CropOutline(const CentredMap& map, const InputSpec& input, const CellLayout& layout) noexcept;

  /// Columns [first, second) of the layout that the taps of the crop read in this row of it.
  std::pair<int, int> columns(int row) const noexcept;

 private:
  struct Edge {
    double x, y, slope;  // dx/dy; where it is level, 0
    double low, high;    // the edge's range of y
  };
  Edge edges_[4];
  int columns_;
};

}  // namespace embed
