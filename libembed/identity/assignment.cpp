// SPDX-License-Identifier: LGPL-2.1-or-later
#include "identity/assignment.h"

#include <algorithm>
#include <limits>

namespace embed::identity {

float* Assignment::prepare(std::size_t rows, std::size_t columns) {
  rows_ = rows, columns_ = columns;
  few_ = std::min(rows, columns), many_ = std::max(rows, columns);
  costs_.resize(rows * columns);
  return costs_.data();
}

double Assignment::cost(std::size_t from, std::size_t to) const noexcept {
  const bool turned = rows_ > columns_;
  const float value = costs_[turned ? to * columns_ + from : from * columns_ + to];
  return static_cast<double>(value < limit_ ? value : limit_);  // What is not a number is not less.
}

// Finds the cheapest way to give the `from`-th of the smaller side a partner, which may give others new ones.
void Assignment::add(std::size_t from) {
  std::fill(least_.begin(), least_.end(), std::numeric_limits<double>::infinity());
  std::fill(reached_.begin(), reached_.end(), 0);
  holder_[0] = from;
  std::size_t at = 0;
  do {
    reached_[at] = 1;
    const std::size_t row = holder_[at];
    double step = std::numeric_limits<double>::infinity();
    std::size_t next = 0;
    for (std::size_t to = 1; to <= many_; ++to) {
      if (reached_[to] != 0) continue;
      const double reduced = cost(row - 1, to - 1) - few_potential_[row] - many_potential_[to];
      if (reduced < least_[to]) least_[to] = reduced, back_[to] = at;
      if (least_[to] < step) step = least_[to], next = to;
    }
    for (std::size_t to = 0; to <= many_; ++to) {
      if (reached_[to] != 0) {
        few_potential_[holder_[to]] += step;
        many_potential_[to] -= step;
      } else {
        least_[to] -= step;
      }
    }
    at = next;
  } while (holder_[at] != 0);
  while (at != 0) {
    holder_[at] = holder_[back_[at]];
    at = back_[at];
  }
}

const std::vector<int>& Assignment::solve(float limit) {
  limit_ = limit;
  few_potential_.assign(few_ + 1, 0);
  many_potential_.assign(many_ + 1, 0);
  least_.resize(many_ + 1);
  holder_.assign(many_ + 1, 0);
  back_.assign(many_ + 1, 0);
  reached_.resize(many_ + 1);
  for (std::size_t from = 1; from <= few_; ++from) add(from);
  column_of_.assign(rows_, -1);
  for (std::size_t to = 1; to <= many_; ++to) {
    const std::size_t from = holder_[to];
    if (from == 0 || cost(from - 1, to - 1) >= static_cast<double>(limit_)) continue;
    const std::size_t row = rows_ > columns_ ? to : from, column = rows_ > columns_ ? from : to;
    column_of_[row - 1] = static_cast<int>(column - 1);
  }
  return column_of_;
}

}  // namespace embed::identity
