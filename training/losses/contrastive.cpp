// SPDX-License-Identifier: LGPL-2.1-or-later
// Contrastive loss (Hadsell et al., 2006) over all pairs of a batch, each kind averaged by itself: mean d² of
// the positive pairs + mean max(margin − d, 0)² of the negative pairs with a loss above zero. For
// Metric::SquaredL2 d² is the distance itself.
#include "losses/distances.h"
#include "losses/registry.h"

namespace training {

namespace {

class ContrastiveLoss : public LossFunction {
 public:
  explicit ContrastiveLoss(embed::Metric metric) : metric_(metric) {}

  LossValue of(const LossInput& batch) const override {
    const Candidates all = candidates(batch, metric_);
    const bool squared = metric_ == embed::Metric::SquaredL2;
    const torch::Tensor pull = squared ? all.distances : all.distances.square();
    const torch::Tensor gap = (batch.margin - (squared ? root(all.distances) : all.distances)).clamp_min(0);
    const LossValue near = mean_of_valid(pull, all.positive);
    const torch::Tensor signal = all.negative.logical_and(gap.detach().gt(0));
    const LossValue far = mean_of_valid(gap.square(), signal);
    LossValue value;
    value.loss = near.loss + far.loss;
    value.active = signal.sum() / all.negative.sum().clamp_min(1).to(torch::kFloat32);
    value.spread = distance_percentiles(all.distances, all.positive, all.negative);
    return value;
  }

 private:
  embed::Metric metric_;
};

}  // namespace

std::unique_ptr<LossFunction> make_contrastive_loss(const LossOptions& options) {
  return std::make_unique<ContrastiveLoss>(options.metric);
}

}  // namespace training
