// SPDX-License-Identifier: LGPL-2.1-or-later
#include "losses/losses.h"

#include <cmath>
#include <limits>
#include <vector>

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

/// a·bᵀ for [N, D] and [M, D]. On the CPU as a 1×1 convolution: that is oneDNN's on every machine, where a
/// plain product takes whatever BLAS is installed, which may be the unhurried reference one.
torch::Tensor product_with_rows(const torch::Tensor& a, const torch::Tensor& b) {
  if (!a.is_cpu()) return a.mm(b.t());
  const auto pixels = [](const torch::Tensor& rows) { return rows.unsqueeze(2).unsqueeze(3); };
  return torch::conv2d(pixels(a), pixels(b)).flatten(1);
}

LossValue class_loss(const torch::Tensor& logits, const torch::Tensor& labels, const torch::Tensor& scores) {
  return {F::cross_entropy(logits, labels),
          scores.detach().argmax(1).eq(labels).to(torch::kFloat32).mean(),
          {},
          {}};
}

/// `terms` and `valid`: same shape; the mean of the valid ones (0 when there is none).
LossValue mean_of_valid(const torch::Tensor& terms, const torch::Tensor& valid) {
  const torch::Tensor count = valid.sum().clamp_min(1);
  const torch::Tensor kept = torch::where(valid, terms, torch::zeros_like(terms));
  return {kept.sum() / count, kept.detach().gt(0).sum() / count.to(torch::kFloat32), {}, {}};
}

