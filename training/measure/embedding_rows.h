// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/rng.h"
#include "embed/error.h"
#include "measure/evaluator.h"

namespace training {

/// The rows of a set, prepared for many distances between them.
class Rows {
 public:
  Rows(const LabelledEmbeddings& set, embed::Metric metric) : metric_(metric), values_(set.values) {
    if (set.values.size() != set.labels.size()) {
      throw embed::Error(embed::ErrorCode::InvalidArgument,
                         std::to_string(set.values.size()) + " embeddings, but " +
                             std::to_string(set.labels.size()) + " labels");
    }
    if (metric == embed::Metric::Cosine) normalise();
  }

  std::size_t size() const { return values_.size(); }
  const embed::Embedding& operator[](std::size_t i) const { return values_[i]; }

  float distance(const embed::Embedding& a, const embed::Embedding& b) const {
    // Between vectors of unit length 1 − a·b is half the squared distance: one sum instead of three.
    return metric_ == embed::Metric::Cosine ? embed::distance(embed::Metric::SquaredL2, a, b) / 2
                                            : embed::distance(metric_, a, b);
  }

 private:
  void normalise() {
    for (embed::Embedding& row : values_) {
      double sum = 0;
      for (const float value : row) sum += static_cast<double>(value) * value;
      // A row without a direction stays zero and is half as far from the others as one at a right angle.
      const double scale = sum > 0 ? 1 / std::sqrt(sum) : 0;
      for (float& value : row) value = static_cast<float>(value * scale);
    }
  }

  embed::Metric metric_;
  std::vector<embed::Embedding> values_;
};

/// Selection sampling (Knuth, The Art of Computer Programming 2, 3.4.2): called once for each of `left`
/// things of which `wanted` are to be taken, says whether to take this one; every choice is as likely as any
/// other.
inline bool take_one(Rng& random, std::size_t& left, std::size_t& wanted) {
  const bool take =
      wanted == left || random.uniform() * static_cast<double>(left) < static_cast<double>(wanted);
  --left;
  if (take) --wanted;
  return take;
}

/// Calls visit(i, j, distance) for all pairs i < j of the same label, and for those of different ones; when
/// there are more than `most_impostors` of these, for a seeded sample of that many.
template <typename Visit>
void for_each_pair(const LabelledEmbeddings& set, embed::Metric metric, std::size_t most_impostors,
                   std::uint64_t seed, Visit visit) {
  const Rows rows(set, metric);
  std::size_t left = 0;  // impostor pairs not yet seen
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = i + 1; j < rows.size(); ++j)
      left += static_cast<std::size_t>(set.labels[i] != set.labels[j]);
  }
  std::size_t wanted = std::min(left, most_impostors);
  Rng random(seed);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = i + 1; j < rows.size(); ++j) {
      if (set.labels[i] != set.labels[j] && !take_one(random, left, wanted)) continue;
      visit(i, j, rows.distance(rows[i], rows[j]));
    }
  }
}

}  // namespace training
