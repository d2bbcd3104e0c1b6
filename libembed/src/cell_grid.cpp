// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cell_grid.h"

#include <algorithm>

#include "pixel_sums.h"

namespace embed {

namespace {

/// Buffers only grow, so that a stream of faces of all sizes comes to an end of allocations.
template <typename T>
T* at_least(std::vector<T>& buffer, std::ptrdiff_t count) {
  const auto size = static_cast<std::size_t>(count);
  if (buffer.size() < size) buffer.resize(size);
  return buffer.data();
}

}  // namespace

/// Sums down the columns of the block for pixels [left, right), which are black outside it: the first of
/// left.
const std::uint16_t* CellGrid::sum_pixels(const PixelSums& pixel_sums, const PixelBlock& block, int left,
                                          int right) {
  // Chroma is read in pairs, which start at even columns.
  PixelBlock even = block;
  even.x0 &= ~1;
  const int origin = std::min(left, even.x0);
  const auto at = [&](int x) { return std::ptrdiff_t{x - origin} * pixel_sums.step(); };
  std::uint16_t* sums = at_least(sums_, at(right) + kSlack);
  pixel_sums(even, sums + at(even.x0));
  std::fill(sums, sums + at(block.x0), std::uint16_t{0});
  std::fill(sums + at(block.x1), sums + at(right), std::uint16_t{0});
  return sums + at(left);
}

/// Cells whose sum does not fit 16 bits: faces of more than a thousand pixels, and whole photographs.
void CellGrid::mean_large_cells(const PixelSums& pixel_sums, PixelBlock block, const CellLayout& layout,
                                int left, int count, std::int16_t* means) {
  const int bottom = block.y1, width = layout.cell_x, step = pixel_sums.step();
  std::uint64_t* totals = at_least(totals_, std::ptrdiff_t{count} * kLanes);
  std::fill_n(totals, count * kLanes, std::uint64_t{0});
  for (; block.y0 < bottom; block.y0 = block.y1) {
    block.y1 = std::min(bottom, block.y0 + kRowsInSum);
    const std::uint16_t* sums = sum_pixels(pixel_sums, block, left, left + count * width);
    for (std::uint64_t* total = totals; total < totals + count * kLanes; total += kLanes) {
      for (int x = 0; x < width; ++x, sums += step) {
        for (int lane = 0; lane < kLanes; ++lane) total[lane] += sums[lane];
      }
    }
  }
  const auto pixels = std::uint64_t(width) * std::uint64_t(layout.cell_y);
  for (int i = 0; i < count * kLanes; ++i) {
    means[i] = static_cast<std::int16_t>(((totals[i] << kCellBits) + pixels / 2) / pixels);
  }
}

/// The row with the cells of `part` in it, from cell −1 on.
std::int16_t* CellGrid::fill_row(const PixelSums& pixel_sums, const Window& window, const CellLayout& layout,
                                 const RowPart& part, const CropKernels& kernels) {
  std::int16_t* row = at_least(rows_[static_cast<std::size_t>(part.row % 2)], stride_ * kLanes);
  std::int16_t* means = row + std::ptrdiff_t{part.begin + 1} * kLanes;
  const int count = part.end - part.begin, width = layout.cell_x;
  const int left = (layout.column0 + part.begin) * width, right = left + count * width;
  const int top = (layout.row0 + part.row) * layout.cell_y;
  const PixelBlock block{std::max(left, window.x0), std::min(right, window.x1), std::max(top, window.y0),
                         std::min(top + layout.cell_y, window.y1)};
  if (block.x0 >= block.x1 || block.y0 >= block.y1) {
    std::fill_n(means, count * kLanes, std::int16_t{0});
  } else if (std::int64_t{width} * layout.cell_y <= kPixelsInSum) {
    const std::uint16_t* sums = sum_pixels(pixel_sums, block, left, right);
    kernels.mean_cells(sums, pixel_sums.step(), width, count, cell_scale(width * layout.cell_y), means);
  } else {
    mean_large_cells(pixel_sums, block, layout, left, count, means);
  }
  return row;
}

void CellGrid::fill(const ImageView& image, int channels, const Window& window, const CellLayout& layout,
                    const CropOutline& outline, const CropKernels& kernels) {
  const PixelSums pixel_sums(image, channels, kernels);
  stride_ = layout.columns + 3;
  std::int16_t* pairs = at_least(pairs_, (layout.rows + 2) * stride_ * kPaired);
  const std::int16_t* black = at_least(black_, stride_ * kLanes);
  const std::int16_t* upper = black;
  std::pair<int, int> upper_part{0, layout.columns};
  for (int row = 0; row <= layout.rows; ++row, pairs += stride_ * kPaired) {
    const auto part = outline.columns(row);
    const std::int16_t* lower =
        row < layout.rows ? fill_row(pixel_sums, window, layout, {row, part.first, part.second}, kernels)
                          : black;
    // What is read of a pair of rows lies in the outline's part of both. But taps above the grid are moved to
    // its rim, wherever along it: there the upper row is black all along.
    const int begin = row == 0 ? 0 : std::max(part.first, upper_part.first);
    const int end = row == 0 ? layout.columns : std::min(part.second, upper_part.second);
    if (begin < end) {
      kernels.pair_rows(upper + (begin + 1) * kLanes, lower + (begin + 1) * kLanes, end - begin,
                        pairs + (begin + 1) * kPaired);
    }
    std::fill_n(pairs, kPaired, std::int16_t{0});
    std::fill_n(pairs + (layout.columns + 1) * kPaired, 2 * kPaired, std::int16_t{0});
    upper = lower;
    upper_part = part;
  }
  std::fill_n(pairs, stride_ * kPaired, std::int16_t{0});
}

}  // namespace embed
