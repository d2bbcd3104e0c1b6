// SPDX-License-Identifier: LGPL-2.1-or-later
#include "losses/miners.h"

#include <utility>

namespace training {

LossValue with_statistics(LossValue value, const Candidates& all, const torch::Tensor& near,
                          const torch::Tensor& far, const torch::Tensor& valid,
                          const TripletLossOptions& options) {
  value.kinds = triplet_kinds(near.detach(), far.detach(), options.soft ? 0 : options.margin, valid);
  value.spread = distance_percentiles(all.distances, all.positive, all.negative);
  return value;
}

AllTriplets all_triplets(const LossInput& batch, embed::Metric metric) {
  AllTriplets all;
  all.candidates = candidates(batch, metric);
  const std::int64_t rows = batch.values.size(0);
  const torch::Tensor& distances = all.candidates.distances;
  const torch::Tensor positive = all.candidates.positive.narrow(1, 0, rows);
  all.valid = positive.unsqueeze(2).logical_and(all.candidates.negative.unsqueeze(1));
  all.near = distances.narrow(1, 0, rows).unsqueeze(2).expand_as(all.valid);
  all.far = distances.unsqueeze(1).expand_as(all.valid);
  return all;
}

LossValue mean_of_signal(const AllTriplets& all, const torch::Tensor& terms, const torch::Tensor& signal,
                         const TripletLossOptions& options) {
  LossValue mean = mean_of_valid(terms, signal);
  mean.active = signal.sum() / all.valid.sum().clamp_min(1).to(torch::kFloat32);
  return with_statistics(std::move(mean), all.candidates, all.near, all.far, all.valid, options);
}

}  // namespace training
