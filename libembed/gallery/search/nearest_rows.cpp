// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/search/nearest_rows.h"

namespace embed {

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

}  // namespace embed
