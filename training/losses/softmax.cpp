// SPDX-License-Identifier: LGPL-2.1-or-later
// Cross entropy over values · weightᵀ + bias.
#include "losses/registry.h"

namespace training {

namespace {

class SoftmaxLoss : public ClassLossFunction {
 public:
  explicit SoftmaxLoss(const ClassLossSetup& setup)
      : ClassLossFunction(setup),
        bias_(torch::zeros({static_cast<std::int64_t>(setup.classes)},
                           torch::TensorOptions().device(setup.device))
                  .set_requires_grad(true)) {}

  LossValue of(const LossInput& batch) const override {
    const torch::Tensor logits = product_with_rows(batch.values, weight_) + bias_;
    return cross_entropy_loss(logits, batch.labels, logits);
  }
  NamedTensors parameters() const override { return {{"class_weight", weight_}, {"class_bias", bias_}}; }

 private:
  torch::Tensor bias_;  // [classes]
};

}  // namespace

std::unique_ptr<ClassLossFunction> make_softmax_loss(const ClassLossSetup& setup) {
  return std::make_unique<SoftmaxLoss>(setup);
}

}  // namespace training
