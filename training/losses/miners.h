// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include "losses/distances.h"
#include "losses/triplet.h"

/// What miners share. A miner looks for triplets in a batch and gives their loss; it is a function of its own
/// file.
namespace training {

/// Adds the kinds and the percentiles of the distances. `near`, `far`: the triplets' distances, without
/// effect on the gradient; `valid`: which of them there are; all of one shape.
LossValue with_statistics(LossValue value, const Candidates& all, const torch::Tensor& near,
                          const torch::Tensor& far, const torch::Tensor& valid,
                          const TripletLossOptions& options);

/// All triplets of a batch, [anchor, positive of the batch, negative of batch and memory].
struct AllTriplets {
  Candidates candidates;
  torch::Tensor near, far;  ///< Distances of the triplets.
  torch::Tensor valid;      ///< bool: whether they are such.
};
AllTriplets all_triplets(const LossInput& batch, embed::Metric metric);
/// The mean loss of those that are in `signal`; active is their share of all.
LossValue mean_of_signal(const AllTriplets& all, const torch::Tensor& terms, const torch::Tensor& signal,
                         const TripletLossOptions& options);

}  // namespace training
