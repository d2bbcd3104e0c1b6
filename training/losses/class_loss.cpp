// SPDX-License-Identifier: LGPL-2.1-or-later
#include "losses/class_loss.h"

#include <torch/nn/functional/loss.h>
#include <torch/nn/init.h>

#include "losses/distances.h"

namespace training {

ClassLossFunction::ClassLossFunction(const ClassLossSetup& setup)
    : weight_(torch::empty({static_cast<std::int64_t>(setup.classes), setup.width})) {
  torch::nn::init::xavier_uniform_(weight_);
  weight_ = weight_.to(setup.device).set_requires_grad(true);
}

void ClassLossFunction::imprint(const torch::Tensor& means) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor lengths = weight_.norm(2, 1, /*keepdim=*/true);
  weight_.copy_(unit_rows(means.to(weight_.device())) * lengths);
}

/// On the CPU as a 1×1 convolution: that is oneDNN's on every machine, where a plain product takes whatever
/// BLAS is installed, which may be the unhurried reference one.
torch::Tensor product_with_rows(const torch::Tensor& a, const torch::Tensor& b) {
  if (!a.is_cpu()) return a.mm(b.t());
  const auto pixels = [](const torch::Tensor& rows) { return rows.unsqueeze(2).unsqueeze(3); };
  return torch::conv2d(pixels(a), pixels(b)).flatten(1);
}

LossValue cross_entropy_loss(const torch::Tensor& logits, const torch::Tensor& labels,
                             const torch::Tensor& scores) {
  return {torch::nn::functional::cross_entropy(logits, labels),
          scores.detach().argmax(1).eq(labels).to(torch::kFloat32).mean()};
}

}  // namespace training
