// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/nn.h>

#include <memory>
#include <string>
#include <vector>

#include "embed/model_info.h"
#include "embed/nn/resnet18_v2.h"
#include "learn/checkpoint.h"
#include "learn/optimizer.h"
#include "learn/ranks.h"
#include "losses/loss.h"
#include "options/train_options.h"

namespace training {

/// One network that learns, with its neck, running average and optimiser. Not thread-safe.
class Tower {
 public:
  /// The embeddings ahead of the neck (for the triplets beside a class loss) and behind it; one tensor
  /// without a neck.
  struct Values {
    torch::Tensor before, after;
  };

  /// Gives LibTorch its threads. Fresh weights come from options.seed; `init`: a weights file to start from,
  /// or "". `ranks` outlives this object and may be null. Throws embed::Error for the file (Error(Mismatch)
  /// when its channels are others).
  Tower(const TrainOptions& options, const std::string& init, const embed::InputSpec& input,
        torch::Device device, Ranks* ranks);

  /// What the optimiser moves: the network, and `more` that learns with it. To be called once, before
  /// update().
  void optimise(const NamedTensors& more, const OptimizerOptions& options);

  /// `pictures`: [N, channels, height, width] float32, normalised; in the mode that the network is in.
  Values forward(const torch::Tensor& pictures);
  void train() { network_->train(); }

  torch::Tensor gradient_norm() const { return optimizer_->gradient_norm(); }
  /// Of the network's parameters, those that are there.
  std::vector<torch::Tensor> gradients() const;
  /// One step of the optimiser, and of the running average. `norm`: of the gradients of all that learns
  /// together.
  void update(double learning_rate, double clip, const torch::Tensor& norm);
  std::size_t updates() const noexcept { return optimizer_->steps(); }
  void set_updates(std::size_t updates) { optimizer_->set_steps(updates); }

  /// What would be kept now: the running average if there is one, else the network, blended with the weights
  /// that it started from where the options say so. Changes its mode to evaluation.
  embed::nn::ResNet18V2& kept();
  bool has_neck() const noexcept { return !neck_.is_empty(); }
  /// All live tensors by name.
  StateTensors state() const;

 private:
  void begin(const std::string& init, const embed::InputSpec& input);
  void set_layers(Ranks* ranks, Precision precision);
  void make_copies(const embed::nn::ResNet18V2Options& shape, bool neck);
  void update_average();

  embed::Head head_;
  double blend_, ema_;
  torch::Device device_;
  Ranks* ranks_;
  embed::nn::ResNet18V2 network_{nullptr}, average_{nullptr}, folded_{nullptr};
  embed::nn::ResNet18V2 init_{nullptr};  // Null but with a blend: what was there at the start.
  torch::nn::BatchNorm1d neck_{nullptr}, average_neck_{nullptr};
  std::unique_ptr<Optimizer> optimizer_;
};

}  // namespace training
