// SPDX-License-Identifier: LGPL-2.1-or-later
// Each anchor–positive pair with the nearest negative that is farther than the positive, else with the
// farthest negative (Schroff et al., 2015).
#include <limits>

#include "losses/miners.h"
#include "losses/registry.h"

namespace training {

LossValue mine_semi_hard(const LossInput& batch, const TripletLossOptions& options) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const Candidates all = candidates(batch, options.metric);
  // [anchor, positive of the batch]
  const std::int64_t rows = batch.values.size(0);
  const torch::Tensor positives = all.distances.narrow(1, 0, rows);
  const torch::Tensor positive = all.positive.narrow(1, 0, rows);
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
  return with_statistics(mean_of_valid(triplet_loss(positives, far, options), valid), all, positives, far,
                         valid, options);
}

}  // namespace training
