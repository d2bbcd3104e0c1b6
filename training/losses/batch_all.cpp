// SPDX-License-Identifier: LGPL-2.1-or-later
// All triplets, averaged over those with a loss above zero.
#include "losses/miners.h"
#include "losses/registry.h"

namespace training {

LossValue mine_batch_all(const LossInput& batch, const TripletLossOptions& options) {
  const AllTriplets all = all_triplets(batch, options.metric);
  const torch::Tensor terms = triplet_loss(all.near, all.far, options);
  // Not "above": what is not a number stays in, so that this very batch's loss is none either.
  const torch::Tensor signal = all.valid.logical_and(terms.detach().le(0).logical_not());
  return mean_of_signal(all, terms, signal, options);
}

}  // namespace training
