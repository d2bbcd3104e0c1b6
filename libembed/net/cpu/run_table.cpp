// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/cpu/run_table.h"

namespace embed::cpu {

/// As many pixels as a run has rows for, over the ends of the picture's rows where what lies between them is
/// little; else the pixels of one row in runs of much the same height.
RunTable::RunTable(const std::vector<std::ptrdiff_t>& input_at, std::int64_t height, std::int64_t width,
                   std::ptrdiff_t pixel_bytes) {
  const auto pixels = static_cast<std::int64_t>(input_at.size());
  const auto at = [&](std::int64_t pixel) { return input_at[static_cast<std::size_t>(pixel)]; };
  step_ = width > 1 ? at(1) - at(0) : height > 1 ? at(width) - at(0) : pixel_bytes;
  std::int64_t most = kRunRows;
  if (height > 1) {
    const std::ptrdiff_t between = at(width) - at(0);
    const bool joins = between % step_ == 0 && between / step_ - width + 1 < kRunRows;
    const std::int64_t in_row = (width + kRunRows - 1) / kRunRows;
    if (!joins) most = (width + in_row - 1) / in_row;
  }
  rows_.resize(input_at.size());
  for (std::int64_t first = 0; first < pixels; first += runs_.back().count) {
    PixelRun run{first, 0, 0, rows_.data() + first};
    for (std::int64_t pixel = first; pixel < pixels; ++pixel) {
      const std::ptrdiff_t bytes = at(pixel) - at(first);
      if (bytes % step_ != 0 || bytes / step_ >= most) break;
      rows_[static_cast<std::size_t>(pixel)] = static_cast<std::uint8_t>(bytes / step_);
      run.height = bytes / step_ + 1;
      ++run.count;
    }
    runs_.push_back(run);
  }
}

void RunTable::fill(ConvCall& call) const noexcept {
  call.runs = runs_.data();
  call.run_count = static_cast<std::int64_t>(runs_.size());
  call.run_step = step_;
}

}  // namespace embed::cpu
