// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include "embed/embedding.h"
#include "losses/loss.h"

/// What the losses are made of.
namespace training {

/// Distances of corresponding rows: [N, D], [N, D] → [N].
torch::Tensor row_distance(const torch::Tensor& a, const torch::Tensor& b, embed::Metric metric);
/// Distances of all pairs of rows: [N, D], [M, D] → [N, M].
torch::Tensor distance_matrix(const torch::Tensor& a, const torch::Tensor& b, embed::Metric metric);
/// Rows of length 1: [N, D] → [N, D].
torch::Tensor unit_rows(const torch::Tensor& values);
/// The root of squared distances, whose slope stays finite at 0.
torch::Tensor root(const torch::Tensor& squares);

/// 10th, 50th and 90th percentile (the nearest rank) of the distances of positive and of negative pairs:
/// `distances` [N, M], `positive` and `negative` [N, M] bool → [2, 3] float32; NaN for a kind without pairs.
torch::Tensor distance_percentiles(const torch::Tensor& distances, const torch::Tensor& positive,
                                   const torch::Tensor& negative);

/// The distances of one batch to the batch and the memory, and which pairs are of one identity.
struct Candidates {
  torch::Tensor distances;           ///< [N, N + M]
  torch::Tensor positive, negative;  ///< [N, N + M] bool; a row is not its own positive, and with sides
                                     ///< neither holds a pair of one side.
};
Candidates candidates(const LossInput& batch, embed::Metric metric);

/// `terms` and `valid`: same shape; the mean of the valid ones (0 when there is none).
LossValue mean_of_valid(const torch::Tensor& terms, const torch::Tensor& valid);

}  // namespace training
