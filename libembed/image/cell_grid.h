// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "image/crop_geometry.h"
#include "image/crop_kernels.h"

namespace embed {

class PixelSums;

/// Part of an image averaged over the cells of a layout, with kCellBits fraction bits, in the image's own
/// order of colours: int16 [rows + 2, stride, 4]. Cells at the rim count what lies outside the window as
/// black, and around the layout's cells lie black ones. Memory is kept and re-used from one crop to the next.
/// One thread at a time.
class CellGrid {
 public:
  /// Fills the cells inside the outline; the others keep any values. `channels` is 3 or 1.
  void fill(const ImageView& image, int channels, const Window& window, const CellLayout& layout,
            const CropOutline& outline, const CropKernels& kernels);

  /// Cell (0, 0) of the layout. Taps may lie anywhere from (−1, −1) to (columns, rows).
  CellRows cells() const noexcept { return {origin_, stride_}; }

 private:
  /// Cells [begin, end) of one row.
  struct RowPart {
    int row, begin, end;
  };

  void fill_row(const PixelSums& pixel_sums, const Window& window, const CellLayout& layout,
                const RowPart& part, const CropKernels& kernels, std::int16_t* row);
  const std::uint16_t* sum_pixels(const PixelSums& pixel_sums, const PixelBlock& block, int rows, int left,
                                  int right);
  static void colour_cells(const PixelSums& pixel_sums, PixelBlock block, int width, int left, int count,
                           std::int16_t* means);
  void mean_large_cells(const PixelSums& pixel_sums, PixelBlock block, const CellLayout& layout, int left,
                        int count, std::int16_t* means);

  std::ptrdiff_t stride_ = 0;
  const std::int16_t* origin_ = nullptr;  // Cell (0, 0), in cells_.
  std::vector<std::int16_t> cells_;
  std::vector<std::uint16_t> sums_;    // of a row of cells: pixels added down each column
  std::vector<std::uint64_t> totals_;  // of its cells, where they are large
};

}  // namespace embed
