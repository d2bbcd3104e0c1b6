// SPDX-License-Identifier: LGPL-2.1-or-later
#include "losses.h"

#include <limits>

namespace training {

namespace {

namespace F = torch::nn::functional;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
/// Below it the root's slope would blow up.
constexpr double kSmallestSquare = 1e-12;

torch::Tensor unit_rows(const torch::Tensor& values) {
  return F::normalize(values, F::NormalizeFuncOptions().p(2).dim(1));
}

torch::Tensor root(const torch::Tensor& squares) {
  return squares.clamp_min(kSmallestSquare).sqrt();
}

LossValue class_loss(const torch::Tensor& logits, const torch::Tensor& labels, double label_smoothing,
                     const torch::Tensor& scores) {
  const auto options = F::CrossEntropyFuncOptions().label_smoothing(label_smoothing);
  return {F::cross_entropy(logits, labels, options),
          scores.detach().argmax(1).eq(labels).to(torch::kFloat32).mean(),
          {}};
}

/// `terms` and `valid`: same shape; the mean of the valid ones (0 when there is none).
LossValue mean_of_valid(const torch::Tensor& terms, const torch::Tensor& valid) {
  const torch::Tensor count = valid.sum().clamp_min(1);
  const torch::Tensor kept = torch::where(valid, terms, torch::zeros_like(terms));
  return {kept.sum() / count, kept.detach().gt(0).sum() / count.to(torch::kFloat32), {}};
}

}  // namespace

torch::Tensor row_distance(const torch::Tensor& a, const torch::Tensor& b, embed::Metric metric) {
  switch (metric) {
    case embed::Metric::L1:
      return (a - b).abs().sum(1);
    case embed::Metric::L2:
      return root((a - b).square().sum(1));
    case embed::Metric::SquaredL2:
      return (a - b).square().sum(1);
    case embed::Metric::Cosine:
      break;
  }
  return 1 - (unit_rows(a) * unit_rows(b)).sum(1);
}

torch::Tensor distance_matrix(const torch::Tensor& values, embed::Metric metric) {
  if (metric == embed::Metric::L1) return torch::cdist(values, values, 1.0);
  if (metric == embed::Metric::Cosine) {
    const torch::Tensor units = unit_rows(values);
    return 1 - units.mm(units.t());
  }
  const torch::Tensor squares = values.square().sum(1);
  const torch::Tensor distances =
      (squares.unsqueeze(0) + squares.unsqueeze(1) - 2 * values.mm(values.t())).clamp_min(0);
  return metric == embed::Metric::L2 ? root(distances) : distances;
}

torch::Tensor triplet_loss(const torch::Tensor& positive_distance, const torch::Tensor& negative_distance,
                           const TripletLossOptions& options) {
  const torch::Tensor difference = positive_distance - negative_distance;
  return options.soft ? F::softplus(difference) : (difference + options.margin).clamp_min(0);
}

torch::Tensor triplet_kinds(const torch::Tensor& positive_distance, const torch::Tensor& negative_distance,
                            double margin) {
  const torch::Tensor easy = (positive_distance + margin).lt(negative_distance).sum();
  const torch::Tensor hard = negative_distance.lt(positive_distance).sum();
  return torch::stack({easy, positive_distance.numel() - easy - hard, hard});
}

LossValue mined_triplet_loss(const torch::Tensor& values, const torch::Tensor& labels, Miner miner,
                             const TripletLossOptions& options) {
  const torch::Tensor distances = distance_matrix(values, options.metric);
  const torch::Tensor same = labels.unsqueeze(0).eq(labels.unsqueeze(1));
  const torch::Tensor other = same.logical_not();
  const torch::Tensor self = torch::eye(values.size(0), same.options());
  const torch::Tensor positive = same.logical_and(self.logical_not());
  if (miner == Miner::BatchHard) {
    const torch::Tensor farthest =
        std::get<0>(distances.masked_fill(positive.logical_not(), -kInfinity).max(1));
    const torch::Tensor nearest = std::get<0>(distances.masked_fill(same, kInfinity).min(1));
    const torch::Tensor valid = positive.any(1).logical_and(other.any(1));
    const torch::Tensor zero = torch::zeros_like(farthest);
    return mean_of_valid(
        triplet_loss(torch::where(valid, farthest, zero), torch::where(valid, nearest, zero), options),
        valid);
  }
  // [anchor, positive, negative]
  const torch::Tensor pair = distances.unsqueeze(2);
  const torch::Tensor third = distances.unsqueeze(1);
  if (miner == Miner::BatchAll) {
    const torch::Tensor triplets = positive.unsqueeze(2).logical_and(other.unsqueeze(1));
    const torch::Tensor terms = triplet_loss(pair, third, options);
    const torch::Tensor signal = triplets.logical_and(terms.detach().gt(0));
    const LossValue mean = mean_of_valid(terms, signal);
    return {mean.loss, signal.sum() / triplets.sum().clamp_min(1).to(torch::kFloat32), {}};
  }
  // The choice itself has no gradient: it is an index.
  const torch::Tensor fixed = distances.detach();
  const torch::Tensor farther = other.unsqueeze(1).logical_and(fixed.unsqueeze(1).gt(fixed.unsqueeze(2)));
  const torch::Tensor candidates =
      fixed.unsqueeze(1).expand_as(farther).masked_fill(farther.logical_not(), kInfinity);
  const torch::Tensor nearest = candidates.argmin(2);
  const torch::Tensor farthest =
      fixed.masked_fill(same, -kInfinity).argmax(1).unsqueeze(1).expand_as(nearest);
  const torch::Tensor chosen = torch::where(farther.any(2), nearest, farthest);
  const torch::Tensor valid = positive.logical_and(other.any(1).unsqueeze(1));
  return mean_of_valid(triplet_loss(distances, distances.gather(1, chosen), options), valid);
}

LossValue offline_triplet_loss(const torch::Tensor& values, const TripletLossOptions& options) {
  const std::vector<torch::Tensor> parts = values.chunk(3, 0);
  const torch::Tensor positive = row_distance(parts[0], parts[1], options.metric);
  const torch::Tensor negative = row_distance(parts[0], parts[2], options.metric);
  const torch::Tensor terms = triplet_loss(positive, negative, options);
  return {terms.mean(), terms.detach().gt(0).to(torch::kFloat32).mean(),
          triplet_kinds(positive.detach(), negative.detach(), options.margin)};
}

LossValue cosface_loss(const torch::Tensor& values, const torch::Tensor& labels, const torch::Tensor& weight,
                       double scale, double margin, double label_smoothing) {
  const torch::Tensor cosines = unit_rows(values).mm(unit_rows(weight).t());
  const torch::Tensor lowered =
      cosines.scatter_add(1, labels.unsqueeze(1),
                          torch::full({labels.size(0), 1}, -margin, cosines.options().requires_grad(false)));
  return class_loss(lowered * scale, labels, label_smoothing, cosines);
}

LossValue softmax_loss(const torch::Tensor& values, const torch::Tensor& labels, const torch::Tensor& weight,
                       const torch::Tensor& bias, double label_smoothing) {
  const torch::Tensor logits = torch::addmm(bias, values, weight.t());
  return class_loss(logits, labels, label_smoothing, logits);
}

}  // namespace training
