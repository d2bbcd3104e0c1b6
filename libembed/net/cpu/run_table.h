// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "net/cpu/kernels.h"

namespace embed::cpu {

/// A picture's output pixels in runs, for kernels that take them so. Immutable.
class RunTable {
 public:
  RunTable() = default;
  /// `input_at`: [height · width] ConvCall::input_at; `pixel_bytes`: the step where there is but one pixel.
  RunTable(const std::vector<std::ptrdiff_t>& input_at, std::int64_t height, std::int64_t width,
           std::ptrdiff_t pixel_bytes);
  RunTable(RunTable&&) = default;
  RunTable& operator=(RunTable&&) = default;

  /// Sets a call's runs, run_count and run_step; this outlives the call.
  void fill(ConvCall& call) const noexcept;

 private:
  std::vector<PixelRun> runs_;
  std::vector<std::uint8_t> rows_;
  std::ptrdiff_t step_ = 0;
};

}  // namespace embed::cpu
