// SPDX-License-Identifier: LGPL-2.1-or-later
#include "losses/distances.h"

#include <torch/nn/functional/normalization.h>

#include <cmath>
#include <limits>
#include <vector>

namespace training {

namespace {

namespace F = torch::nn::functional;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
/// Below it the root's slope would blow up.
constexpr double kSmallestSquare = 1e-12;

}  // namespace

torch::Tensor unit_rows(const torch::Tensor& values) {
  return F::normalize(values, F::NormalizeFuncOptions().p(2).dim(1));
}

torch::Tensor root(const torch::Tensor& squares) {
  return squares.clamp_min(kSmallestSquare).sqrt();
}

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

Candidates candidates(const LossInput& batch, embed::Metric metric) {
  const torch::Tensor &values = batch.values, &labels = batch.labels, &sides = batch.sides;
  const Memory& memory = batch.memory;
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

LossValue mean_of_valid(const torch::Tensor& terms, const torch::Tensor& valid) {
  const torch::Tensor count = valid.sum().clamp_min(1);
  const torch::Tensor kept = torch::where(valid, terms, torch::zeros_like(terms));
  return {kept.sum() / count, kept.detach().gt(0).sum() / count.to(torch::kFloat32), {}, {}};
}

}  // namespace training
