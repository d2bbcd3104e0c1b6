// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace embed {

/// The thresholds at which a comparison of two strangers is accepted once in ten times, once in a hundred and
/// so on. It is stored in the weights file, and measured on people whom the network did not learn from. A
/// value type; const members are thread-safe.
class FarTable {
 public:
  struct Point {
    double far = 0;       ///< False-accept rate of one comparison, above 0 and below 1.
    float threshold = 0;  ///< Distance up to which a comparison is accepted, ≥ 0.
  };

  /// An empty table.
  FarTable() = default;
  /// `points`: at least two; each rate is below the one before, and no threshold is above the one before.
  /// `comparisons`: how many comparisons of strangers were measured. Throws Error(InvalidArgument).
  FarTable(std::vector<Point> points, std::uint64_t comparisons);

  bool empty() const noexcept { return points_.empty(); }
  const std::vector<Point>& points() const noexcept { return points_; }
  std::uint64_t comparisons() const noexcept { return comparisons_; }

  /// The threshold at which a stranger is accepted with the chance `far` (above 0 and below 1) when compared
  /// with `vectors` (≥ 1) vectors: each comparison may be wrong with the chance 1 − (1 − far)^(1/vectors).
  /// Between the points and beyond them the threshold is linear in the logarithm of the rate; it is never
  /// below 0. The table must not be empty.
  float threshold(double far, std::size_t vectors = 1) const;

  /// The other way: the chance that a stranger who is compared with `vectors` (≥ 1) vectors is accepted by at
  /// least one of them at that threshold. Between the points and beyond them as threshold() has it. Where
  /// several rates have one threshold, the highest of them; 1 above a table that begins with such rates. The
  /// table must not be empty.
  double rate(float threshold, std::size_t vectors = 1) const;

  /// {"comparisons": 7996000, "points": [[0.1, 0.61], [0.01, 0.47]]}
  std::string to_json() const;
  /// Throws Error(Format | InvalidArgument).
  static FarTable from_json(const std::string& text);

 private:
  std::vector<Point> points_;
  std::uint64_t comparisons_ = 0;
};

}  // namespace embed
