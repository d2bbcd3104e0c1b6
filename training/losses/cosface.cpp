// SPDX-License-Identifier: LGPL-2.1-or-later
// CosFace (Wang et al., 2018): cross entropy over scale · (cos(value, class weight) − margin for the true
// class). Values and weights are divided by their norms here.
#include "losses/distances.h"
#include "losses/registry.h"

namespace training {

namespace {

class CosFaceLoss : public ClassLossFunction {
 public:
  explicit CosFaceLoss(const ClassLossSetup& setup) : ClassLossFunction(setup), scale_(setup.options.scale) {}

  LossValue of(const LossInput& batch) const override {
    const torch::Tensor cosines = product_with_rows(unit_rows(batch.values), unit_rows(weight_));
    const torch::Tensor margins =
        torch::full({batch.labels.size(0), 1}, -batch.cos_margin, cosines.options().requires_grad(false));
    const torch::Tensor lowered = cosines.scatter_add(1, batch.labels.unsqueeze(1), margins);
    return cross_entropy_loss(lowered * scale_, batch.labels, cosines);
  }

 private:
  double scale_;
};

}  // namespace

std::unique_ptr<ClassLossFunction> make_cosface_loss(const ClassLossSetup& setup) {
  return std::make_unique<CosFaceLoss>(setup);
}

}  // namespace training
