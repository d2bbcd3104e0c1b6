// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "losses/registry.h"

/// The registry's losses as functions of plain tensors.
namespace training {

inline LossValue mined_triplet_loss(const torch::Tensor& values, const torch::Tensor& labels, Miner miner,
                                    const TripletLossOptions& options, const Memory& memory = {},
                                    const torch::Tensor& sides = {}) {
  return mined_triplet_loss({values, labels, sides, memory}, miner, options);
}

inline LossValue offline_triplet_loss(const torch::Tensor& values, const TripletLossOptions& options) {
  return mined_triplet_loss({values, {}}, Miner::Offline, options);
}

inline LossValue contrastive_loss(const torch::Tensor& values, const torch::Tensor& labels,
                                  const TripletLossOptions& options, const Memory& memory = {},
                                  const torch::Tensor& sides = {}) {
  LossOptions wanted;
  wanted.loss = Loss::Contrastive;
  wanted.metric = options.metric;
  return make_pair_loss(wanted)->of({values, labels, sides, memory, options.margin});
}

}  // namespace training
