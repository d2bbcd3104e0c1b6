// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/ranking.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "embed/parallel.h"

namespace training {

namespace {

/// Rows that stay in the cache while a block of queries passes over them.
constexpr std::size_t kTile = 256;
constexpr std::size_t kMostQueries = 64;
/// Positives of a block's queries, of 16 bytes each.
constexpr std::size_t kMostPositives = std::size_t{1} << 18;

using Classes = std::map<std::int64_t, std::vector<std::uint32_t>>;

/// A query of a block: its row, and what is known of its neighbours.
struct Query {
  std::size_t row;
  RankedPositives found;
};

std::vector<Query> queries_of_block(const Classes& classes, const LabelledRows& known,
                                    const LabelledRows& asked, bool same_set, std::size_t first,
                                    std::size_t end) {
  std::vector<Query> queries;
  for (std::size_t q = first; q < end; ++q) {
    const auto members = classes.find(asked.labels[q]);
    if (members == classes.end()) continue;
    std::vector<Neighbour> positives;
    for (const std::uint32_t row : members->second) {
      if (same_set && row == q) continue;
      positives.push_back({known.rows.distance(asked.rows[q], known.rows[row]), row});
    }
    if (!positives.empty()) queries.push_back({q, RankedPositives(std::move(positives))});
  }
  return queries;
}

}  // namespace

RankedPositives::RankedPositives(std::vector<Neighbour> positives)
    : positives_(std::move(positives)), before_(positives_.size()) {
  std::sort(positives_.begin(), positives_.end());
}

void RankedPositives::add(const Neighbour& negative) {
  if (negative.distance > positives_.back().distance) {  // Most are.
    ++beyond_;
    return;
  }
  const auto nearer = [](const Neighbour& a, const Neighbour& b) { return a.distance < b.distance; };
  const auto [first, last] = std::equal_range(positives_.begin(), positives_.end(), negative, nearer);
  strict_ += static_cast<std::uint64_t>(first - positives_.begin());
  correct_ += static_cast<std::uint64_t>(last - positives_.begin());
  const auto place = std::lower_bound(first, last, negative);
  if (place != positives_.end()) ++before_[static_cast<std::size_t>(place - positives_.begin())];
}

std::vector<std::uint64_t> RankedPositives::ranks() const {
  std::vector<std::uint64_t> ranks = before_;
  std::partial_sum(ranks.begin(), ranks.end(), ranks.begin());
  for (std::size_t i = 0; i < ranks.size(); ++i) ranks[i] += i;
  return ranks;
}

void rank_positives(const LabelledRows& known, const LabelledRows& asked, bool same_set,
                    const std::function<void(std::size_t, const RankedPositives&)>& done) {
  Classes classes;
  for (std::size_t i = 0; i < known.labels.size(); ++i)
    classes[known.labels[i]].push_back(static_cast<std::uint32_t>(i));
  std::size_t largest = 1;
  for (const auto& [label, members] : classes) largest = std::max(largest, members.size());
  const std::size_t block = std::clamp<std::size_t>(kMostPositives / largest, 1, kMostQueries);
  embed::for_each_block(asked.rows.size(), block, [&](std::size_t first, std::size_t end) {
    std::vector<Query> queries = queries_of_block(classes, known, asked, same_set, first, end);
    for (std::size_t tile = 0; tile < known.rows.size(); tile += kTile) {
      const std::size_t tile_end = std::min(tile + kTile, known.rows.size());
      for (Query& query : queries) {
        for (std::size_t row = tile; row < tile_end; ++row) {
          if (known.labels[row] == asked.labels[query.row]) continue;
          const float distance = known.rows.distance(asked.rows[query.row], known.rows[row]);
          query.found.add({distance, static_cast<std::uint32_t>(row)});
        }
      }
    }
    for (const Query& query : queries) done(query.row, query.found);
  });
}

}  // namespace training
