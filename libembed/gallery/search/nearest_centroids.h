// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "embed/embedding.h"
#include "gallery/search/code_scan.h"
#include "gallery/search/rows.h"

namespace embed {

/// Which of many centroids are nearest to some queries, by their bytes alone: near enough for a list of where
/// to look. One thread at a time.
class NearestCentroids final : private HitSink {
 public:
  static constexpr std::size_t kQueries = 8;

  /// Borrows `centroids`, whose number is a multiple of 16. `metric` is L2 or cosine.
  NearestCentroids(const GalleryRows& centroids, Metric metric) : centroids_(centroids), metric_(metric) {}

  /// For each of `queries` [count], count ≤ kQueries, the numbers of `wanted` centroids, nearest first, at
  /// `out` [count]; nothing for a query that bytes cannot stand for.
  void find(const Embedding* queries, std::size_t count, std::size_t wanted, std::vector<std::uint32_t>* out);

 private:
  using Scored = std::pair<float, std::uint32_t>;  // The greater the nearer.

  void take(std::size_t query, std::size_t first_row, std::uint32_t hits, const float* score) override;
  void keep_wanted(std::size_t query);

  const GalleryRows& centroids_;
  Metric metric_;
  std::size_t wanted_ = 0;
  std::size_t first_row_ = 0;
  std::size_t number_[kQueries] = {};
  float unit_[kQueries] = {};
  float least_[kQueries] = {};
  ScanQuery scans_[kQueries];
  std::vector<Scored> scored_[kQueries];
};

}  // namespace embed
