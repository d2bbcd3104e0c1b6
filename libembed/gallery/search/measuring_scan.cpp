// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/search/measuring_scan.h"

#include <algorithm>

#include "base/distance_kernels.h"

namespace embed {

void MeasuringScan::run(const CodedRows& coded, std::size_t first_row, const std::uint32_t* numbers,
                        QueryCodes* const* codes, const float* limits, NearestRows* const* nearest,
                        std::size_t count) {
  if (count == 0 || coded.panels.panels == 0) return;
  first_row_ = first_row;
  numbers_ = numbers;
  codes_ = codes;
  nearest_ = nearest;
  for (std::size_t q = 0; q < count; ++q) {
    limits_[q] = std::min(limits[q], nearest[q]->limit());
    scans_[q] = codes[q]->enter(coded, limits_[q]);
    kin_bars_[q] = codes[q]->bar(std::min(limits_[q], nearest[q]->kin_limit()));
  }
  variant_.scan(scan_kind(metric_), coded.panels, scans_, count, *this);
}

bool MeasuringScan::measure(const QueryCodes& codes, std::size_t row, NearestRows& nearest) const {
  const float distance = row_distance(metric_, codes.values(), codes.norm(), rows_.row(row), rows_.norm(row));
  return nearest.add({distance, row, rows_.identity(row)});
}

void MeasuringScan::take(std::size_t query, std::size_t first_row, std::uint32_t hits, const float* score) {
  NearestRows& nearest = *nearest_[query];
  for (; hits != 0; hits &= hits - 1) {
    const auto i = static_cast<std::size_t>(__builtin_ctz(hits));
    if (score[i] < scans_[query].bar) continue;  // raised since
    std::size_t row = first_row_ + first_row + i;
    if (numbers_ != nullptr) {
      if (numbers_[first_row + i] == kNoRow) continue;
      row = numbers_[first_row + i];
    }
    if (score[i] < kin_bars_[query] && rows_.identity(row) == nearest.nearest_identity()) continue;
    if (measure(*codes_[query], row, nearest)) set_bars(query);
  }
}

void MeasuringScan::set_bars(std::size_t query) {
  limits_[query] = std::min(limits_[query], nearest_[query]->limit());
  scans_[query].bar = codes_[query]->bar(limits_[query]);
  kin_bars_[query] = codes_[query]->bar(std::min(limits_[query], nearest_[query]->kin_limit()));
}

}  // namespace embed
