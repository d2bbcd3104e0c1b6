// SPDX-License-Identifier: LGPL-2.1-or-later
#include "learn/learner.h"

#include <algorithm>
#include <utility>

#include "embed/nn/conv3x3.h"
#include "embed/nn/weights.h"
#include "embed/preprocess.h"
#include "learn/autocast.h"
#include "learn/device.h"
#include "losses/teacher_losses.h"

namespace training {

Learner::Learner(const TrainOptions& options, const embed::InputSpec& input, std::size_t classes,
                 Ranks* ranks)
    : options_(options),
      input_(input),
      ranks_(ranks),
      device_(training_device(options)),
      first_(options, options.init, input, device_, ranks),
      pair_loss_(make_pair_loss(options)),
      class_loss_(make_class_loss({options, classes, embed::kEmbeddingDim, device_})),
      memory_(options.memory, embed::kEmbeddingDim, is_cross_kind(options), device_) {
  first_.optimise(class_loss_ == nullptr ? NamedTensors() : class_loss_->parameters(), options);
  if (options.towers != Towers::Separate) return;
  second_.emplace(options, options.init_other, input, device_, ranks);
  second_->optimise({}, options);
}

std::vector<Tower*> Learner::towers() {
  std::vector<Tower*> all = {&first_};
  if (second_) all.push_back(&*second_);
  return all;
}

Tower::Values Learner::forward(const torch::Tensor& pictures, std::int64_t first_kind) {
  const Autocast autocast(device_.type(), options_.precision == Precision::Bf16);
  std::vector<torch::Tensor> parts;  // The first one is all of the first kind, or all there is.
  if (options_.separate_passes && is_offline(options_)) {
    parts = pictures.chunk(3, 0);
  } else if (second_) {
    parts = {pictures.narrow(0, 0, first_kind),
             pictures.narrow(0, first_kind, pictures.size(0) - first_kind)};
  } else {
    return first_.forward(pictures);
  }
  std::vector<torch::Tensor> before, after;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Tower::Values values = (i > 0 && second_ ? *second_ : first_).forward(parts[i]);
    before.push_back(values.before);
    after.push_back(values.after);
  }
  const torch::Tensor joined = torch::cat(before);
  return {joined, first_.has_neck() ? torch::cat(after) : joined};
}

LossValue Learner::loss_of(const Tower::Values& values, LossInput batch) const {
  batch.values = values.after;
  if (pair_loss_ == nullptr && class_loss_ == nullptr) {
    const auto like = values.after.options();
    return {torch::zeros({}, like), torch::ones({}, like)};
  }
  if (pair_loss_ == nullptr) return class_loss_->of(batch);
  if (class_loss_ == nullptr) return pair_loss_->of(batch);
  LossInput ahead_of_neck = batch;
  ahead_of_neck.values = values.before;
  LossValue value = pair_loss_->of(ahead_of_neck);
  value.loss = value.loss + options_.class_loss_weight * class_loss_->of(batch).loss;
  return value;
}

void Learner::add_teacher(const torch::Tensor& values, const Batch& batch, LossValue& value) const {
  const auto total = static_cast<std::int64_t>(batch.rows.size());
  const auto width = static_cast<std::int64_t>(embed::kEmbeddingDim);
  const auto count = static_cast<std::int64_t>(batch.targets.size()) / width;
  torch::Tensor targets = sent(batch.targets.data(), {count, width}, torch::kFloat32);
  if (count != total) targets = gathered(targets, batch);
  const TeacherLoss teacher = teacher_loss(values, targets, sent(batch.rows.data(), {total}, torch::kInt64),
                                           options_.teacher_weights);
  value.loss = value.loss + teacher.loss;
  value.teacher_cosine = teacher.cosine;
}

/// The whole batch's values, in its order; gradients reach this rank's own rows only.
torch::Tensor Learner::gathered(const torch::Tensor& mine, const Batch& batch) const {
  const auto ranks = static_cast<std::size_t>(ranks_->size());
  const auto rank = static_cast<std::size_t>(ranks_->rank());
  std::vector<std::int64_t> counts, row_of(batch.labels.size());
  std::int64_t start = 0, row = 0;
  for (std::size_t r = 0; r < ranks; ++r) {
    const std::vector<std::size_t> places = places_of({r, ranks}, batch.labels.size(), batch_parts(options_));
    if (r == rank) start = row;
    counts.push_back(static_cast<std::int64_t>(places.size()));
    for (const std::size_t place : places) row_of[place] = row++;
  }
  const torch::Tensor all = ranks_->gather(mine, counts);
  const std::int64_t end = start + mine.size(0);
  const torch::Tensor live = torch::cat({all.narrow(0, 0, start), mine, all.narrow(0, end, row - end)});
  return live.index_select(0, torch::tensor(row_of, torch::kInt64).to(device_));
}

