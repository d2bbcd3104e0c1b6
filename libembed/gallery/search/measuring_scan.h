// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>

#include "gallery/search/code_scan.h"
#include "gallery/search/nearest_rows.h"
#include "gallery/search/query_codes.h"
#include "gallery/search/rows.h"

namespace embed {

/// Scans bytes for some queries and measures the rows that the bytes do not rule out. One thread at a time.
class MeasuringScan final : private HitSink {
 public:
  /// Most queries at a time: their codes stay in the first-level cache while rows stream by.
  static constexpr std::size_t kQueries = 32;

  /// Borrows all. The bytes that will be scanned are those of rows of `rows`.
  MeasuringScan(const GalleryRows& rows, Metric metric, const ScanVariant& variant)
      : rows_(rows), metric_(metric), variant_(variant) {}

  /// Finds what is nearest among the coded rows. `codes`, `limits` and `nearest` [count], count ≤ kQueries,
  /// all usable(): rows beyond the limits need not be found. Row i is row `numbers[i]` of the gallery, or
  /// none where that is kNoRow; without numbers it is first_row + i.
  void run(const CodedRows& coded, std::size_t first_row, const std::uint32_t* numbers,
           QueryCodes* const* codes, const float* limits, NearestRows* const* nearest, std::size_t count);

  /// Measures one row. Returns whether that changed what is known.
  bool measure(const QueryCodes& codes, std::size_t row, NearestRows& nearest) const;

  static constexpr std::uint32_t kNoRow = 0xFFFFFFFF;

 private:
  void take(std::size_t query, std::size_t first_row, std::uint32_t hits, const float* score) override;
  void set_bars(std::size_t query);

  const GalleryRows& rows_;
  Metric metric_;
  const ScanVariant& variant_;
  std::size_t first_row_ = 0;
  const std::uint32_t* numbers_ = nullptr;
  QueryCodes* const* codes_ = nullptr;
  NearestRows* const* nearest_ = nullptr;
  // What the scan reads, each query's limit, and the bar for rows of the identity that is nearest so far:
  // those matter only when they are nearer still.
  ScanQuery scans_[kQueries];
  float limits_[kQueries] = {};
  float kin_bars_[kQueries] = {};
};

}  // namespace embed
