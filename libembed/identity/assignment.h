// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <vector>

namespace embed::identity {

/// Pairs rows with columns so that the sum of their costs is least, by shortest augmenting paths (Kuhn 1955,
/// Munkres 1957, Jonker and Volgenant 1987): the optimum, unlike pairing the cheapest first, which lets a
/// face in a crowd take the box of its neighbour and leaves that one without any. A pair at or beyond the
/// limit is never made, and a row without a column costs the limit. Time: rows² × columns at worst, and close
/// to rows × columns where each row has few cheap columns, as boxes that overlap do.
///
/// Keeps its memory. One thread at a time.
class Assignment {
 public:
  /// Room for the costs: float[rows × columns], row after row, to be filled before solve(). Owned by this
  /// object, valid until the next call.
  float* prepare(std::size_t rows, std::size_t columns);
  /// Returns the column of each row, −1 for none; valid until the next prepare(). `limit` > 0; costs ≥ 0, and
  /// one that is not a number counts as the limit.
  const std::vector<int>& solve(float limit);

 private:
  double cost(std::size_t from, std::size_t to) const noexcept;
  void add(std::size_t from);

  std::size_t rows_ = 0, columns_ = 0;
  std::size_t few_ = 0, many_ = 0;  // The smaller side is assigned to the larger one.
  float limit_ = 0;
  std::vector<float> costs_;
  std::vector<int> column_of_;
  // Of the algorithm, with a place 0 that stands for none: potentials of both sides, who has each of the
  // larger side, the way back along the path, the least reduced cost on the way to each, and whether it was
  // reached.
  std::vector<double> few_potential_, many_potential_, least_;
  std::vector<std::size_t> holder_, back_;
  std::vector<char> reached_;
};

}  // namespace embed::identity
