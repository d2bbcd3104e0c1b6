// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/track_evidence.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace embed {
namespace {

constexpr float kLeastWeight = 0.05F;
constexpr float kRecentWeight = 10;
// Lengths of 1 as reduced precision leaves them.
constexpr float kUnitSlack = 1e-3F;
// Embeddings that cancel each other out leave rounding errors, whose direction says nothing.
constexpr float kShortest = 1e-3F;

float square_of(const Embedding& values) noexcept {
  return std::inner_product(values.begin(), values.end(), values.begin(), 0.0F);
}

}  // namespace

void EmbeddingMean::add(const Embedding& embedding, float weight, float most) noexcept {
  weight_ = std::min(weight_ + weight, std::max(most, weight));
  const float share = weight / weight_;
  for (std::size_t i = 0; i < kEmbeddingDim; ++i) mean_[i] += share * (embedding[i] - mean_[i]);
  const float square = square_of(embedding);
  square_ += share * (square - square_);
  unit_ = unit_ && std::abs(std::sqrt(square) - 1) < kUnitSlack;
}

Embedding EmbeddingMean::scaled() const noexcept {
  const float length = std::sqrt(square_of(mean_));
  if (!unit_ || length < kShortest) return mean_;
  Embedding scaled;
  std::transform(mean_.begin(), mean_.end(), scaled.begin(),
                 [length](float value) { return value / length; });
  return scaled;
}

float EmbeddingMean::as_of_one(Metric metric, float distance) const noexcept {
  const float mean_square = square_of(mean_);
  const float spread = std::max(0.0F, square_ - mean_square);
  switch (metric) {
    case Metric::Cosine:
      // The mean cosine of the embeddings would be the mean's times `agreement`, which is its length. That
      // refuses too much; the mean's own cosine accepts too much. Their geometric mean holds the rate.
      if (square_ > 0) {
        const float agreement = std::sqrt(std::min(1.0F, mean_square / square_));
        return 1 - std::sqrt(agreement) * (1 - distance);
      }
      return distance;
    case Metric::SquaredL2:
      return distance + spread;
    case Metric::L2:
      return std::sqrt(distance * distance + spread);
    case Metric::L1:
      break;
  }
  return distance;
}

float weight_of(float quality) noexcept {
  // So written that what is not a number is the least.
  return quality > kLeastWeight ? std::min(quality, 1.0F) : kLeastWeight;
}

void TrackEvidence::add(const Embedding& embedding, float quality) noexcept {
  const float weight = weight_of(quality);
  all_.add(embedding, weight);
  recent_.add(embedding, weight, kRecentWeight);
  ++count_;
  if (quality > best_quality_ || count_ == 1) {
    best_ = embedding;
    best_quality_ = quality;
  }
}

void TrackEvidence::take_turn(const EmbeddingMean& mean, std::uint64_t count) noexcept {
  all_.add(mean.scaled(), mean.weight());
  recent_ = mean;
  count_ += count;
}

void TrackEvidence::begin_anew(const EmbeddingMean& mean, std::uint64_t count, const Embedding& latest,
                               float quality) noexcept {
  all_ = recent_ = mean;
  count_ = count;
  best_ = latest;
  best_quality_ = quality;
}

}  // namespace embed
