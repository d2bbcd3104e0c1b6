// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "measure/embedding_rows.h"

namespace training {

/// A row seen from a query. Ordered by distance, then by row.
struct Neighbour {
  float distance;
  std::uint32_t row;
  bool operator<(const Neighbour& other) const {
    return distance != other.distance ? distance < other.distance : row < other.row;
  }
};

/// Where the rows of a query's own class stand among all rows, and its triplets. The other rows are counted
/// as they come, none is kept: a query needs memory for its own class alone. One thread at a time.
class RankedPositives {
 public:
  /// The rows of the query's class, in any order; one at least.
  explicit RankedPositives(std::vector<Neighbour> positives);

  /// A row of another class.
  void add(const Neighbour& negative);

  std::size_t size() const { return positives_.size(); }
  /// How many rows are nearer, for each positive, nearest first: rising.
  std::vector<std::uint64_t> ranks() const;
  /// Over all pairs of a positive and a negative: d(q,p) ≤ d(q,n).
  std::uint64_t correct() const { return correct_ + beyond_ * positives_.size(); }
  /// d(q,p) < d(q,n).
  std::uint64_t strict() const { return strict_ + beyond_ * positives_.size(); }

 private:
  std::vector<Neighbour> positives_;   // Nearest first.
  std::vector<std::uint64_t> before_;  // Negatives before each positive and behind the one before it.
  std::uint64_t beyond_ = 0;           // Negatives farther than every positive.
  std::uint64_t correct_ = 0, strict_ = 0;
};

/// Prepared rows and their labels; both borrowed.
struct LabelledRows {
  const Rows& rows;
  const std::vector<std::int64_t>& labels;
};

/// Ranks the rows of `known` for each row of `asked` whose class is among them, and hands the result to
/// `done` with the row's number: on all processors, from several threads at once, each row once. A row is not
/// its own neighbour when the two are the same set. O(N · M · 128) time; beside the rows some megabytes a
/// thread. `done` must not throw.
void rank_positives(const LabelledRows& known, const LabelledRows& asked, bool same_set,
                    const std::function<void(std::size_t, const RankedPositives&)>& done);

}  // namespace training
