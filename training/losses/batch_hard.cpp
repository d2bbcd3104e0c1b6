// SPDX-License-Identifier: LGPL-2.1-or-later
// Each anchor with its farthest positive and its nearest negative (Hermans et al., 2017).
#include <limits>

#include "losses/miners.h"
#include "losses/registry.h"

namespace training {

LossValue mine_batch_hard(const LossInput& batch, const TripletLossOptions& options) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const Candidates all = candidates(batch, options.metric);
  const torch::Tensor farthest =
      std::get<0>(all.distances.masked_fill(all.positive.logical_not(), -kInfinity).max(1));
  const torch::Tensor nearest =
      std::get<0>(all.distances.masked_fill(all.negative.logical_not(), kInfinity).min(1));
  const torch::Tensor valid = all.positive.any(1).logical_and(all.negative.any(1));
  const torch::Tensor zero = torch::zeros_like(farthest);
  const torch::Tensor near = torch::where(valid, farthest, zero), far = torch::where(valid, nearest, zero);
  return with_statistics(mean_of_valid(triplet_loss(near, far, options), valid), all, near, far, valid,
                         options);
}

}  // namespace training
