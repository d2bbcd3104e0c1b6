// SPDX-License-Identifier: LGPL-2.1-or-later
#include "image/quality_grid.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace embed {
namespace {

struct Span {
  int begin, end;
};

/// Which pixels of `size` make the cell: at least one.
Span span_of(int cell, int size) noexcept {
  const int begin = cell * size / QualityGrid::kSide;
  return {begin, std::max(begin + 1, (cell + 1) * size / QualityGrid::kSide)};
}

/// The sum of the grey levels of a run of pixels. Red and blue count alike, so their order does not matter.
unsigned sum_of(const std::uint8_t* pixel, int count, int channels) noexcept {
  unsigned sum = 0;
  if (channels == 1) {
    for (int i = 0; i < count; ++i) sum += 4U * pixel[i];
  } else {
    for (int i = 0; i < count; ++i, pixel += 3) sum += pixel[0] + 2U * pixel[1] + pixel[2];
  }
  return sum;
}

// The part of a crop that shows skin and not hair, collar or background.
constexpr int kTop = 10, kBottom = 34, kLeft = 10, kRight = 30;
constexpr float kWhiteLevel = 250;

}  // namespace

QualityGrid::QualityGrid(const InputSpec& input, const std::uint8_t* crop) noexcept {
  const int channels = input.channels;
  for (int row = 0; row < kSide; ++row) {
    const Span rows = span_of(row, input.height);
    for (int column = 0; column < kSide; ++column) {
      const Span columns = span_of(column, input.width);
      const int across = columns.end - columns.begin;
      unsigned sum = 0;
      for (int y = rows.begin; y < rows.end; ++y) {
        const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(y) * input.width + columns.begin;
        sum += sum_of(crop + first * channels, across, channels);
      }
      cells_[row][column] =
          static_cast<float>(sum) / static_cast<float>(4 * across * (rows.end - rows.begin));
    }
  }
}

FaceLight QualityGrid::light() const noexcept {
  float sum = 0, squares = 0;
  int white = 0;
  for (int y = kTop; y < kBottom; ++y) {
    for (int x = kLeft; x < kRight; ++x) {
      const float value = cells_[y][x];
      sum += value;
      squares += value * value;
      white += value >= kWhiteLevel ? 1 : 0;
    }
  }
  constexpr float kCount = (kBottom - kTop) * (kRight - kLeft);
  const float mean = sum / kCount;
  return {mean, std::sqrt(std::max(0.0F, squares / kCount - mean * mean)),
          static_cast<float>(white) / kCount};
}

float QualityGrid::detail() const noexcept {
  constexpr int kEdge = 6;
  struct Direction {
    int x, y;
    float usual;  // Of LFW's faces, the median.
  };
  constexpr std::array<Direction, 4> kDirections = {
      {{1, 0, 0.409F}, {0, 1, 0.560F}, {1, 1, 0.719F}, {-1, 1, 0.739F}}};
  std::array<float, 4> fine{};
  float coarse = 0;
  for (std::size_t d = 0; d < kDirections.size(); ++d) {
    const int dx = kDirections[d].x, dy = kDirections[d].y;
    for (int y = kEdge; y < kSide - kEdge + 2; ++y) {
      for (int x = kEdge; x < kSide - kEdge; ++x) {
        const float bend = 2 * cells_[y][x] - cells_[y - dy][x - dx] - cells_[y + dy][x + dx];
        const float slope = cells_[y + 2 * dy][x + 2 * dx] - cells_[y - 2 * dy][x - 2 * dx];
        fine[d] += bend * bend;
        coarse += slope * slope;
      }
    }
  }
  // The 1 in grey levels squared a cell keeps a plain surface from counting as sharp.
  constexpr float kCells = (kSide - 2 * kEdge + 2) * (kSide - 2 * kEdge);
  coarse = coarse / 4 + kCells;
  float least = 1e9F;
  for (std::size_t d = 0; d < kDirections.size(); ++d)
    least = std::min(least, std::sqrt(fine[d] / coarse) / kDirections[d].usual);
  return least;
}

}  // namespace embed
