// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <algorithm>

#include "image/crop_kernels.h"

namespace embed {

/// One line of taps; kClamp: some of them may lie beside the grid.
template <bool kClamp>
inline __attribute__((always_inline)) void plan_line(const TapLine& line, const TapPlan& plan) {
  constexpr int kBatch = 16;
  constexpr std::int32_t kOne = 1 << kPositionBits;
  const std::int32_t* __restrict column_x = line.column_x;
  const std::int32_t* __restrict column_y = line.column_y;
  std::int32_t* __restrict offset = plan.offset;
  std::uint32_t* __restrict weights = plan.weights;
  const std::int32_t row_x = line.row_x, row_y = line.row_y, row_values = line.stride * kLanes;
  const std::int32_t last_x = line.columns * kOne, last_y = line.rows * kOne;
  const int count = (line.count + kBatch - 1) / kBatch * kBatch;
  for (int i = 0; i < count; ++i) {
    std::int32_t x = column_x[i] + row_x, y = column_y[i] + row_y;
    if (kClamp) x = std::clamp(x, -kOne, last_x), y = std::clamp(y, -kOne, last_y);
    offset[i] = (y >> kPositionBits) * row_values + (x >> kPositionBits) * kLanes;
    // The one product is rounded once, so that the four weights add up to one whatever the fractions are.
    const auto fx = static_cast<std::uint32_t>(x & (kOne - 1)),
               fy = static_cast<std::uint32_t>(y & (kOne - 1));
    const std::uint32_t w11 = (fx * fy + kOne / 2) >> kPositionBits;
    const std::uint32_t below = (fy - w11) | (w11 << 16);
    weights[2 * i] = (fx << 16) - fx + kOne - below;
    weights[2 * i + 1] = below;
  }
}

/// Whether some tap may lie beside the grid: the taps lie on a straight line.
inline bool reaches_beside(const TapLine& line) {
  constexpr std::int32_t kOne = 1 << kPositionBits;
  const auto beside = [&](int i) {
    const std::int32_t x = line.column_x[i] + line.row_x, y = line.column_y[i] + line.row_y;
    return x < -kOne || x > line.columns * kOne || y < -kOne || y > line.rows * kOne;
  };
  return beside(0) || beside(line.count - 1);
}

/// The body of CropKernels::plan_taps, which compilers turn into vector code. Inlined, so that each set of
/// kernels compiles it for its own instructions.
inline __attribute__((always_inline)) void plan_taps_inline(const TapLine& line, const TapPlan& plan) {
  if (reaches_beside(line)) return plan_line<true>(line, plan);
  plan_line<false>(line, plan);
}

}  // namespace embed
