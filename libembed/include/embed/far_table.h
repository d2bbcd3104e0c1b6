// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace embed {

/// How near strangers come to each other: the distances at which a comparison of two of them is accepted
/// once in ten times, in a hundred and so on. It stands in a weights file, measured on people of whom the
/// network had not learned. A value type; const members are thread-safe.
class FarTable {
 public:
  struct Point {
    double far = 0;       ///< False-accept rate of one comparison, above 0 and below 1.
    float threshold = 0;  ///< Distance up to which a comparison is accepted, ≥ 0.
  };

  /// Knows nothing.
  FarTable() = default;
  /// Two points at least; rates fall from each to the next, and thresholds do not rise. `comparisons`: of
  /// strangers, that were measured. Throws Error(InvalidArgument).
  FarTable(std::vector<Point> points, std::uint64_t comparisons);

  bool empty() const noexcept { return points_.empty(); }
  const std::vector<Point>& points() const noexcept { return points_; }
  std::uint64_t comparisons() const noexcept { return comparisons_; }

  /// The threshold at which a stranger who is compared with so many vectors (≥ 1) is accepted by any with the
  /// chance `far`, above 0 and below 1: each comparison may be wrong with the chance 1 − (1 −
  /// far)^(1/vectors). Between the points, and beyond them, the threshold goes straight over the rate's
  /// logarithm; it is never below 0. Not for an empty table.
  float threshold(double far, std::size_t vectors = 1) const;

  /// {"comparisons": 7996000, "points": [[0.1, 0.61], [0.01, 0.47]]}
  std::string to_json() const;
  /// Throws Error(Format | InvalidArgument).
  static FarTable from_json(const std::string& text);

 private:
  std::vector<Point> points_;
  std::uint64_t comparisons_ = 0;
};

}  // namespace embed
