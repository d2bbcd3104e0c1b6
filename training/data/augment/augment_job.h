// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

#include "data/augment/augment_plan.h"
#include "data/augment/jpeg_tables.h"

namespace training {

/// Values of a tone curve: one for each level of a byte, and one behind them to interpolate with.
constexpr int kCurve = 257;

/// A batch in work; all memory is the caller's, where the steps run.
struct AugmentJob {
  const std::uint8_t* pictures = nullptr;  ///< [rows, packed_height, packed_width, channels]
  const AugmentItem* items = nullptr;      ///< [count]
  std::int64_t count = 0;
  int packed_width = 0, packed_height = 0, width = 0, height = 0, channels = 0;
  float* values = nullptr;      ///< [count, height, width, channels]
  float* scratch = nullptr;     ///< as many
  float* curves = nullptr;      ///< [count, kCurve]
  std::uint8_t* out = nullptr;  ///< [count, height, width, channels]
  JpegTables jpeg;
};

}  // namespace training