/// Marks one kind in the row [positives, negatives].
torch::Tensor half(const torch::Tensor& positive, const torch::Tensor& negative, bool first) {
  return torch::cat({torch::full_like(positive, first, torch::kBool),
                     torch::full_like(negative, !first, torch::kBool)})
      .unsqueeze(0);
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

torch::Tensor distance_matrix(const torch::Tensor& a, const torch::Tensor& b, embed::Metric metric) {
  if (metric == embed::Metric::L1) return torch::cdist(a, b, 1.0);
  if (metric == embed::Metric::Cosine) return 1 - unit_rows(a).mm(unit_rows(b).t());
  const torch::Tensor squares = a.square().sum(1).unsqueeze(1) + b.square().sum(1).unsqueeze(0);
  const torch::Tensor distances = (squares - 2 * a.mm(b.t())).clamp_min(0);
  return metric == embed::Metric::L2 ? root(distances) : distances;
}

torch::Tensor distance_percentiles(const torch::Tensor& distances, const torch::Tensor& positive,
                                   const torch::Tensor& negative) {
  const torch::Tensor shares =
      torch::tensor({0.1F, 0.5F, 0.9F}).to(distances.options(), /*non_blocking=*/true);
  std::vector<torch::Tensor> rows;
  for (const torch::Tensor& kind : {positive, negative}) {
    // The others sort behind: the count stays on the device.
    const torch::Tensor sorted =
        std::get<0>(distances.detach().masked_fill(kind.logical_not(), kInfinity).flatten().sort());
    const torch::Tensor count = kind.sum();
    const torch::Tensor rank = (shares * (count - 1).clamp_min(0)).round().to(torch::kInt64);
    rows.push_back(sorted.gather(0, rank).masked_fill(count.eq(0), std::nanf("")));
  }
  return torch::stack(rows);
}

torch::Tensor triplet_loss(const torch::Tensor& positive_distance, const torch::Tensor& negative_distance,
                           const TripletLossOptions& options) {
  const torch::Tensor difference = positive_distance - negative_distance;
  return options.soft ? F::softplus(difference) : (difference + options.margin).clamp_min(0);
}

torch::Tensor triplet_kinds(const torch::Tensor& positive_distance, const torch::Tensor& negative_distance,
                            double margin, const torch::Tensor& valid) {
  const torch::Tensor counted = valid.defined() ? valid : torch::ones_like(positive_distance, torch::kBool);
  const torch::Tensor easy = (positive_distance + margin).lt(negative_distance).logical_and(counted).sum();
  const torch::Tensor hard = negative_distance.lt(positive_distance).logical_and(counted).sum();
  return torch::stack({easy, counted.sum() - easy - hard, hard});
}

namespace {

/// The distances of one batch to the batch and the memory, and which pairs are of one identity.
struct Candidates {
  torch::Tensor distances;           // [N, N + M]
  torch::Tensor positive, negative;  // [N, N + M] bool; a row is not its own positive, and with sides
                                     // neither holds a pair of one side.
};

Candidates candidates(const torch::Tensor& values, const torch::Tensor& labels, embed::Metric metric,
                      const Memory& memory, const torch::Tensor& sides) {
  torch::Tensor known = values, known_labels = labels, known_sides = sides;
  if (memory.values.defined()) {
    known = torch::cat({values, memory.values});
    known_labels = torch::cat({labels, memory.labels});
    if (sides.defined()) known_sides = torch::cat({sides, memory.sides});
  }
  Candidates result;
  result.distances = distance_matrix(values, known, metric);
  const torch::Tensor same = labels.unsqueeze(1).eq(known_labels.unsqueeze(0));
  const torch::Tensor filled = known_labels.ge(0).unsqueeze(0);
  const torch::Tensor self = torch::eye(values.size(0), known.size(0), same.options());
  result.positive = same.logical_and(self.logical_not());
  result.negative = same.logical_not().logical_and(filled);
  if (sides.defined()) {
    const torch::Tensor across = sides.unsqueeze(1).ne(known_sides.unsqueeze(0));
    result.positive = result.positive.logical_and(across);
    result.negative = result.negative.logical_and(across);
  }
  return result;
}

}  // namespace

LossValue mined_triplet_loss(const torch::Tensor& values, const torch::Tensor& labels, Miner miner,
                             const TripletLossOptions& options, const Memory& memory,
                             const torch::Tensor& sides) {
  const Candidates all = candidates(values, labels, options.metric, memory, sides);
  const torch::Tensor spread = distance_percentiles(all.distances, all.positive, all.negative);
  const auto result = [&](LossValue value, const torch::Tensor& near, const torch::Tensor& far,
                          const torch::Tensor& valid) {
    value.kinds = triplet_kinds(near.detach(), far.detach(), options.soft ? 0 : options.margin, valid);
    value.spread = spread;
    return value;
  };
  if (miner == Miner::BatchHard) {
    const torch::Tensor farthest =
        std::get<0>(all.distances.masked_fill(all.positive.logical_not(), -kInfinity).max(1));
    const torch::Tensor nearest =
        std::get<0>(all.distances.masked_fill(all.negative.logical_not(), kInfinity).min(1));
    const torch::Tensor valid = all.positive.any(1).logical_and(all.negative.any(1));
    const torch::Tensor zero = torch::zeros_like(farthest);
    const torch::Tensor near = torch::where(valid, farthest, zero), far = torch::where(valid, nearest, zero);
    return result(mean_of_valid(triplet_loss(near, far, options), valid), near, far, valid);
  }
  // [anchor, positive of the batch, negative]
  const std::int64_t rows = values.size(0);
  const torch::Tensor positives = all.distances.narrow(1, 0, rows);
  const torch::Tensor positive = all.positive.narrow(1, 0, rows);
  if (miner == Miner::BatchAll || miner == Miner::AllHard) {
    const torch::Tensor triplets = positive.unsqueeze(2).logical_and(all.negative.unsqueeze(1));
    const torch::Tensor near = positives.unsqueeze(2).expand_as(triplets);
    const torch::Tensor far = all.distances.unsqueeze(1).expand_as(triplets);
    const torch::Tensor terms = triplet_loss(near, far, options);
    const torch::Tensor signal =
        // Not "above": what is not a number stays in, so that this very batch's loss is none either.
        triplets.logical_and((miner == Miner::BatchAll ? terms.detach().le(0) : far.ge(near)).logical_not());
    LossValue mean = mean_of_valid(terms, signal);
    mean.active = signal.sum() / triplets.sum().clamp_min(1).to(torch::kFloat32);
    return result(mean, near, far, triplets);
  }
  // The choice itself has no gradient: it is an index.
  const torch::Tensor fixed = all.distances.detach();
  const torch::Tensor fixed_positives = positives.detach();
  const torch::Tensor farther =
      all.negative.unsqueeze(1).logical_and(fixed.unsqueeze(1).gt(fixed_positives.unsqueeze(2)));
  const torch::Tensor ranked =
      fixed.unsqueeze(1).expand_as(farther).masked_fill(farther.logical_not(), kInfinity);
  const torch::Tensor nearest = ranked.argmin(2);
  const torch::Tensor farthest =
      fixed.masked_fill(all.negative.logical_not(), -kInfinity).argmax(1).unsqueeze(1).expand_as(nearest);
  const torch::Tensor chosen = torch::where(farther.any(2), nearest, farthest);
  const torch::Tensor valid = positive.logical_and(all.negative.any(1).unsqueeze(1));
  const torch::Tensor far = all.distances.gather(1, chosen);
  return result(mean_of_valid(triplet_loss(positives, far, options), valid), positives, far, valid);
}

LossValue contrastive_loss(const torch::Tensor& values, const torch::Tensor& labels,
                           const TripletLossOptions& options, const Memory& memory,
                           const torch::Tensor& sides) {
  const Candidates all = candidates(values, labels, options.metric, memory, sides);
  const bool squared = options.metric == embed::Metric::SquaredL2;
  const torch::Tensor pull = squared ? all.distances : all.distances.square();
  const torch::Tensor gap = (options.margin - (squared ? root(all.distances) : all.distances)).clamp_min(0);
  const LossValue near = mean_of_valid(pull, all.positive);
  const torch::Tensor signal = all.negative.logical_and(gap.detach().gt(0));
  const LossValue far = mean_of_valid(gap.square(), signal);
  LossValue value;
  value.loss = near.loss + far.loss;
  value.active = signal.sum() / all.negative.sum().clamp_min(1).to(torch::kFloat32);
  value.spread = distance_percentiles(all.distances, all.positive, all.negative);
  return value;
}

LossValue offline_triplet_loss(const torch::Tensor& values, const TripletLossOptions& options) {
  const std::vector<torch::Tensor> parts = values.chunk(3, 0);
  const torch::Tensor positive = row_distance(parts[0], parts[1], options.metric);
  const torch::Tensor negative = row_distance(parts[0], parts[2], options.metric);
  const torch::Tensor terms = triplet_loss(positive, negative, options);
  return {terms.mean(), terms.detach().gt(0).to(torch::kFloat32).mean(),
          triplet_kinds(positive.detach(), negative.detach(), options.soft ? 0 : options.margin),
          distance_percentiles(torch::cat({positive, negative}).unsqueeze(0), half(positive, negative, true),
                               half(positive, negative, false))};
}

LossValue cosface_loss(const torch::Tensor& values, const torch::Tensor& labels, const torch::Tensor& weight,
                       double scale, double margin) {
  const torch::Tensor cosines = product_with_rows(unit_rows(values), unit_rows(weight));
  const torch::Tensor lowered =
      cosines.scatter_add(1, labels.unsqueeze(1),
                          torch::full({labels.size(0), 1}, -margin, cosines.options().requires_grad(false)));
  return class_loss(lowered * scale, labels, cosines);
}

LossValue softmax_loss(const torch::Tensor& values, const torch::Tensor& labels, const torch::Tensor& weight,
                       const torch::Tensor& bias) {
  const torch::Tensor logits = product_with_rows(values, weight) + bias;
  return class_loss(logits, labels, logits);
}

}  // namespace training
