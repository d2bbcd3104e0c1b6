// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data/batch_sampler.h"

#include <algorithm>
#include <deque>
#include <numeric>
#include <set>
#include <string>

#include "base/rng.h"
#include "embed/error.h"

namespace training {

namespace {

using embed::Error;
using embed::ErrorCode;

constexpr std::uint64_t kTripletStream = 10;
constexpr std::uint64_t kShuffleStream = 11;
constexpr std::uint64_t kPkStream = 12;
constexpr std::uint64_t kEpochStream = 13;
constexpr std::uint64_t kBalancedStream = 14;

/// `images_each` rows of one class.
struct Group {
  std::size_t label;
  std::vector<std::uint32_t> rows;
};

std::vector<Group> class_groups(std::size_t label, std::vector<std::uint32_t> rows, std::size_t images_each,
                                Rng& rng) {
  rng.shuffle(rows);
  std::vector<Group> groups;
  for (std::size_t start = 0; start < rows.size(); start += images_each) {
    Group group{label, {}};
    // Past the end it starts over with the first rows.
    for (std::size_t k = 0; k < images_each; ++k) group.rows.push_back(rows[(start + k) % rows.size()]);
    groups.push_back(std::move(group));
  }
  return groups;
}

/// Takes groups from the front of the deck; unless classes may be repeated those of a class that is there
/// already wait.
std::vector<Group> deal(std::deque<Group>& deck, std::size_t identities, bool repeated) {
  std::vector<Group> hand;
  std::deque<Group> waiting;
  std::set<std::size_t> labels;
  while (!deck.empty() && hand.size() < identities) {
    Group group = std::move(deck.front());
    deck.pop_front();
    if (labels.insert(group.label).second || repeated) {
      hand.push_back(std::move(group));
    } else {
      waiting.push_back(std::move(group));
    }
  }
  while (!waiting.empty()) {
    deck.push_front(std::move(waiting.back()));
    waiting.pop_back();
  }
  return hand;
}

}  // namespace

std::size_t batch_parts(const TrainOptions& options) noexcept {
  if (is_offline(options)) return 3;
  return is_cross_kind(options) ? 2 : 1;
}

std::vector<std::size_t> places_of(const Share& share, std::size_t count, std::size_t parts) {
  const std::size_t part = count / parts;
  std::vector<std::size_t> places;
  for (std::size_t p = 0; p < parts; ++p) {
    for (std::size_t i = part * share.rank / share.ranks; i < part * (share.rank + 1) / share.ranks; ++i)
      places.push_back(p * part + i);
  }
  return places;
}

std::vector<std::vector<std::uint32_t>> rows_by_class(const std::vector<std::int64_t>& labels,
                                                      std::size_t classes) {
  std::vector<std::vector<std::uint32_t>> rows(classes);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    rows[static_cast<std::size_t>(labels[i])].push_back(static_cast<std::uint32_t>(i));
  }
  return rows;
}

std::vector<TripletIndices> note_triplets(const std::vector<std::int64_t>& labels, std::size_t classes,
                                          std::uint64_t seed) {
  const auto rows = rows_by_class(labels, classes);
  std::vector<std::size_t> filled;
  bool pair = false;
  for (std::size_t c = 0; c < classes; ++c) {
    if (!rows[c].empty()) filled.push_back(c);
    pair = pair || rows[c].size() >= 2;
  }
  if (filled.size() < 2) {
    throw Error(ErrorCode::InvalidArgument,
                "triplets need samples of two classes at least, " + std::to_string(filled.size()) + " given");
  }
  if (!pair)
    throw Error(ErrorCode::InvalidArgument, "triplets need a class with two samples, every class has one");
  Rng rng(seed, {kTripletStream});
  std::vector<TripletIndices> triplets;
  triplets.reserve(labels.size());
  for (std::size_t at = 0; at < filled.size(); ++at) {
    std::vector<std::uint32_t> order = rows[filled[at]];
    rng.shuffle(order);
    for (std::size_t i = 0; i + 1 < order.size(); ++i) {
      std::size_t other = rng.below(filled.size() - 1);
      if (other >= at) ++other;
      const auto& negatives = rows[filled[other]];
      triplets.push_back({order[i], order[i + 1], negatives[rng.below(negatives.size())]});
    }
  }
  return triplets;
}

std::vector<BatchPlan> shuffled_batches(std::size_t rows, std::size_t batch_size, std::uint64_t seed) {
  std::vector<std::uint32_t> order(rows);
  std::iota(order.begin(), order.end(), 0U);
  Rng(seed, {kShuffleStream}).shuffle(order);
  const std::size_t count = (rows + batch_size - 1) / batch_size;
  std::vector<BatchPlan> batches(count);
  std::size_t start = 0;
  for (std::size_t b = 0; b < count; ++b) {
    const std::size_t end = rows * (b + 1) / count;
    batches[b].assign(order.begin() + static_cast<std::ptrdiff_t>(start),
                      order.begin() + static_cast<std::ptrdiff_t>(end));
    start = end;
  }
  return batches;
}

