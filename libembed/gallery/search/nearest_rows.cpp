// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/search/nearest_rows.h"

namespace embed {

namespace {

/// The nearest row of the identity with most of the rows (nearest first); a tie goes to the one that comes
/// first.
MeasuredRow vote(const std::vector<MeasuredRow>& rows) {
  MeasuredRow winner;
  std::ptrdiff_t most = 0;
  for (const MeasuredRow& row : rows) {
    const auto votes = std::count_if(
        rows.begin(), rows.end(), [&](const MeasuredRow& other) { return other.identity == row.identity; });
    if (votes > most) {
      most = votes;
      winner = row;
    }
  }
  return winner;
}

}  // namespace

void NearestRows::add(const NearestRows& other) noexcept {
  add_to_first(other.first_);
  add_to_first(other.second_);
  for (const MeasuredRow& row : other.heap_) add_to_heap(row);
}

bool NearestRows::add_to_heap(const MeasuredRow& found) noexcept {
  if (heap_.size() == k_) {
    if (!(found < heap_.front())) return false;
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.back() = found;
  } else {
    heap_.push_back(found);
  }
  std::push_heap(heap_.begin(), heap_.end());
  return true;
}

std::vector<MeasuredRow> NearestRows::nearest() const {
  if (k_ == 1) return first_.identity < 0 ? std::vector<MeasuredRow>{} : std::vector<MeasuredRow>{first_};
  std::vector<MeasuredRow> rows = heap_;
  std::sort_heap(rows.begin(), rows.end());
  return rows;
}

Match NearestRows::decide(const MatchOptions& options) const {
  const MeasuredRow winner = k_ == 1 ? first_ : vote(nearest());
  const MeasuredRow& other = winner.identity == first_.identity ? second_ : first_;
  Match match;
  match.nearest_id = winner.identity;
  match.distance = winner.distance;
  match.runner_up_id = other.identity;
  match.runner_up_distance = other.distance;
  if (match.nearest_id < 0 || (options.threshold && match.distance > *options.threshold)) {
    match.unknown = Unknown::Far;
  } else if (options.margin > 0 && match.runner_up_distance - match.distance < options.margin) {
    match.unknown = Unknown::Ambiguous;
  } else {
    match.label_id = match.nearest_id;
  }
  return match;
}

}  // namespace embed
