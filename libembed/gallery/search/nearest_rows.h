// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace embed {

/// A measured row. Ordered by distance, then by row: an answer never depends on the order of measuring.
struct MeasuredRow {
  float distance = std::numeric_limits<float>::infinity();
  std::size_t row = std::numeric_limits<std::size_t>::max();
  std::int64_t identity = -1;

  bool operator<(const MeasuredRow& other) const noexcept {
    return distance != other.distance ? distance < other.distance : row < other.row;
  }
};

/// What the nearest-identity rule has to know of all rows of a gallery: the k nearest, and the nearest of all
/// that are of another identity than the nearest. Rows may be added in any order, each once; those at
/// infinity are nobody's. Adding allocates nothing. One thread at a time.
class NearestRows {
 public:
  explicit NearestRows(std::size_t k) : k_(k) {
    if (k > 1) heap_.reserve(k);
  }

  std::size_t k() const noexcept { return k_; }

  /// Returns whether that changed anything.
  bool add(const MeasuredRow& found) noexcept {
    if (!(found.distance < std::numeric_limits<float>::infinity())) return false;
    const bool changed = add_to_first(found);
    return (k_ > 1 && add_to_heap(found)) || changed;
  }
  /// Adds what another with the same k has found among other rows, so that this one knows both's.
  void add(const NearestRows& other) noexcept;

  /// Rows beyond this distance change nothing.
  float limit() const noexcept { return std::max(kin_limit(), second_.distance); }
  /// As limit(), for rows of the identity that is nearest so far: they cannot be another's nearest.
  float kin_limit() const noexcept {
    if (k_ == 1) return first_.distance;
    return heap_.size() == k_ ? heap_.front().distance : std::numeric_limits<float>::infinity();
  }
  /// −1 while there is none.
  std::int64_t nearest_identity() const noexcept { return first_.identity; }

  /// At infinity while there is none.
  const MeasuredRow& first() const noexcept { return first_; }
  /// The nearest of another identity than first().
  const MeasuredRow& second() const noexcept { return second_; }
  /// The k nearest, or as many as there are, nearest first.
  std::vector<MeasuredRow> nearest() const;

 private:
  bool add_to_first(const MeasuredRow& found) noexcept {
    if (found < first_) {
      if (found.identity != first_.identity) second_ = first_;
      first_ = found;
      return true;
    }
    if (found.identity == first_.identity || !(found < second_)) return false;
    second_ = found;
    return true;
  }
  bool add_to_heap(const MeasuredRow& found) noexcept;

  std::size_t k_;
  MeasuredRow first_;              // The nearest.
  MeasuredRow second_;             // The nearest of another identity.
  std::vector<MeasuredRow> heap_;  // The k nearest, the farthest in front; empty when k is 1.
};

}  // namespace embed
