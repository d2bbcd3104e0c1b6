// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include "embed/embedding.h"
#include "losses/loss.h"
#include "options/loss_options.h"

namespace training {

/// The triplet loss's options; the defaults are the founding note's.
struct TripletLossOptions {
  embed::Metric metric = embed::Metric::SquaredL2;
  double margin = 1;
  bool soft = false;  ///< log(1 + exp(d(a,p) − d(a,n))), without a margin.
};

/// max(d(a,p) − d(a,n) + margin, 0), one value a triplet: [N], [N] → [N].
torch::Tensor triplet_loss(const torch::Tensor& positive_distance, const torch::Tensor& negative_distance,
                           const TripletLossOptions& options);

/// How many triplets are easy (d(a,p) + margin < d(a,n)), semi-hard and hard (d(a,n) < d(a,p)): [N], [N] →
/// [3] int64. With `valid` ([N] bool) only those count.
torch::Tensor triplet_kinds(const torch::Tensor& positive_distance, const torch::Tensor& negative_distance,
                            double margin, const torch::Tensor& valid = {});

/// The triplet loss of the triplets that a miner finds in the batch. Anchors without positive or negative
/// give nothing. With a memory its rows are candidates too: for Miner::BatchHard as positives and negatives,
/// for the others as negatives.
LossValue mined_triplet_loss(const LossInput& batch, Miner miner, const TripletLossOptions& options);

}  // namespace training
