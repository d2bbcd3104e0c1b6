// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/nn.h>

#include "embed/embedding.h"
#include "options/train_options.h"

namespace training {

/// Distances of corresponding rows: [N, D], [N, D] → [N].
torch::Tensor row_distance(const torch::Tensor& a, const torch::Tensor& b, embed::Metric metric);
/// Distances of all pairs of rows: [N, D], [M, D] → [N, M].
torch::Tensor distance_matrix(const torch::Tensor& a, const torch::Tensor& b, embed::Metric metric);

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

/// What a loss gives for one batch. Scalars on the device of the embeddings; nothing waits for the device.
struct LossValue {
  torch::Tensor loss;  ///< Scalar with gradient.
  torch::Tensor
      active;  ///< Share of the terms that give a training signal (triplets), or of right answers (classes).
  torch::Tensor kinds;   ///< [3] int64, triplet_kinds of the terms; undefined for losses without triplets.
  torch::Tensor spread;  ///< [2, 3] float32, distance_percentiles; undefined for losses without distances.
  torch::Tensor teacher_cosine{};  ///< Mean cosine to the teacher's vectors; undefined without a teacher.
};

/// 10th, 50th and 90th percentile (the nearest rank) of the distances of positive and of negative pairs:
/// `distances` [N, M], `positive` and `negative` [N, M] bool → [2, 3] float32; NaN for a kind without pairs.
torch::Tensor distance_percentiles(const torch::Tensor& distances, const torch::Tensor& positive,
                                   const torch::Tensor& negative);

/// Embeddings of earlier batches that serve as further positives and negatives, without gradient (cross-batch
/// memory, Wang et al., 2020). Undefined tensors: none.
struct Memory {
  torch::Tensor values;  ///< [M, D]
  torch::Tensor labels;  ///< [M] int64; −1 marks a row that is not filled yet.
  torch::Tensor sides;   ///< [M] int64 as below; undefined where pictures are of one kind.
};

/// Triplets mined in one batch. `values`: [N, D], `labels`: [N] int64. Anchors without positive or negative
/// give nothing. With a memory its rows are candidates too: for BatchHard as positives and negatives, for the
/// others as negatives.
/// `sides` ([N] int64, undefined: one kind): the kind of picture each row is of; then positives and negatives
/// are rows of the other kind than the anchor's alone, in both directions.
/// - BatchHard: each anchor with its farthest positive and its nearest negative (Hermans et al., 2017).
/// - SemiHard: each anchor–positive pair with the nearest negative that is farther than the positive, else
///   with the farthest negative (Schroff et al., 2015).
/// - BatchAll: all triplets, averaged over those with a loss above zero.
/// - AllHard: all triplets whose negative is nearer than their positive, averaged.
LossValue mined_triplet_loss(const torch::Tensor& values, const torch::Tensor& labels, Miner miner,
                             const TripletLossOptions& options, const Memory& memory = {},
                             const torch::Tensor& sides = {});

/// Contrastive loss (Hadsell et al., 2006) over all pairs of a batch, each kind averaged by itself:
/// mean d² of the positive pairs + mean max(margin − d, 0)² of the negative pairs with a loss above zero.
/// For Metric::SquaredL2 d² is the distance itself. `sides` as above: only pairs across the kinds count.
LossValue contrastive_loss(const torch::Tensor& values, const torch::Tensor& labels,
                           const TripletLossOptions& options, const Memory& memory = {},
                           const torch::Tensor& sides = {});

/// Triplets laid out one after the other: [anchors; positives; negatives] → their mean loss.
LossValue offline_triplet_loss(const torch::Tensor& values, const TripletLossOptions& options);

/// CosFace (Wang et al., 2018): cross entropy over scale · (cos(value, class weight) − margin for the true
/// class). `values`: [N, D], `weight`: [classes, D]; both are divided by their norms here.
LossValue cosface_loss(const torch::Tensor& values, const torch::Tensor& labels, const torch::Tensor& weight,
                       double scale, double margin);

/// Cross entropy over values · weightᵀ + bias.
LossValue softmax_loss(const torch::Tensor& values, const torch::Tensor& labels, const torch::Tensor& weight,
                       const torch::Tensor& bias);

}  // namespace training
