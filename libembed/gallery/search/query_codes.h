// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>

#include "embed/embedding.h"
#include "gallery/search/block.h"
#include "gallery/search/code_scan.h"

namespace embed {

/// A query as a scan of bytes takes it, and the proof that no row which matters is overlooked: for a
/// distance, the score below which no row can be nearer. With q and r the query and a row, q̂ and r̂ what their
/// bytes say:
///
///   cosine, L2:  q·r = q̂·r̂ + q̂·(r − r̂) + (q − q̂)·r ≤ q̂·r̂ + ‖q̂‖·‖r − r̂‖ + ‖q − q̂‖·‖r‖
///   L1:          Σ|q − r| ≥ Σ|q̂ − r̂| − Σ|q − q̂| − Σ|r − r̂|
///
/// and room is left for what floats round. One thread at a time.
class QueryCodes {
 public:
  /// Borrows `query` [128]. Codes of products are within ± `largest_code`.
  QueryCodes(Metric metric, const float* query, int largest_code);
  /// For rows that are scanned in other coordinates (of the same lengths and angles), and there by their
  /// first values alone: `first` [128] is the query in these, zero beyond the values that are scanned, and
  /// `rest` the norm of what it has there. q·r is then at most ‖rest of q‖·‖rest of r‖ more. Not for L1.
  QueryCodes(Metric metric, const float* query, int largest_code, const float* first, float rest);

  /// Whether bytes can stand for it at all. Not for a query of values that are not finite, are huge, or, for
  /// cosine, have no direction.
  bool usable() const noexcept { return usable_; }
  const float* values() const noexcept { return values_; }
  float norm() const noexcept { return norm_; }

  /// For a scan of those rows in which rows beyond `limit` need not be found. Borrows from this object.
  /// Not while !usable().
  ScanQuery enter(const CodedRows& rows, float limit);
  /// What a score of 1 is worth among the rows that were entered last: of a product, or of a sum for L1.
  float unit() const noexcept { return static_cast<float>(unit_); }
  /// The bar for another limit among the rows that were entered last.
  float bar(float limit) const noexcept;

 private:
  Metric metric_;
  const float* values_;
  float norm_;
  bool usable_;
  std::int32_t bias_ = 0;
  double length_ = 0;        // ‖q‖
  double coded_length_ = 0;  // ‖q̂‖
  double loss_ = 0;          // ‖q − q̂‖, or Σ|q − q̂| for L1; rounded up.
  double step_ = 0;          // Of the query's codes; for L1 the rows'.
  double unit_ = 0;          // What a score of 1 is worth among the rows.
  double largest_norm_ = 0;
  double rest_ = 0;  // Of the query, where not all is scanned.
  double largest_rest_ = 0;
  alignas(64) std::uint8_t codes_[kEmbeddingDim] = {};
};

ScanKind scan_kind(Metric metric) noexcept;

}  // namespace embed
