// SPDX-License-Identifier: LGPL-2.1-or-later
#include "enrolment/select_rows.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace enrolment {

std::vector<std::size_t> select_diverse(const std::vector<embed::Embedding>& embeddings, std::size_t most,
                                        embed::Metric metric, double outliers) {
  std::vector<std::size_t> order(embeddings.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (embeddings.size() <= most) return order;

  std::vector<double> to_all(embeddings.size(), 0.0);
  for (std::size_t i = 0; i < embeddings.size(); ++i) {
    for (const embed::Embedding& other : embeddings)
      to_all[i] += embed::distance(metric, embeddings[i], other);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return to_all[a] < to_all[b]; });
  const auto inner = static_cast<std::size_t>(static_cast<double>(order.size()) * (1 - outliers));
  order.resize(std::max(inner, most));

  std::vector<std::size_t> taken = {order.front()};
  std::vector<float> nearest(order.size(), std::numeric_limits<float>::infinity());
  while (taken.size() < most) {
    for (std::size_t i = 0; i < order.size(); ++i) {
      nearest[i] =
          std::min(nearest[i], embed::distance(metric, embeddings[order[i]], embeddings[taken.back()]));
    }
    const auto farthest = std::max_element(nearest.begin(), nearest.end());
    if (*farthest <= 0) break;  // only copies of what is taken are left
    taken.push_back(order[static_cast<std::size_t>(farthest - nearest.begin())]);
  }
  std::sort(taken.begin(), taken.end());
  return taken;
}

}  // namespace enrolment