void Learner::gather(Tower::Values& values, const Batch& batch) const {
  const bool same = values.before.is_same(values.after);
  values.after = gathered(values.after, batch);
  values.before = same ? values.after : gathered(values.before, batch);
}

/// Every rank went back from the whole loss through its own rows: the sum over the ranks is the gradient. The
/// class weights see all rows on every rank.
void Learner::share_gradients() {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> gradients;
  for (const Tower* tower : towers()) {
    for (const torch::Tensor& gradient : tower->gradients()) gradients.push_back(gradient);
  }
  std::vector<torch::Tensor> flat;
  for (const torch::Tensor& gradient : gradients) flat.push_back(gradient.flatten());
  torch::Tensor joined = torch::cat(flat);
  ranks_->sum(joined);
  std::int64_t at = 0;
  for (torch::Tensor& gradient : gradients) {
    gradient.copy_(joined.narrow(0, at, gradient.numel()).view(gradient.sizes()));
    at += gradient.numel();
  }
}

/// The caller's numbers on the device. On the CPU they are borrowed; nothing writes through the result.
torch::Tensor Learner::sent(const void* numbers, torch::IntArrayRef shape, torch::ScalarType type) const {
  const torch::Tensor here = torch::from_blob(const_cast<void*>(numbers), shape, type);
  // Out of pinned memory the copy waits for nothing, and the work of the step before goes on.
  return device_.is_cuda() ? here.pin_memory().to(device_, /*non_blocking=*/true) : here;
}

StepValue Learner::step(const Batch& batch, const StepSettings& settings, const torch::Tensor& made) {
  for (Tower* tower : towers()) tower->train();
  const auto total = static_cast<std::int64_t>(batch.labels.size());
  const auto count = static_cast<std::int64_t>(batch.pictures.size() / embed::crop_bytes(input_));
  const torch::Tensor pictures =
      made.defined()
          ? made
          : sent(batch.pictures.data(), {count, input_.height, input_.width, input_.channels}, torch::kUInt8);
  LossInput seen;
  seen.labels = sent(batch.labels.data(), {total}, torch::kInt64);
  if (!batch.sides.empty()) seen.sides = sent(batch.sides.data(), {total}, torch::kInt64);
  seen.margin = settings.margin;
  seen.cos_margin = settings.cosface_margin;
  Tower::Values values =
      forward(embed::nn::normalise(pictures, input_), static_cast<std::int64_t>(batch.first_kind));
  if (ranks_ != nullptr) gather(values, batch);
  seen.memory = memory_.view();
  StepValue value;
  static_cast<LossValue&>(value) = loss_of(values, seen);
  if (!batch.targets.empty()) add_teacher(values.after, batch, value);
  const bool one = options_.accumulate == 1;
  (one ? value.loss : value.loss / static_cast<double>(options_.accumulate)).backward();
  value.loss = value.loss.detach();
  memory_.remember(options_.class_loss == ClassLoss::None ? values.after : values.before, seen.labels,
                   seen.sides);
  if (++waiting_ < options_.accumulate && !settings.last_of_epoch) return value;
  waiting_ = 0;
  if (ranks_ != nullptr) share_gradients();
  value.gradient_norm = update(settings.learning_rate);
  return value;
}

/// One step of all that learns; the result is the joint norm of the gradients.
torch::Tensor Learner::update(double learning_rate) {
  torch::Tensor norm = first_.gradient_norm();
  if (second_) norm = torch::stack({norm, second_->gradient_norm()}).norm();
  for (Tower* tower : towers()) tower->update(learning_rate, options_.clip_gradient, norm);
  return norm;
}

StateTensors Learner::state() const {
  StateTensors state = first_.state();
  if (class_loss_ != nullptr) {
    for (const auto& [name, tensor] : class_loss_->parameters()) state[name] = tensor;
  }
  memory_.add_to(state);
  if (second_) {
    for (const auto& [name, tensor] : second_->state()) state["other." + name] = tensor;
  }
  return state;
}

bool Learner::finite() const {
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : state()) {
    if (!embed::nn::all_finite(tensor)) return false;
  }
  return true;
}

}  // namespace training
