// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include <memory>
#include <optional>
#include <vector>

#include "data/prefetcher.h"
#include "learn/embedding_memory.h"
#include "learn/tower.h"
#include "losses/registry.h"

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

/// Everything that learns: a tower, with Towers::Separate a second one for the other kind of picture, and the
/// loss's class weights, which the first one's optimiser moves. Not thread-safe.
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
  bool has_classes() const noexcept { return class_loss_ != nullptr; }
  /// As ClassLossFunction::imprint. There are class weights.
  void imprint(const torch::Tensor& means) { class_loss_->imprint(means); }

  /// As Tower::kept().
  embed::nn::ResNet18V2& kept() { return first_.kept(); }
  /// The same of the network that the second kind of picture passes through: with shared towers the only one.
  embed::nn::ResNet18V2& kept_other() { return second_ ? second_->kept() : first_.kept(); }
  /// All live tensors by name.
  StateTensors state() const;
  /// False when a parameter or statistic is NaN or infinite.
  bool finite() const;
  std::size_t updates() const noexcept { return first_.updates(); }
  void set_updates(std::size_t updates) {
    for (Tower* tower : towers()) tower->set_updates(updates);
  }
  torch::Device device() const noexcept { return device_; }

 private:
  std::vector<Tower*> towers();
  /// `first_kind`: how many of the pictures are of the first kind; they come first.
  Tower::Values forward(const torch::Tensor& pictures, std::int64_t first_kind);
  LossValue loss_of(const Tower::Values& values, LossInput batch) const;
  /// Adds what the teacher says of the batch; `values`: the whole batch's.
  void add_teacher(const torch::Tensor& values, const Batch& batch, LossValue& value) const;
  torch::Tensor sent(const void* numbers, torch::IntArrayRef shape, torch::ScalarType type) const;
  torch::Tensor gathered(const torch::Tensor& mine, const Batch& batch) const;
  void gather(Tower::Values& values, const Batch& batch) const;
  void share_gradients();
  torch::Tensor update(double learning_rate);

  TrainOptions options_;
  embed::InputSpec input_;
  Ranks* ranks_;
  torch::Device device_;
  Tower first_;
  std::optional<Tower> second_;  // Towers::Separate
  std::unique_ptr<LossFunction> pair_loss_;
  std::unique_ptr<ClassLossFunction> class_loss_;
  EmbeddingMemory memory_;
  std::size_t waiting_ = 0;  // Batches whose gradients are added up.
};

}  // namespace training
