// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery_reference.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

namespace gallery_reference {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<std::size_t> nearest_rows(const std::vector<float>& distance, std::size_t k) {
  std::vector<std::size_t> order(distance.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return distance[a] < distance[b]; });
  order.resize(std::min(k, order.size()));
  while (!order.empty() && distance[order.back()] == kInfinity) order.pop_back();
  return order;
}

std::int64_t vote(const embed::Gallery& gallery, const std::vector<std::size_t>& rows) {
  std::int64_t winner = -1;
  std::ptrdiff_t most = 0;
  for (const std::size_t row : rows) {
    const auto votes = std::count_if(rows.begin(), rows.end(), [&](std::size_t other) {
      return gallery.identity(other) == gallery.identity(row);
    });
    if (votes > most) {
      most = votes;
      winner = gallery.identity(row);
    }
  }
  return winner;
}

}  // namespace

embed::Match match(const embed::Gallery& gallery, const embed::Embedding& query,
                   const embed::MatchOptions& options) {
  std::vector<float> distance(gallery.rows());
  for (std::size_t r = 0; r < distance.size(); ++r) {
    embed::Embedding row{};
    std::copy_n(gallery.row(r), row.size(), row.begin());
    distance[r] = embed::distance(options.metric, query, row);
  }
  embed::Match match;
  match.distance = match.runner_up_distance = kInfinity;
  match.nearest_id = vote(gallery, nearest_rows(distance, options.k));
  for (std::size_t r = 0; r < distance.size(); ++r) {
    if (gallery.identity(r) == match.nearest_id) {
      match.distance = std::min(match.distance, distance[r]);
    } else if (distance[r] < match.runner_up_distance) {
      match.runner_up_distance = distance[r];
      match.runner_up_id = gallery.identity(r);
    }
  }
  if (distance.empty()) {
    match.unknown = embed::Unknown::NoGallery;
  } else if (match.nearest_id < 0 || (options.threshold && match.distance > *options.threshold)) {
    match.unknown = embed::Unknown::Far;
  } else if (options.margin > 0 && match.runner_up_distance - match.distance < options.margin) {
    match.unknown = embed::Unknown::Ambiguous;
  } else {
    match.label_id = match.nearest_id;
  }
  return match;
}

void expect_same(const embed::Match& answer, const embed::Match& expected) {
  EXPECT_EQ(answer.label_id, expected.label_id);
  EXPECT_EQ(answer.nearest_id, expected.nearest_id);
  EXPECT_EQ(answer.distance, expected.distance);
  EXPECT_EQ(answer.runner_up_id, expected.runner_up_id);
  EXPECT_EQ(answer.runner_up_distance, expected.runner_up_distance);
  EXPECT_EQ(answer.unknown, expected.unknown);
}

}  // namespace gallery_reference
