// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessions/cover_pixels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace embed::gst {
namespace {

constexpr int kMostCells = 4;    // Along a side.
constexpr int kLeastPixels = 8;  // Along a cell's side.

/// One side of a place, in the samples of a plane, cut into cells.
struct Axis {
  int first = 0, last = 0;  // Samples inside the frame: [first, last).
  int cells = 1;
  std::array<int, kMostCells + 1> start{};  // Cell c is [start[c], start[c + 1]) of them.
  double origin = 0, length = 1;            // Of the whole place, in samples.

  Axis(std::int64_t from, std::int64_t pixels, int subsampling, int samples) {
    const double size = 1 << static_cast<unsigned>(subsampling);
    origin = static_cast<double>(from) / size;
    length = std::max(1.0, static_cast<double>(pixels)) / size;
    cells = static_cast<int>(std::clamp<std::int64_t>(pixels / kLeastPixels, 1, kMostCells));
    const auto clipped = [samples](double at) {
      return static_cast<int>(std::clamp<double>(at, 0, samples));
    };
    // A sample that the place touches at all is covered.
    first = clipped(std::floor(origin));
    last = pixels > 0 ? std::max(first, clipped(std::ceil(origin + length))) : first;
    for (int c = 0; c <= cells; ++c) {
      const auto at = static_cast<std::size_t>(c);
      start[at] = std::clamp(clipped(std::ceil(origin + length * c / cells - 0.5)), first, last);
    }
    start[0] = first;
    start[static_cast<std::size_t>(cells)] = last;
  }

  /// Where a sample lies between the middles of the cells, from the first one's to the last one's, in
  /// 65,536ths of a cell.
  struct Steps {
    std::int64_t position, step, last;
    int low() const noexcept { return static_cast<int>(std::clamp<std::int64_t>(position, 0, last) >> 16); }
    int share() const noexcept {  // Of the cell behind, 0 to 255.
      return static_cast<int>(std::clamp<std::int64_t>(position, 0, last) >> 8) & 255;
    }
    void next() noexcept { position += step; }
  };
  Steps steps() const noexcept {
    const double cell = 65536.0 * cells / length;
    return {std::llround((first + 0.5 - origin) * cell - 32768), std::llround(cell),
            std::int64_t{cells - 1} * 65536};
  }
};

using Grid = std::array<std::array<int, kMostCells>, kMostCells>;  // [row][column], 0 to 255; −1: no sample.

int& cell(Grid& grid, int row, int column) {
  return grid[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)];
}
int cell(const Grid& grid, int row, int column) {
  return grid[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)];
}

std::uint8_t* at(const SamplePlane& plane, int x, int y) {
  return plane.samples + y * plane.stride + static_cast<std::ptrdiff_t>(x) * plane.step;
}

/// Calls `visit(row, column, left, right, top, bottom)` for each cell, in samples.
template <typename Visit>
void for_each_cell(const Axis& x, const Axis& y, Visit visit) {
  for (int row = 0; row < y.cells; ++row) {
    for (int column = 0; column < x.cells; ++column) {
      const auto r = static_cast<std::size_t>(row), c = static_cast<std::size_t>(column);
      visit(row, column, x.start[c], x.start[c + 1], y.start[r], y.start[r + 1]);
    }
  }
}

Grid means_of(const SamplePlane& plane, const Axis& x, const Axis& y) {
  Grid means{};
  for_each_cell(x, y, [&](int row, int column, int left, int right, int top, int bottom) {
    std::uint64_t sum = 0;
    for (int line = top; line < bottom; ++line) {
      const std::uint8_t* sample = at(plane, left, line);
      for (int i = left; i < right; ++i, sample += plane.step) sum += *sample;
    }
    const auto count = static_cast<std::uint64_t>(right - left) * static_cast<std::uint64_t>(bottom - top);
    cell(means, row, column) = count == 0 ? -1 : static_cast<int>((sum + count / 2) / count);
  });
  return means;
}

/// Mixes each cell with its neighbours, 1 2 1 along each side; cells without samples do not count.
Grid mixed(const Grid& means, const Axis& x, const Axis& y) {
  Grid out{};
  for (int row = 0; row < y.cells; ++row) {
    for (int column = 0; column < x.cells; ++column) {
      int sum = 0, weights = 0;
      for (int r = std::max(0, row - 1); r <= std::min(y.cells - 1, row + 1); ++r) {
        for (int c = std::max(0, column - 1); c <= std::min(x.cells - 1, column + 1); ++c) {
          const int weight = (r == row ? 2 : 1) * (c == column ? 2 : 1);
          if (cell(means, r, c) < 0) continue;
          sum += weight * cell(means, r, c);
          weights += weight;
        }
      }
      cell(out, row, column) = weights == 0 ? 0 : sum / weights;
    }
  }
  return out;
}

void put_softly(const SamplePlane& plane, const Axis& x, const Axis& y, const Grid& grid) {
  Axis::Steps v = y.steps();
  for (int line = y.first; line < y.last; ++line, v.next()) {
    std::array<int, kMostCells + 1> row{};  // The last cell twice, since there is none behind it.
    for (int c = 0; c <= kMostCells; ++c) {
      const int column = std::min(c, x.cells - 1);
      row[static_cast<std::size_t>(c)] = cell(grid, v.low(), column) * (256 - v.share()) +
                                         cell(grid, std::min(v.low() + 1, y.cells - 1), column) * v.share();
    }
    std::uint8_t* sample = at(plane, x.first, line);
    Axis::Steps h = x.steps();
    for (int i = x.first; i < x.last; ++i, sample += plane.step, h.next()) {
      const int* left = row.data() + h.low();
      *sample = static_cast<std::uint8_t>((left[0] * (256 - h.share()) + left[1] * h.share()) >> 16);
    }
  }
}

void put_flat(const SamplePlane& plane, int left, int right, int top, int bottom, std::uint8_t value) {
  for (int line = top; line < bottom; ++line) {
    std::uint8_t* sample = at(plane, left, line);
    if (plane.step == 1) {
      if (right > left) std::memset(sample, value, static_cast<std::size_t>(right - left));
      continue;
    }
    for (int i = left; i < right; ++i, sample += plane.step) *sample = value;
  }
}

}  // namespace

void cover_pixels(const std::vector<SamplePlane>& planes, const PixelRect& place, CoverStyle style) noexcept {
  for (const SamplePlane& plane : planes) {
    const Axis x(place.x, place.width, plane.across, plane.width);
    const Axis y(place.y, place.height, plane.down, plane.height);
    if (x.first >= x.last || y.first >= y.last) continue;
    if (style == CoverStyle::Fill) {
      put_flat(plane, x.first, x.last, y.first, y.last, plane.fill);
      continue;
    }
    const Grid means = means_of(plane, x, y);
    if (style == CoverStyle::Blur) {
      put_softly(plane, x, y, mixed(means, x, y));
      continue;
    }
    for_each_cell(x, y, [&](int row, int column, int left, int right, int top, int bottom) {
      put_flat(plane, left, right, top, bottom, static_cast<std::uint8_t>(cell(means, row, column)));
    });
  }
}

}  // namespace embed::gst