std::vector<BatchPlan> pk_batches(const std::vector<std::int64_t>& labels, std::size_t classes,
                                  std::size_t identities, std::size_t images_each, std::uint64_t seed,
                                  std::size_t fewest, bool repeated) {
  const auto rows = rows_by_class(labels, classes);
  Rng rng(seed, {kPkStream});
  std::vector<Group> groups;
  std::vector<std::size_t> usable;
  for (std::size_t c = 0; c < classes; ++c) {
    if (rows[c].size() < fewest) continue;
    usable.push_back(c);
    for (Group& group : class_groups(c, rows[c], images_each, rng)) groups.push_back(std::move(group));
  }
  if (usable.size() < (repeated ? 2 : identities)) {
    throw Error(ErrorCode::InvalidArgument, "--pk asks for " + std::to_string(identities) +
                                                " identities in a batch, but only " +
                                                std::to_string(usable.size()) + " have two images or more");
  }
  const std::size_t count = (groups.size() + identities - 1) / identities;
  rng.shuffle(groups);
  std::deque<Group> deck(std::make_move_iterator(groups.begin()), std::make_move_iterator(groups.end()));
  std::vector<BatchPlan> batches;
  for (std::size_t b = 0; b < count; ++b) {
    std::vector<Group> hand = deal(deck, identities, repeated);
    std::set<std::size_t> present;
    for (const Group& group : hand) present.insert(group.label);
    // The last batches may lack classes: draw some that are not there.
    while (hand.size() < identities) {
      const std::size_t label = usable[rng.below(usable.size())];
      if (present.insert(label).second || repeated)
        hand.push_back(class_groups(label, rows[label], images_each, rng).front());
    }
    BatchPlan plan;
    for (const Group& group : hand) plan.insert(plan.end(), group.rows.begin(), group.rows.end());
    batches.push_back(std::move(plan));
  }
  return batches;
}

std::vector<BatchPlan> balanced_batches(const std::vector<std::int64_t>& labels, std::size_t classes,
                                        std::size_t batch_size, std::uint64_t seed) {
  auto rows = rows_by_class(labels, classes);
  Rng rng(seed, {kBalancedStream});
  for (auto& list : rows) rng.shuffle(list);
  std::vector<std::uint32_t> filled;
  for (std::size_t c = 0; c < classes; ++c) {
    if (!rows[c].empty()) filled.push_back(static_cast<std::uint32_t>(c));
  }
  std::vector<std::uint32_t> order;
  for (std::size_t round = 0; order.size() < labels.size(); ++round) {
    rng.shuffle(filled);
    for (const std::uint32_t c : filled) order.push_back(rows[c][round % rows[c].size()]);
  }
  order.resize(labels.size());
  std::vector<BatchPlan> batches = shuffled_batches(labels.size(), batch_size, seed);
  std::size_t next = 0;
  for (BatchPlan& batch : batches) {
    for (std::uint32_t& row : batch) row = order[next++];
  }
  return batches;
}

bool in_pairs(const TrainOptions& options) noexcept {
  return has_teacher(options) && options.teacher_weights.triplet > 0 && !is_cross_kind(options);
}

std::uint64_t epoch_seed(const TrainOptions& options, std::size_t epoch) {
  return Rng(options.seed, {kEpochStream, epoch}).next();
}

std::vector<BatchPlan> epoch_batches(const TrainOptions& options, const std::vector<std::int64_t>& labels,
                                     std::size_t classes, std::size_t epoch) {
  const std::uint64_t seed = epoch_seed(options, epoch);
  if (options.loss == Loss::Triplet && options.miner == Miner::Offline) {
    const std::vector<TripletIndices> triplets = note_triplets(labels, classes, seed);
    std::vector<BatchPlan> batches = shuffled_batches(triplets.size(), options.batch_size, seed);
    for (BatchPlan& batch : batches) {
      const BatchPlan picked = std::move(batch);
      batch.clear();
      for (const std::uint32_t t : picked) batch.push_back(triplets[t].anchor);
      for (const std::uint32_t t : picked) batch.push_back(triplets[t].positive);
      for (const std::uint32_t t : picked) batch.push_back(triplets[t].negative);
    }
    return batches;
  }
  if (options.identities != 0) {
    // Virtual identities make up for those that are not there.
    const bool repeated = options.mix_identities > 0 && options.identities > classes;
    return pk_batches(labels, classes, options.identities, options.images_each, seed, 2, repeated);
  }
  if (options.sampler == Sampler::Balanced)
    return balanced_batches(labels, classes, options.batch_size, seed);
  if (!in_pairs(options)) return shuffled_batches(labels.size(), options.batch_size, seed);
  std::vector<BatchPlan> batches =
      shuffled_batches(labels.size(), std::max<std::size_t>(1, options.batch_size / 2), seed);
  for (BatchPlan& batch : batches) {
    const BatchPlan once = batch;
    batch.insert(batch.end(), once.begin(), once.end());
  }
  return batches;
}

}  // namespace training
