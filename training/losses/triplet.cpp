// SPDX-License-Identifier: LGPL-2.1-or-later
#include "losses/triplet.h"

#include <torch/nn/functional/activation.h>

#include <memory>

#include "losses/miners.h"
#include "losses/registry.h"

namespace training {

namespace F = torch::nn::functional;

torch::Tensor triplet_loss(const torch::Tensor& positive_distance, const torch::Tensor& negative_distance,
                           const TripletLossOptions& options) {
  const torch::Tensor difference = positive_distance - negative_distance;
  return options.soft ? F::softplus(difference) : (difference + options.margin).clamp_min(0);
}

torch::Tensor triplet_kinds(const torch::Tensor& positive_distance, const torch::Tensor& negative_distance,
                            double margin, const torch::Tensor& valid) {
  const torch::Tensor counted = valid.defined() ? valid : torch::ones_like(positive_distance, torch::kBool);
  const torch::Tensor easy = (positive_distance + margin).lt(negative_distance).logical_and(counted).sum();
  const torch::Tensor hard = negative_distance.lt(positive_distance).logical_and(counted).sum();
  return torch::stack({easy, counted.sum() - easy - hard, hard});
}

LossValue mined_triplet_loss(const LossInput& batch, Miner miner, const TripletLossOptions& options) {
  return miner_function(miner)(batch, options);
}

namespace {

class TripletLoss : public LossFunction {
 public:
  explicit TripletLoss(const LossOptions& options)
      : mine_(miner_function(options.miner)), options_{options.metric, options.margin, options.soft_margin} {}

  LossValue of(const LossInput& batch) const override {
    TripletLossOptions now = options_;
    now.margin = batch.margin;
    return mine_(batch, now);
  }

 private:
  MinerFunction mine_;
  TripletLossOptions options_;
};

}  // namespace

std::unique_ptr<LossFunction> make_triplet_loss(const LossOptions& options) {
  return std::make_unique<TripletLoss>(options);
}

}  // namespace training
