// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include <string>
#include <utility>
#include <vector>

namespace training {

/// What a loss gives for one batch. Scalars on the device of the embeddings; nothing waits for the device.
struct LossValue {
  /// Scalar with gradient.
  torch::Tensor loss;
  /// Share of the terms that give a training signal (triplets), or of right answers (classes).
  torch::Tensor active;
  /// [3] int64, triplet_kinds of the terms; undefined for losses without triplets.
  torch::Tensor kinds{};
  /// [2, 3] float32, distance_percentiles; undefined for losses without distances.
  torch::Tensor spread{};
  /// Mean cosine to the teacher's vectors; undefined without a teacher.
  torch::Tensor teacher_cosine{};
};

/// Embeddings of earlier batches that serve as further positives and negatives, without gradient (cross-batch
/// memory, Wang et al., 2020). Undefined tensors: none.
struct Memory {
  torch::Tensor values;  ///< [M, D]
  torch::Tensor labels;  ///< [M] int64; −1 marks a row that is not filled yet.
  torch::Tensor sides;   ///< [M] int64 as LossInput's; undefined where pictures are of one kind.
};

/// One batch as a loss sees it.
struct LossInput {
  torch::Tensor values;  ///< [N, D] with gradient.
  torch::Tensor labels;  ///< [N] int64
  /// [N] int64, the kind of picture each row is of; undefined: one kind. With it positives and negatives are
  /// rows of the other kind than the anchor's alone, in both directions.
  torch::Tensor sides{};
  Memory memory{};
  double margin = 0;      ///< This step's, of pairs and triplets.
  double cos_margin = 0;  ///< This step's, of classes.
};

using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

/// A loss of labelled embeddings. Not thread-safe.
class LossFunction {
 public:
  LossFunction() = default;
  virtual ~LossFunction() = default;
  LossFunction(const LossFunction&) = delete;
  LossFunction& operator=(const LossFunction&) = delete;

  virtual LossValue of(const LossInput& batch) const = 0;
  /// What learns together with the network, by the name that a checkpoint has for it.
  virtual NamedTensors parameters() const { return {}; }
};

}  // namespace training
