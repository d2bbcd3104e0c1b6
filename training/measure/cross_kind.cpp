// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/cross_kind.h"

#include <algorithm>
#include <mutex>

#include "base/rng.h"
#include "embed/error.h"
#include "measure/embedding_rows.h"
#include "measure/ranking.h"

namespace training {

using embed::Error;
using embed::ErrorCode;

std::vector<SampledPair> cross_pairs(const LabelledEmbeddings& first, const LabelledEmbeddings& second,
                                     embed::Metric metric, std::size_t most_impostors, std::uint64_t seed) {
  const Rows rows(first, metric), others(second, metric);
  std::size_t left = 0;  // Impostor pairs not yet seen.
  for (const std::int64_t a : first.labels) {
    for (const std::int64_t b : second.labels) left += static_cast<std::size_t>(a != b);
  }
  std::size_t wanted = std::min(left, most_impostors);
  Rng random(seed);
  std::vector<SampledPair> pairs;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < others.size(); ++j) {
      const std::int64_t a = first.labels[i], b = second.labels[j];
      if (a != b && !take_one(random, left, wanted)) continue;
      pairs.push_back({rows.distance(rows[i], others[j]), a == b, static_cast<std::uint32_t>(a),
                       static_cast<std::uint32_t>(b)});
    }
  }
  return pairs;
}

std::pair<std::vector<float>, std::vector<float>> split_pairs(const std::vector<SampledPair>& pairs) {
  std::pair<std::vector<float>, std::vector<float>> result;
  for (const SampledPair& pair : pairs)
    (pair.genuine ? result.first : result.second).push_back(pair.distance);
  return result;
}

TripletAccuracy cross_triplet_accuracy(const LabelledEmbeddings& first, const LabelledEmbeddings& second,
                                       const std::vector<TripletIndices>& triplets, embed::Metric metric) {
  LabelledEmbeddings both = first;
  both.values.insert(both.values.end(), second.values.begin(), second.values.end());
  both.labels.insert(both.labels.end(), second.labels.begin(), second.labels.end());
  const std::size_t offset = first.values.size();
  std::vector<Triplet> shifted;
  for (const TripletIndices& t : triplets) {
    if (t.anchor >= offset)
      throw Error(ErrorCode::InvalidArgument, "a triplet names a row that is not there");
    shifted.push_back({t.anchor, t.positive + offset, t.negative + offset});
  }
  TripletAccuracy result = triplet_accuracy(both, shifted, metric);
  result.spread =
      std::min(triplet_accuracy(first, {}, metric).spread, triplet_accuracy(second, {}, metric).spread);
  return result;
}

TripletAccuracy all_cross_triplets(const LabelledEmbeddings& first, const LabelledEmbeddings& second,
                                   embed::Metric metric) {
  const Rows rows(first, metric), others(second, metric);
  TripletAccuracy result;
  std::mutex mutex;  // Guards result.
  rank_positives({others, second.labels}, {rows, first.labels}, /*same_set=*/false,
                 [&](std::size_t /*anchor*/, const RankedPositives& found) {
                   const std::lock_guard<std::mutex> lock(mutex);
                   result.correct += found.correct();
                   result.strict += found.strict();
                   result.all += found.size() * (others.size() - found.size());
                 });
  return result;
}

}  // namespace training
