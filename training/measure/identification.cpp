// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/identification.h"

#include <algorithm>
#include <limits>
#include <map>

#include "base/rng.h"
#include "embed/error.h"
#include "measure/embedding_rows.h"
#include "measure/ranking.h"

namespace training {

namespace {

using embed::Error;
using embed::ErrorCode;

constexpr std::uint64_t kOpenSetStream = 40;

/// What one query adds.
struct Answer {
  double r_precision = 0, average_precision = 0;
  std::uint64_t best = 0;  // Rows nearer than the nearest of its class.
  std::uint64_t correct = 0, strict = 0;
};

Answer answer_of(const RankedPositives& found) {
  const std::vector<std::uint64_t> ranks = found.ranks();
  Answer answer;
  std::size_t hits = 0;  // Among the R nearest.
  double precisions = 0;
  for (; hits < ranks.size() && ranks[hits] < ranks.size(); ++hits)
    precisions += static_cast<double>(hits + 1) / static_cast<double>(ranks[hits] + 1);
  const auto relevant = static_cast<double>(ranks.size());
  answer.r_precision = static_cast<double>(hits) / relevant;
  answer.average_precision = precisions / relevant;
  answer.best = ranks.front();
  answer.correct = found.correct();
  answer.strict = found.strict();
  return answer;
}

}  // namespace

Retrieval retrieval(const LabelledEmbeddings& set, embed::Metric metric,
                    const std::vector<std::size_t>& ranks) {
  const Rows rows(set, metric);
  std::map<std::int64_t, std::size_t> class_size;
  for (const std::int64_t label : set.labels) ++class_size[label];
  if (class_size.size() < 2)
    throw Error(ErrorCode::InvalidArgument, "retrieval needs rows of two classes at least");
  Retrieval result;
  result.ranks = ranks;
  for (const auto& [label, size] : class_size) {
    if (size < 2) continue;
    result.queries += size;
    result.triplets += static_cast<std::uint64_t>(size) * (size - 1) * (rows.size() - size);
  }
  if (result.queries == 0) throw Error(ErrorCode::InvalidArgument, "no class has two rows or more");

  // Sums of doubles depend on their order: every query has its place, so that any number of threads agree.
  std::vector<Answer> answers(rows.size());
  const LabelledRows all{rows, set.labels};
  rank_positives(all, all, /*same_set=*/true,
                 [&](std::size_t query, const RankedPositives& found) { answers[query] = answer_of(found); });
  const auto count = static_cast<double>(result.queries);
  std::size_t first = 0;
  std::vector<std::size_t> within(ranks.size());
  for (std::size_t q = 0; q < answers.size(); ++q) {
    if (class_size.at(set.labels[q]) < 2) continue;
    const Answer& answer = answers[q];
    first += answer.best == 0 ? 1 : 0;
    result.r_precision += answer.r_precision;
    result.map_at_r += answer.average_precision;
    for (std::size_t k = 0; k < ranks.size(); ++k) within[k] += answer.best < ranks[k] ? 1 : 0;
    result.triplets_correct += answer.correct;
    result.triplets_strict += answer.strict;
  }
  result.precision_at_1 = static_cast<double>(first) / count;
  result.r_precision /= count;
  result.map_at_r /= count;
  for (const std::size_t queries : within) result.rank_rates.push_back(static_cast<double>(queries) / count);
  return result;
}

OpenSet open_set(const LabelledEmbeddings& set, embed::Metric metric, const std::vector<double>& fars,
                 std::uint64_t seed) {
  const Rows rows(set, metric);
  std::map<std::int64_t, std::vector<std::size_t>> classes;
  for (std::size_t i = 0; i < rows.size(); ++i) classes[set.labels[i]].push_back(i);
  std::vector<std::int64_t> candidates;
  for (const auto& [label, members] : classes) {
    if (members.size() >= 2) candidates.push_back(label);
  }
  if (candidates.size() < 2) {
    throw Error(ErrorCode::InvalidArgument,
                "open-set identification needs two identities with two rows or more");
  }
  Rng rng(seed, {kOpenSetStream});
  rng.shuffle(candidates);
  candidates.resize(candidates.size() / 2);
  OpenSet result;
  result.enrolled = candidates.size();
  std::vector<std::size_t> gallery;
  for (const std::int64_t label : candidates) gallery.push_back(classes.at(label).front());
  const auto nearest = [&](std::size_t probe) {
    Neighbour best{std::numeric_limits<float>::infinity(), 0};
    for (const std::size_t row : gallery) {
      const Neighbour one{rows.distance(rows[probe], rows[row]), static_cast<std::uint32_t>(row)};
      if (one < best) best = one;
    }
    return best;
  };
  std::vector<float> unknown,
      right;  // Distances of unknown probes; of known ones whose nearest row is theirs.
  for (const auto& [label, members] : classes) {
    const bool is_enrolled = std::find(candidates.begin(), candidates.end(), label) != candidates.end();
    for (std::size_t i = is_enrolled ? 1 : 0; i < members.size(); ++i) {
      const Neighbour found = nearest(members[i]);
      if (!is_enrolled) {
        unknown.push_back(found.distance);
        continue;
      }
      ++result.known_probes;
      if (set.labels[found.row] == label) right.push_back(found.distance);
    }
  }
  result.unknown_probes = unknown.size();
  std::sort(unknown.begin(), unknown.end());
  for (const double far : fars) {
    const auto named = static_cast<std::size_t>(far * static_cast<double>(unknown.size()) * (1 + 1e-12));
    const float threshold = named < unknown.size()
                                ? std::nextafter(unknown[named], -std::numeric_limits<float>::infinity())
                                : std::numeric_limits<float>::infinity();
    const auto accepted = std::count_if(right.begin(), right.end(), [&](float d) { return d <= threshold; });
    result.points.push_back(
        {far, static_cast<double>(accepted) / static_cast<double>(result.known_probes), threshold});
  }
  return result;
}

}  // namespace training
