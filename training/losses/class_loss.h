// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include <cstddef>

#include "losses/loss.h"
#include "options/loss_options.h"

namespace training {

/// What a class loss is made with.
struct ClassLossSetup {
  const LossOptions& options;
  std::size_t classes;
  std::int64_t width;  ///< Of an embedding.
  torch::Device device;
};

/// A loss that has a row of weights for each class. It looks at LossInput's values, labels and cos_margin
/// alone.
class ClassLossFunction : public LossFunction {
 public:
  /// Fresh weights come from LibTorch's generator (Glorot and Bengio, 2010).
  explicit ClassLossFunction(const ClassLossSetup& setup);

  NamedTensors parameters() const override { return {{"class_weight", weight_}}; }
  /// The weights become the mean directions of their pictures' embeddings (weight imprinting, Qi et al.,
  /// "Low-Shot Learning with Imprinted Weights", 2018), as long as they are now. `means`: [classes, width]
  /// float32.
  void imprint(const torch::Tensor& means);

 protected:
  torch::Tensor weight_;  // [classes, width]
};

/// a·bᵀ for [N, D] and [M, D].
torch::Tensor product_with_rows(const torch::Tensor& a, const torch::Tensor& b);
/// Cross entropy of `logits`, [N, classes]; right answers are those of `scores`, of the same shape.
LossValue cross_entropy_loss(const torch::Tensor& logits, const torch::Tensor& labels,
                             const torch::Tensor& scores);

}  // namespace training
