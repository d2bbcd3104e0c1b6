// SPDX-License-Identifier: LGPL-2.1-or-later
// The founding note's triplets, laid out one after the other: [anchors; positives; negatives].
#include <vector>

#include "losses/miners.h"
#include "losses/registry.h"

namespace training {

namespace {

/// Marks one kind in the row [positives, negatives].
torch::Tensor half(const torch::Tensor& positive, const torch::Tensor& negative, bool first) {
  return torch::cat({torch::full_like(positive, first, torch::kBool),
                     torch::full_like(negative, !first, torch::kBool)})
      .unsqueeze(0);
}

}  // namespace

LossValue mine_offline(const LossInput& batch, const TripletLossOptions& options) {
  const std::vector<torch::Tensor> parts = batch.values.chunk(3, 0);
  const torch::Tensor positive = row_distance(parts[0], parts[1], options.metric);
  const torch::Tensor negative = row_distance(parts[0], parts[2], options.metric);
  const torch::Tensor terms = triplet_loss(positive, negative, options);
  return {terms.mean(), terms.detach().gt(0).to(torch::kFloat32).mean(),
          triplet_kinds(positive.detach(), negative.detach(), options.soft ? 0 : options.margin),
          distance_percentiles(torch::cat({positive, negative}).unsqueeze(0), half(positive, negative, true),
                               half(positive, negative, false))};
}

}  // namespace training
