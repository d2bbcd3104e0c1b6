// SPDX-License-Identifier: LGPL-2.1-or-later
#include "identification.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <map>
#include <thread>

#include "embed/error.h"
#include "embedding_rows.h"
#include "rng.h"

namespace training {

namespace {

using embed::Error;
using embed::ErrorCode;

constexpr std::uint64_t kOpenSetStream = 40;

struct Neighbour {
  float distance;
  std::uint32_t row;
};

bool nearer(const Neighbour& a, const Neighbour& b) {
  return a.distance != b.distance ? a.distance < b.distance : a.row < b.row;
}

/// What one query adds: sums, divided by the number of queries at the end.
struct Sums {
  double first = 0, r_precision = 0, average_precision = 0;
  std::vector<double> ranks;
  std::uint64_t correct = 0, strict = 0;

  void add(const Sums& other) {
    first += other.first;
    r_precision += other.r_precision;
    average_precision += other.average_precision;
    for (std::size_t k = 0; k < ranks.size(); ++k) ranks[k] += other.ranks[k];
    correct += other.correct;
    strict += other.strict;
  }
};

/// `others`: all other rows with their distances, in any order; sorted here.
void add_query(const std::vector<std::int64_t>& labels, std::int64_t label, std::size_t relevant,
               const std::vector<std::size_t>& ks, std::vector<Neighbour>& others, Sums& sums) {
  std::sort(others.begin(), others.end(), nearer);
  const auto hit = [&](std::size_t i) { return labels[others[i].row] == label; };
  sums.first += hit(0) ? 1 : 0;
  std::size_t hits = 0;
  double precisions = 0;
  for (std::size_t i = 0; i < relevant; ++i) {
    if (!hit(i)) continue;
    ++hits;
    precisions += static_cast<double>(hits) / static_cast<double>(i + 1);
  }
  sums.r_precision += static_cast<double>(hits) / static_cast<double>(relevant);
  sums.average_precision += precisions / static_cast<double>(relevant);
  std::size_t best = 0;
  while (!hit(best)) ++best;
  for (std::size_t k = 0; k < ks.size(); ++k) sums.ranks[k] += best < ks[k] ? 1 : 0;
  // Negatives farther than each positive, runs of equal distances together.
  std::uint64_t behind = others.size() - relevant;
  for (std::size_t start = 0; start < others.size();) {
    std::size_t end = start;
    std::uint64_t positives = 0, negatives = 0;
    for (; end < others.size() && others[end].distance == others[start].distance; ++end) {
      ++(hit(end) ? positives : negatives);
    }
    sums.correct += positives * behind;
    behind -= negatives;
    sums.strict += positives * behind;
    start = end;
  }
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

  Sums total;
  total.ranks.resize(ranks.size());
  std::atomic<std::size_t> next{0};
  // Sums of doubles depend on their order: every query has its place, so that any number of threads agree.
  std::vector<Sums> by_query(rows.size());
  const auto work = [&] {
    std::vector<Neighbour> others;
    for (std::size_t q = next++; q < rows.size(); q = next++) {
      const std::size_t size = class_size.at(set.labels[q]);
      if (size < 2) continue;
      others.clear();
      for (std::size_t i = 0; i < rows.size(); ++i) {
        if (i != q) others.push_back({rows.distance(rows[q], rows[i]), static_cast<std::uint32_t>(i)});
      }
      by_query[q].ranks.resize(ranks.size());
      add_query(set.labels, set.labels[q], size - 1, ranks, others, by_query[q]);
    }
  };
  std::vector<std::thread> helpers;
  for (unsigned i = 1; i < std::thread::hardware_concurrency(); ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
  for (const Sums& sums : by_query) {
    if (!sums.ranks.empty() || ranks.empty()) total.add(sums);
  }
  const auto count = static_cast<double>(result.queries);
  result.precision_at_1 = total.first / count;
  result.r_precision = total.r_precision / count;
  result.map_at_r = total.average_precision / count;
  for (const double sum : total.ranks) result.rank_rates.push_back(sum / count);
  result.triplets_correct = total.correct;
  result.triplets_strict = total.strict;
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
      if (nearer(one, best)) best = one;
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
