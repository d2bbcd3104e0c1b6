// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include <memory>

#include "checkpoint.h"
#include "embed/nn/resnet18_v2.h"
#include "losses.h"
#include "optimizer.h"
#include "prefetcher.h"

namespace training {

/// Everything that learns: the network, the loss's class weights, their optimiser and the running average.
/// Not thread-safe.
class Learner {
 public:
  /// Fresh weights come from options.seed. Throws embed::Error for the file of options.init (Error(Mismatch)
  /// when its channels are others) and Error(Device) for a device that is not there.
  Learner(const TrainOptions& options, const embed::InputSpec& input, std::size_t classes);

  /// One forward pass, backward pass and update. The result has no gradient any more.
  LossValue step(const Batch& batch, double learning_rate, double cosface_margin);

  /// What would be kept now: the running average if there is one, else the network. Changes its mode to
  /// evaluation.
  embed::nn::ResNet18V2& kept();
  /// All live tensors by name.
  StateTensors state() const;
  /// False when a parameter or statistic is NaN or infinite.
  bool finite() const;
  void set_steps(std::size_t steps) { optimizer_->set_steps(steps); }
  torch::Device device() const noexcept { return device_; }

 private:
  torch::Tensor forward(const torch::Tensor& pictures);
  torch::Tensor forward_pass(const torch::Tensor& pictures);
  LossValue loss_of(const torch::Tensor& values, const torch::Tensor& labels, double cosface_margin) const;
  void update_average();

  TrainOptions options_;
  embed::InputSpec input_;
  torch::Device device_;
  embed::nn::ResNet18V2 network_{nullptr}, average_{nullptr}, folded_{nullptr};
  torch::nn::BatchNorm1d neck_{nullptr}, average_neck_{nullptr};
  torch::Tensor class_weight_, class_bias_;
  std::unique_ptr<Optimizer> optimizer_;
};

}  // namespace training
