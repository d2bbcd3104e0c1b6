// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/rule.h"

#include <algorithm>
#include <vector>

#include "base/distance_kernels.h"

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

Match decide(const NearestRows& found, const MatchOptions& options) {
  const MeasuredRow winner = found.k() == 1 ? found.first() : vote(found.nearest());
  const MeasuredRow& other = winner.identity == found.first().identity ? found.second() : found.first();
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

void heed_counter_examples(const GalleryRows& counter_examples, Metric metric, const Embedding& query,
                           Match& match) {
  if (match.label_id < 0) return;
  const float length = norm(query.data());
  for (std::size_t r = 0; r < counter_examples.size(); ++r) {
    if (counter_examples.identity(r) != match.label_id) continue;
    const float distance =
        row_distance(metric, query.data(), length, counter_examples.row(r), counter_examples.norm(r));
    if (distance >= match.distance) continue;
    match.label_id = -1;
    match.unknown = Unknown::Rejected;
    return;
  }
}

}  // namespace embed
