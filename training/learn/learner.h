// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include <memory>

#include "data/prefetcher.h"
#include "embed/nn/resnet18_v2.h"
#include "learn/checkpoint.h"
#include "learn/optimizer.h"
#include "learn/ranks.h"
#include "losses/losses.h"

namespace training {

/// What changes from step to step.
struct StepSettings {
  double learning_rate = 0;
  double cosface_margin = 0;
  double margin = 0;           ///< Of the triplet or contrastive loss.
  bool last_of_epoch = false;  ///< Updates also with fewer batches than options.accumulate.
};

struct StepValue : LossValue {
  torch::Tensor gradient_norm;  ///< Scalar; undefined when the step made no update.
};

/// What options.device stands for here; of several ranks on one machine each has its own GPU. Throws
/// embed::Error(Device | InvalidArgument).
torch::Device training_device(const TrainOptions& options);

/// Everything that learns: the network, the loss's class weights, their optimiser and the running average;
/// with Towers::Separate a second network for the other kind of picture, with all that belongs to it.
/// Not thread-safe.
class Learner {
 public:
  /// Fresh weights come from options.seed. Throws embed::Error for the file of options.init (Error(Mismatch)
  /// when its channels are others) and Error(Device) for a device that is not there.
  /// With `ranks`, which outlive this object and may be null, every step is one of all ranks together: each
  /// embeds its share of the batch, the loss is that of the whole batch, and all ranks' weights stay the
  /// same.
  Learner(const TrainOptions& options, const embed::InputSpec& input, std::size_t classes,
          Ranks* ranks = nullptr);

  /// One forward and backward pass, and after `options.accumulate` of them, or when the settings say so, an
  /// update. The result has no gradient any more.
  /// `made`: the batch's pictures where they are on the device already, [count, height, width, channels]
  /// uint8; undefined: those of the batch.
  StepValue step(const Batch& batch, const StepSettings& settings, const torch::Tensor& made = {});
  /// True when no gradient waits for its update: the state is then all there is.
  bool settled() const noexcept { return waiting_ == 0; }

  /// Whether there are class weights that could follow the pictures' embeddings.
  bool has_classes() const noexcept { return class_weight_.defined(); }
  /// Class weights begin as the mean directions of their pictures' embeddings (weight imprinting, Qi et al.,
  /// "Low-Shot Learning with Imprinted Weights", 2018), as long as the random ones are. `means`: [classes,
  /// 128] float32 on the CPU.
  void imprint(const torch::Tensor& means);

  /// What would be kept now: the running average if there is one, else the network, blended with the weights
  /// that it started from where the options say so. Changes its mode to evaluation.
  embed::nn::ResNet18V2& kept();
  /// The same of the network that the second kind of picture passes through: with shared towers the only one.
  embed::nn::ResNet18V2& kept_other() { return other_ == nullptr ? kept() : other_->kept(); }
  /// All live tensors by name.
  StateTensors state() const;
  /// False when a parameter or statistic is NaN or infinite.
  bool finite() const;
  std::size_t updates() const noexcept { return optimizer_->steps(); }
  void set_updates(std::size_t updates) {
    optimizer_->set_steps(updates);
    if (other_ != nullptr) other_->set_updates(updates);
  }
  torch::Device device() const noexcept { return device_; }

 private:
  /// The embeddings ahead of the neck (for the triplets beside a class loss) and behind it.
  struct Values {
    torch::Tensor before, after;
  };
  /// `first_kind`: how many of the pictures are of the first kind; they come first.
  Values forward(const torch::Tensor& pictures, std::int64_t first_kind);
  Values forward_pass(const torch::Tensor& pictures);
  LossValue class_loss(const torch::Tensor& values, const torch::Tensor& labels, double cosface_margin) const;
  /// `labels`, `sides`: [N] of the whole batch; `sides` as in mined_triplet_loss.
  LossValue pair_loss(const torch::Tensor& values, const torch::Tensor& labels, const torch::Tensor& sides,
                      double margin) const;
  LossValue loss_of(const Values& values, const torch::Tensor& labels, const torch::Tensor& sides,
                    const StepSettings& settings) const;
  /// Adds what the teacher says of the batch; `values`: the whole batch's.
  void add_teacher(const torch::Tensor& values, const Batch& batch, LossValue& value) const;
  torch::Tensor sent(const void* numbers, torch::IntArrayRef shape, torch::ScalarType type) const;
  torch::Tensor gathered(const torch::Tensor& mine, const Batch& batch) const;
  void share_gradients();
  void remember(const torch::Tensor& values, const torch::Tensor& labels, const torch::Tensor& sides);
  torch::Tensor update(double learning_rate);
  void update_average();

  TrainOptions options_;
  embed::InputSpec input_;
  Ranks* ranks_;
  torch::Device device_;
  embed::nn::ResNet18V2 network_{nullptr}, average_{nullptr}, folded_{nullptr};
  embed::nn::ResNet18V2 init_{nullptr};  // Null but with a blend: what was there at the start.
  torch::nn::BatchNorm1d neck_{nullptr}, average_neck_{nullptr};
  torch::Tensor class_weight_, class_bias_;
  torch::Tensor memory_values_, memory_labels_;  // [memory, 128], [memory] float32 (−1: empty)
  torch::Tensor memory_sides_;                   // [memory] float32; undefined with one kind of picture
  torch::Tensor memory_next_;                    // [1] float32: the row that is written next
  std::size_t waiting_ = 0;                      // Batches whose gradients are added up
  std::unique_ptr<Optimizer> optimizer_;
  /// Towers::Separate: the second tower. It has no loss of its own; this learner calls its forward pass and
  /// its update.
  std::unique_ptr<Learner> other_;
};

}  // namespace training
