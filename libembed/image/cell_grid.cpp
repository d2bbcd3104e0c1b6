// SPDX-License-Identifier: LGPL-2.1-or-later
#include "image/cell_grid.h"

#include <algorithm>

#include "image/pixel_sums.h"

namespace embed {

namespace {

/// Buffers only grow, so that a stream of faces of all sizes comes to an end of allocations.
template <typename T>
T* at_least(std::vector<T>& buffer, std::ptrdiff_t count) {
  const auto size = static_cast<std::size_t>(count);
  if (buffer.size() < size) buffer.resize(size);
  return buffer.data();
}

/// Cells in 64 bytes.
constexpr int kVectorCells = 8;

/// The first whole 64 bytes behind at least one cell of the buffer.
std::int16_t* aligned(std::int16_t* buffer) {
  constexpr std::uintptr_t kBytes = kVectorCells * kLanes * sizeof(std::int16_t);
  const auto at = reinterpret_cast<std::uintptr_t>(buffer + kLanes);
  return buffer + kLanes + (kBytes - at % kBytes) % kBytes / sizeof(std::int16_t);
}

/// Adds `rows` rows of black pixels to the sums of pixels [first, last).
void add_black(const PixelSums& pixel_sums, int rows, std::uint16_t* first, std::uint16_t* last) {
  const int step = pixel_sums.step();
  const auto& black = pixel_sums.black();
  if (rows == 0 || std::all_of(black.begin(), black.end(), [](int value) { return value == 0; })) return;
  for (; first < last; first += step) {
    for (int lane = 0; lane < std::min(step, kLanes); ++lane) {
      first[lane] = static_cast<std::uint16_t>(first[lane] + rows * black[static_cast<std::size_t>(lane)]);
    }
  }
}

/// Cells outside the window.
bool is_empty(const PixelBlock& block) {
  return block.x0 >= block.x1 || block.y0 >= block.y1;
}

/// Whether the block is a row of cells with nothing missing at its rim, for which there is a kernel.
bool is_quick(const PixelBlock& block, const CellLayout& layout) {
  const int width = layout.cell_x, height = layout.cell_y;
  return width <= kQuickWidth && width * height <= kPixelsInSum && (width > 1 || height == 1) &&
         block.x0 % width == 0 && block.x1 % width == 0 && block.y1 - block.y0 == height;
}

void blacken(std::int16_t* cells, std::ptrdiff_t count) {
  std::fill_n(cells, count * kLanes, std::int16_t{0});
}

}  // namespace

/// Sums of `rows` rows for pixels [left, right), which are black outside the block: the first of left.
const std::uint16_t* CellGrid::sum_pixels(const PixelSums& pixel_sums, const PixelBlock& block, int rows,
                                          int left, int right) {
  // Chroma is read in pairs, which start at even columns.
  PixelBlock even = block;
  even.x0 &= ~1;
  const int origin = std::min(left, even.x0);
  const auto at = [&](int x) { return std::ptrdiff_t{x - origin} * pixel_sums.step(); };
  std::uint16_t* sums = at_least(sums_, at(right) + kSlack);
  pixel_sums(even, sums + at(even.x0));
  std::fill(sums, sums + at(block.x0), std::uint16_t{0});
  std::fill(sums + at(block.x1), sums + at(right), std::uint16_t{0});
  add_black(pixel_sums, rows, sums, sums + at(block.x0));
  add_black(pixel_sums, rows - (block.y1 - block.y0), sums + at(block.x0), sums + at(block.x1));
  add_black(pixel_sums, rows, sums + at(block.x1), sums + at(right));
  return sums + at(left);
}

/// Cells whose sum does not fit 16 bits: faces of more than a thousand pixels, and whole photographs.
void CellGrid::mean_large_cells(const PixelSums& pixel_sums, PixelBlock block, const CellLayout& layout,
                                int left, int count, std::int16_t* means) {
  const int width = layout.cell_x, step = pixel_sums.step();
  std::uint64_t* totals = at_least(totals_, std::ptrdiff_t{count} * kLanes);
  const auto missing = std::uint64_t(layout.cell_y - (block.y1 - block.y0)) * std::uint64_t(width);
  for (int i = 0; i < count * kLanes; ++i) {
    totals[i] = missing * pixel_sums.black()[static_cast<std::size_t>(i % kLanes)];
  }
  for (const int bottom = block.y1; block.y0 < bottom; block.y0 = block.y1) {
    block.y1 = std::min(bottom, block.y0 + kRowsInSum);
    const std::uint16_t* sums =
        sum_pixels(pixel_sums, block, block.y1 - block.y0, left, left + count * width);
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

/// Whole cells of an image in YUV.
void CellGrid::colour_cells(const PixelSums& pixel_sums, PixelBlock block, int width, int left, int count,
                            std::int16_t* means) {
  const std::ptrdiff_t before = (block.x0 - left) / width, inside = (block.x1 - left) / width;
  // Chroma is read in pairs, which start at even columns; one cell more does no harm.
  const int odd = block.x0 % 2;
  block.x0 -= odd * width;
  pixel_sums.colour_cells(block, width, means + (before - odd) * kLanes);
  blacken(means, before);
  blacken(means + inside * kLanes, count - inside);
}

/// Puts the cells of `part` of a row into it. `row` is its cell 0.
void CellGrid::fill_row(const PixelSums& pixel_sums, const Window& window, const CellLayout& layout,
                        const RowPart& part, const CropKernels& kernels, std::int16_t* row) {
  std::int16_t* means = row + std::ptrdiff_t{part.begin} * kLanes;
  const int count = part.end - part.begin, width = layout.cell_x, height = layout.cell_y;
  const int left = (layout.column0 + part.begin) * width, right = left + count * width;
  const int top = (layout.row0 + part.row) * height;
  const PixelBlock block{std::max(left, window.x0), std::min(right, window.x1), std::max(top, window.y0),
                         std::min(top + height, window.y1)};
  if (is_empty(block)) {
    blacken(means, count);
  } else if (pixel_sums.has_colour_cells() && is_quick(block, layout)) {
    colour_cells(pixel_sums, block, width, left, count, means);
  } else {
    if (std::int64_t{width} * height <= kPixelsInSum) {
      const std::uint16_t* sums = sum_pixels(pixel_sums, block, height, left, right);
      kernels.mean_cells(sums, pixel_sums.step(), width, count, cell_scale(width * height), means);
    } else {
      mean_large_cells(pixel_sums, block, layout, left, count, means);
    }
    pixel_sums.to_colours(count, means);
  }
}

void CellGrid::fill(const ImageView& image, int channels, const Window& window, const CellLayout& layout,
                    const CropOutline& outline, const CropKernels& kernels) {
  const PixelSums pixel_sums(image, channels, kernels);
  // Rows begin at whole vectors of cells, whose stores then lie in one line of the cache each.
  stride_ = (layout.columns + 3 + kVectorCells - 1) / kVectorCells * kVectorCells;
  std::int16_t* row =
      aligned(at_least(cells_, (layout.rows + 3) * stride_ * kLanes + kSlack + 2 * kVectorCells * kLanes));
  origin_ = row + stride_ * kLanes;
  // The row above is black all along: taps above the grid are moved there, wherever along it.
  blacken(row - kLanes, stride_);
  for (int i = 0; i < layout.rows; ++i) {
    row += stride_ * kLanes;
    const auto [begin, end] = outline.columns(i);
    fill_row(pixel_sums, window, layout, {i, begin / kVectorCells * kVectorCells, end}, kernels, row);
    // Only now: kernels write beyond the end of what they are asked for.
    blacken(row - kLanes, 1);
    blacken(row + std::ptrdiff_t{layout.columns} * kLanes, 2);
  }
  blacken(row + (stride_ - 1) * kLanes, stride_);
}

}  // namespace embed
