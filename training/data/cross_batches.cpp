// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data/cross_batches.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "base/rng.h"
#include "embed/error.h"

namespace training {

namespace {

using embed::Error;
using embed::ErrorCode;

constexpr std::uint64_t kTripletStream = 30;
constexpr std::uint64_t kPairStream = 31;
constexpr std::uint64_t kShuffleStream = 32;

/// One row of each kind.
struct KindPair {
  std::uint32_t first, second;
};

/// Lays two lists side by side; the shorter one begins again. Empty when one of them is.
std::vector<KindPair> side_by_side(const std::vector<std::uint32_t>& first,
                                   const std::vector<std::uint32_t>& second, std::size_t shift = 0) {
  std::vector<KindPair> pairs;
  if (first.empty() || second.empty()) return pairs;
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i)
    pairs.push_back({first[i % first.size()], second[(i + shift) % second.size()]});
  return pairs;
}

/// Picked pairs as a batch: all rows of the first kind, then all of the second.
BatchPlan plan_of(const BatchPlan& picked, const std::vector<KindPair>& pairs, std::size_t first_kind) {
  BatchPlan plan;
  for (const std::uint32_t p : picked) plan.push_back(pairs[p].first);
  for (const std::uint32_t p : picked)
    plan.push_back(pairs[p].second + static_cast<std::uint32_t>(first_kind));
  return plan;
}

std::vector<BatchPlan> offline_batches(const TrainOptions& options, const ImageList& list,
                                       std::uint64_t seed) {
  const auto triplets =
      cross_triplets(list.of_first_kind().labels, list.of_second_kind().labels, list.classes, seed);
  const auto offset = static_cast<std::uint32_t>(list.first_kind);
  std::vector<BatchPlan> batches = shuffled_batches(triplets.size(), options.batch_size, seed);
  for (BatchPlan& batch : batches) {
    const BatchPlan picked = std::move(batch);
    batch.clear();
    for (const std::uint32_t t : picked) batch.push_back(triplets[t].anchor);
    for (const std::uint32_t t : picked) batch.push_back(triplets[t].positive + offset);
    for (const std::uint32_t t : picked) batch.push_back(triplets[t].negative + offset);
  }
  return batches;
}

}  // namespace

std::vector<TripletIndices> cross_triplets(const std::vector<std::int64_t>& first,
                                           const std::vector<std::int64_t>& second, std::size_t classes,
                                           std::uint64_t seed) {
  auto anchors = rows_by_class(first, classes), others = rows_by_class(second, classes);
  std::vector<std::size_t> filled;  // Classes that a negative may be of.
  for (std::size_t c = 0; c < classes; ++c) {
    if (!others[c].empty()) filled.push_back(c);
  }
  if (filled.size() < 2) {
    throw Error(ErrorCode::InvalidArgument,
                "triplets across two kinds need pictures of the second kind of two classes at least, " +
                    std::to_string(filled.size()) + " given");
  }
  Rng rng(seed, {kTripletStream});
  std::vector<TripletIndices> triplets;
  for (std::size_t at = 0; at < filled.size(); ++at) {
    const std::size_t c = filled[at];
    rng.shuffle(anchors[c]);
    std::vector<std::uint32_t> order = others[c];
    rng.shuffle(order);
    std::vector<KindPair> pairs = side_by_side(anchors[c], order, 1);
    if (pairs.size() > 1) pairs.pop_back();
    for (const KindPair& pair : pairs) {
      std::size_t other = rng.below(filled.size() - 1);
      if (other >= at) ++other;
      const auto& negatives = others[filled[other]];
      triplets.push_back({pair.first, pair.second, negatives[rng.below(negatives.size())]});
    }
  }
  if (triplets.empty()) {
    throw Error(ErrorCode::InvalidArgument,
                "triplets across two kinds need a class with pictures of both, no class has them");
  }
  return triplets;
}

std::vector<BatchPlan> cross_pk_batches(const ImageList& list, std::size_t identities,
                                        std::size_t images_each, std::uint64_t seed) {
  auto first = rows_by_class(list.of_first_kind().labels, list.classes);
  auto second = rows_by_class(list.of_second_kind().labels, list.classes);
  Rng rng(seed, {kPairStream});
  std::vector<KindPair> pairs;
  std::vector<std::int64_t> labels;  // Of the pairs.
  std::size_t usable = 0;
  for (std::size_t c = 0; c < list.classes; ++c) {
    rng.shuffle(first[c]);
    rng.shuffle(second[c]);
    const std::vector<KindPair> of_class = side_by_side(first[c], second[c]);
    usable += of_class.empty() ? 0 : 1;
    pairs.insert(pairs.end(), of_class.begin(), of_class.end());
    labels.insert(labels.end(), of_class.size(), static_cast<std::int64_t>(c));
  }
  if (usable < identities) {
    throw Error(ErrorCode::InvalidArgument, "--pk asks for " + std::to_string(identities) +
                                                " identities in a batch, but only " + std::to_string(usable) +
                                                " have pictures of both kinds");
  }
  std::vector<BatchPlan> batches = pk_batches(labels, list.classes, identities, images_each, seed, 1);
  for (BatchPlan& batch : batches) batch = plan_of(batch, pairs, list.first_kind);
  return batches;
}

std::vector<BatchPlan> cross_shuffled_batches(const ImageList& list, std::size_t batch_size,
                                              std::uint64_t seed) {
  std::vector<std::uint32_t> first(list.first_kind), second(list.size() - list.first_kind);
  std::iota(first.begin(), first.end(), 0U);
  std::iota(second.begin(), second.end(), 0U);
  Rng rng(seed, {kShuffleStream});
  rng.shuffle(first);
  rng.shuffle(second);
  const std::vector<KindPair> pairs = side_by_side(first, second);
  std::vector<BatchPlan> batches = shuffled_batches(pairs.size(), batch_size / 2, seed);
  for (BatchPlan& batch : batches) batch = plan_of(batch, pairs, list.first_kind);
  return batches;
}

std::vector<BatchPlan> epoch_batches(const TrainOptions& options, const ImageList& list, std::size_t epoch) {
  if (!is_cross_kind(options)) return epoch_batches(options, list.labels, list.classes, epoch);
  const std::uint64_t seed = epoch_seed(options, epoch);
  if (is_offline(options)) return offline_batches(options, list, seed);
  if (options.identities != 0) return cross_pk_batches(list, options.identities, options.images_each, seed);
  return cross_shuffled_batches(list, options.batch_size, seed);
}

}  // namespace training
