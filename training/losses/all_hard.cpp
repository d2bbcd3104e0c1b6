// SPDX-License-Identifier: LGPL-2.1-or-later
// All triplets whose negative is nearer than their positive, averaged.
#include "losses/miners.h"
#include "losses/registry.h"

namespace training {

LossValue mine_all_hard(const LossInput& batch, const TripletLossOptions& options) {
  const AllTriplets all = all_triplets(batch, options.metric);
  const torch::Tensor terms = triplet_loss(all.near, all.far, options);
  // Not "nearer": what is not a number stays in, so that this very batch's loss is none either.
  const torch::Tensor signal = all.valid.logical_and(all.far.ge(all.near).logical_not());
  return mean_of_signal(all, terms, signal, options);
}

}  // namespace training
