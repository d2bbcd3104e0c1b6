// SPDX-License-Identifier: LGPL-2.1-or-later
#include "image/crop_engine.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "embed/preprocess.h"
#include "image/pixel_sums.h"

namespace embed {

namespace {

constexpr double kOne = 1 << kPositionBits;

/// Farther from the grid than this, in cells, a row of taps does not touch it: no crop and no grid is more
/// than 16,000 cells across. Positions up to here fit 32 bits.
constexpr double kFarthest = 24'100;

/// Where a tap of a pixel lies along either axis, in output pixels from the crop's centre.
double tap_position(int pixel, int tap, int taps, int side) {
  return pixel + (tap + 0.5) / taps - side / 2.0;
}

/// To the nearest integer, halves upwards. Faster than std::llround, and enough for |value| < 2^41.
std::int64_t nearest(double value) {
  constexpr std::int64_t kBias = std::int64_t{1} << 41;
  return static_cast<std::int64_t>(value + (static_cast<double>(kBias) + 0.5)) - kBias;
}

std::int32_t fixed(double cells) {
  return static_cast<std::int32_t>(nearest(cells * kOne));
}

/// `cells` from the whole grid's origin, in cells from `first`'s centre. Rounds before it subtracts, so that
/// the result does not depend on which part of the grid there is.
std::int32_t fixed_from(double cells, int first) {
  const double near = std::clamp(cells - first, -kFarthest, kFarthest) + first;
  return static_cast<std::int32_t>(nearest(near * kOne - kOne / 2) - (std::int64_t{first} << kPositionBits));
}

LaneOrder lane_order(const ImageView& image, const InputSpec& input) {
  if (input.channels == 1) return LaneOrder::Grey;
  if (image.format == PixelFormat::Gray8) return LaneOrder::GreyToThree;
  return layout_of(image.format).blue_first == input.bgr ? LaneOrder::AsIs : LaneOrder::Swapped;
}

}  // namespace

void CropEngine::place_columns(const CentredMap& map, const InputSpec& input, const CellLayout& layout) {
  taps_ = taps_of_pixel(map, layout);
  constexpr std::size_t kBatch = 16;
  line_ = (static_cast<std::size_t>(input.width) + kBatch - 1) / kBatch * kBatch;
  const auto plan_size = line_ * static_cast<std::size_t>(taps_);
  column_x_.resize(plan_size);
  column_y_.resize(plan_size);
  offsets_.resize(plan_size);
  weights_.resize(2 * plan_size);
  row_.resize(static_cast<std::size_t>(input.width) * 3 + kRowSlack);
  const double x_step = map.a / layout.cell_x, y_step = map.d / layout.cell_y;
  for (int tap = 0; tap < taps_; ++tap) {
    for (int column = 0; column < static_cast<int>(line_); ++column) {
      const double u = tap_position(std::min(column, input.width - 1), tap, taps_, input.width);
      const std::size_t at = static_cast<std::size_t>(tap) * line_ + static_cast<std::size_t>(column);
      column_x_[at] = fixed(x_step * u);
      column_y_[at] = fixed(y_step * u);
    }
  }
}

/// All rows at once: one at a time, between the kernels, each would wait for its divisions.
void CropEngine::place_rows(const CentredMap& map, const InputSpec& input, const CellLayout& layout) {
  const auto size = static_cast<std::size_t>(input.height * taps_);
  row_x_.resize(size);
  row_y_.resize(size);
  for (int row = 0; row < input.height; ++row) {
    for (int tap = 0; tap < taps_; ++tap) {
      const double v = tap_position(row, tap, taps_, input.height);
      const auto at = static_cast<std::size_t>(row * taps_ + tap);
      row_x_[at] = fixed_from((map.b * v + map.centre_x) / layout.cell_x, layout.column0);
      row_y_[at] = fixed_from((map.e * v + map.centre_y) / layout.cell_y, layout.row0);
    }
  }
}

void CropEngine::resample(const InputSpec& input, const CellLayout& layout, LaneOrder order,
                          std::uint8_t* out) {
  const std::size_t row_bytes =
      static_cast<std::size_t>(input.width) * static_cast<std::size_t>(input.channels);
  const TapPlan plan{offsets_.data(), weights_.data()};
  const CellRows cells = grid_.cells();
  for (int row = 0; row < input.height; ++row, out += row_bytes) {
    for (int tap = 0; tap < taps_; ++tap) {
      const std::size_t at = static_cast<std::size_t>(tap) * line_;
      const auto place = static_cast<std::size_t>(row * taps_ + tap);
      const TapLine line{
          column_x_.data() + at, column_y_.data() + at, input.width, row_x_[place],
          row_y_[place],         layout.columns,        layout.rows, static_cast<int>(cells.stride)};
      kernels_.plan_taps(line, {plan.offset + at, plan.weights + 2 * at});
    }
    // What a kernel writes beyond a row is the next row's, unless there is too little of those.
    const bool inside = static_cast<std::size_t>(input.height - row - 1) * row_bytes >= kRowSlack;
    std::uint8_t* const to = inside ? out : row_.data();
    kernels_.blend(cells, plan, static_cast<std::ptrdiff_t>(line_), input.width, taps_, order, to);
    if (!inside) std::memcpy(out, to, row_bytes);
  }
}

void CropEngine::crop(const ImageView& image, const FaceRegion* region, const InputSpec& input,
                      std::uint8_t* out) {
  validate(image);
  const CentredMap map = centred_map(image, region, input);
  const Window window = readable(image, region, input);
  const CellLayout layout = lay_cells(map, input, window);
  if (layout.empty()) {
    std::memset(out, 0, crop_bytes(input));
    return;
  }
  grid_.fill(image, input.channels, window, layout, CropOutline(map, input, layout), kernels_);
  place_columns(map, input, layout);
  place_rows(map, input, layout);
  resample(input, layout, lane_order(image, input), out);
  if (const std::uint8_t* table = transfer_table(image.transfer)) {
    std::transform(out, out + crop_bytes(input), out, [table](std::uint8_t value) { return table[value]; });
  }
}

}  // namespace embed
