// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/nn.h>

#include "learn/ranks.h"

namespace training {

/// Batch norm in training mode whose mean and variance are those of all ranks' batches together, forward and
/// backward, so that N ranks compute what one would with N times the batch. `input`: [N, C] or [N, C, H, W];
/// the layer's running statistics follow, as its own forward would have it. Collective: see Ranks.
torch::Tensor sync_batch_norm(Ranks& ranks, const torch::Tensor& input, const torch::Tensor& weight,
                              const torch::Tensor& bias, torch::Tensor running_mean,
                              torch::Tensor running_var, double momentum, double eps);

/// The same for a layer of LibTorch's (BatchNorm1dImpl, BatchNorm2dImpl).
template <typename Layer>
torch::Tensor sync_batch_norm(Ranks& ranks, Layer& layer, const torch::Tensor& input) {
  return sync_batch_norm(ranks, input, layer.weight, layer.bias, layer.running_mean, layer.running_var,
                         *layer.options.momentum(), layer.options.eps());
}

}  // namespace training
