// SPDX-License-Identifier: LGPL-2.1-or-later
#include "learn/learner.h"

#include <ATen/Parallel.h>
#include <torch/cuda.h>
#include <torch/utils.h>

#include <algorithm>
#include <thread>

#include "embed/error.h"
#include "embed/nn/conv3x3.h"
#include "embed/nn/weights.h"
#include "embed/preprocess.h"
#include "learn/autocast.h"
#include "learn/norm_relu.h"
#include "learn/sync_batch_norm.h"
#include "losses/teacher_losses.h"

namespace training {

namespace {

using embed::Error;
using embed::ErrorCode;

/// Parameters and running statistics by name; batch norm's counters are of no use with a fixed momentum.
StateTensors tensors_of(const embed::nn::ResNet18V2& network) {
  StateTensors tensors;
  for (const auto& item : network->named_parameters()) tensors[item.key()] = item.value();
  for (const auto& item : network->named_buffers()) {
    if (item.value().is_floating_point()) tensors[item.key()] = item.value();
  }
  return tensors;
}

void copy_values(const embed::nn::ResNet18V2& from, const embed::nn::ResNet18V2& to) {
  const torch::NoGradGuard no_grad;
  const StateTensors source = tensors_of(from);
  for (auto& [name, target] : tensors_of(to)) torch::Tensor(target).copy_(source.at(name));
}

/// oneDNN's convolutions run faster on channels-last memory, forward and backward.
void lay_out(embed::nn::ResNet18V2 network, torch::Device device) {
  network->to(device);
  for (torch::Tensor& parameter : network->parameters()) {
    if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(torch::MemoryFormat::ChannelsLast));
  }
}

torch::nn::BatchNorm1d make_neck(std::int64_t width, torch::Device device) {
  torch::nn::BatchNorm1d neck(torch::nn::BatchNorm1dOptions(width).affine(false));
  neck->to(device);
  return neck;
}

/// dense := batch norm of dense, as it is in evaluation mode.
void fold(const torch::nn::BatchNorm1d& neck, embed::nn::ResNet18V2& network) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor scale = (neck->running_var + neck->options.eps()).rsqrt();
  network->dense->weight.mul_(scale.unsqueeze(1));
  network->dense->bias.sub_(neck->running_mean).mul_(scale);
}

/// Makes that share of the network's values the other's.
void mix_in(const embed::nn::ResNet18V2& other, double share, embed::nn::ResNet18V2& network) {
  const torch::NoGradGuard no_grad;
  const StateTensors values = tensors_of(other);
  for (auto& [name, target] : tensors_of(network)) {
    torch::Tensor(target).lerp_(values.at(name), share);
  }
}

/// For the learner of a second tower: a network, its neck, average and optimiser, without what the two share.
TrainOptions second_tower(TrainOptions options) {
  options.init = options.init_other;
  options.towers = Towers::Shared;
  options.loss = Loss::Triplet;
  options.class_loss = ClassLoss::None;
  options.memory = 0;
  return options;
}

/// LibTorch's own default may count two hardware threads as one core.
int default_threads() {
  const int processors = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  return std::max(1, processors / Ranks::local_size());
}

}  // namespace

torch::Device training_device(const TrainOptions& options) {
  const std::string& name = options.device;
  const torch::Device own(torch::kCUDA, static_cast<torch::DeviceIndex>(Ranks::local_rank()));
  if (name == "cpu") return torch::kCPU;
  const bool usable = torch::cuda::is_available();
  if (name == "auto") return usable ? own : torch::Device(torch::kCPU);
  if (name.compare(0, 4, "cuda") != 0) {
    throw Error(ErrorCode::InvalidArgument,
                "--device: auto, cpu, cuda or cuda:N expected, not '" + name + "'");
  }
  if (!usable)
    throw Error(ErrorCode::Device, "--device " + name + ": no usable GPU, or this LibTorch has no CUDA");
  return name == "cuda" ? own : torch::Device(name);
}

Learner::Learner(const TrainOptions& options, const embed::InputSpec& input, std::size_t classes,
                 Ranks* ranks)
    : options_(options), input_(input), ranks_(ranks), device_(training_device(options)) {
  at::set_num_threads(options.threads > 0 ? options.threads : default_threads());
  torch::manual_seed(options.seed);
  embed::nn::ResNet18V2Options shape;
  shape.in_channels = input.channels;
  shape.head = options.head;
  network_ = embed::nn::ResNet18V2(shape);
  if (!options.init.empty()) {
    const embed::nn::LoadedModel start = embed::nn::load_weights(options.init);
    if (start.info.input.channels != input.channels) {
      throw Error(ErrorCode::Mismatch,
                  "has " + std::to_string(start.info.input.channels) + " input channels, the data " +
                      std::to_string(input.channels),
                  options.init, "input");
    }
    copy_values(start.network, network_);
  }
  lay_out(network_, device_);
  // Under autocast LibTorch's layers would choose the type of the input; here it is done by hand.
  const torch::ScalarType type = options.precision == Precision::Bf16 ? torch::kBFloat16 : torch::kFloat32;
  network_->set_convolution([type](const torch::Tensor& values, const torch::Tensor& weight) {
    const torch::Tensor typed = values.is_cpu() ? values.to(type) : values;
    return embed::nn::conv3x3(typed, weight);
  });
  if (ranks_ == nullptr) {
    network_->set_batch_norm(norm_relu);
  } else {
    network_->set_batch_norm(
        [ranks](torch::nn::BatchNorm2dImpl& layer, const torch::Tensor& values, bool relu) {
          torch::Tensor normal = sync_batch_norm(*ranks, layer, values);
          return relu ? normal.relu_() : normal;
        });
  }
  if (options.neck) neck_ = make_neck(shape.embedding_dim, device_);
  if (options.neck || options.blend < 1) {
    folded_ = embed::nn::ResNet18V2(shape);
    lay_out(folded_, device_);
  }
  if (options.blend < 1) {
    init_ = embed::nn::ResNet18V2(shape);
    lay_out(init_, device_);
    copy_values(network_, init_);
  }
  if (options.ema > 0) {
    average_ = embed::nn::ResNet18V2(shape);
    lay_out(average_, device_);
    copy_values(network_, average_);
    if (options.neck) average_neck_ = make_neck(shape.embedding_dim, device_);
    for (torch::Tensor& parameter : average_->parameters()) parameter.set_requires_grad(false);
  }
  std::vector<Parameter> parameters;
  for (const auto& item : network_->named_parameters()) {
    // Batch norm's scales and shifts, and biases, have one dimension.
    parameters.push_back({item.key(), item.value(), item.value().dim() > 1});
  }
  if (options.memory > 0) {
    const auto rows = static_cast<std::int64_t>(options.memory);
    const auto on_device = torch::TensorOptions().device(device_);
    memory_values_ = torch::zeros({rows, shape.embedding_dim}, on_device);
    memory_labels_ = torch::full({rows}, -1.0, on_device);
    memory_next_ = torch::zeros({1}, on_device);
    if (is_cross_kind(options)) memory_sides_ = torch::zeros({rows}, on_device);
  }
  if (class_loss_of(options) != ClassLoss::None) {
    const auto rows = static_cast<std::int64_t>(classes);
    class_weight_ = torch::empty({rows, shape.embedding_dim});
    torch::nn::init::xavier_uniform_(class_weight_);
    class_weight_ = class_weight_.to(device_).set_requires_grad(true);
    parameters.push_back({"class_weight", class_weight_, true});
    if (class_loss_of(options) == ClassLoss::Softmax) {
      class_bias_ = torch::zeros({rows}, torch::TensorOptions().device(device_)).set_requires_grad(true);
      parameters.push_back({"class_bias", class_bias_, false});
    }
  }
  optimizer_ = std::make_unique<Optimizer>(std::move(parameters), options);
  if (options.towers == Towers::Separate)
    other_ = std::make_unique<Learner>(second_tower(options), input, classes, ranks);
}

Learner::Values Learner::forward_pass(const torch::Tensor& pictures) {
  const torch::Tensor raw = network_->dense(network_->features(pictures)).to(torch::kFloat32);
  const torch::Tensor before = embed::nn::apply_head(raw, options_.head);
  if (neck_.is_empty()) return {before, before};
  const torch::Tensor normal = ranks_ == nullptr ? neck_(raw) : sync_batch_norm(*ranks_, *neck_, raw);
  return {before, embed::nn::apply_head(normal, options_.head)};
}

Learner::Values Learner::forward(const torch::Tensor& pictures, std::int64_t first_kind) {
  const Autocast autocast(device_.type(), options_.precision == Precision::Bf16);
  std::vector<torch::Tensor> parts;  // The first one is all of the first kind, or all there is.
  if (options_.separate_passes && is_offline(options_)) {
    parts = pictures.chunk(3, 0);
  } else if (other_ != nullptr) {
    parts = {pictures.narrow(0, 0, first_kind),
             pictures.narrow(0, first_kind, pictures.size(0) - first_kind)};
  } else {
    return forward_pass(pictures);
  }
  std::vector<torch::Tensor> before, after;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Learner& tower = i > 0 && other_ != nullptr ? *other_ : *this;
    const Values values = tower.forward_pass(parts[i]);
    before.push_back(values.before);
    after.push_back(values.after);
  }
  const torch::Tensor joined = torch::cat(before);
  return {joined, neck_.is_empty() ? joined : torch::cat(after)};
}

LossValue Learner::class_loss(const torch::Tensor& values, const torch::Tensor& labels,
                              double cosface_margin) const {
  return class_loss_of(options_) == ClassLoss::CosFace
             ? cosface_loss(values, labels, class_weight_, options_.scale, cosface_margin)
             : softmax_loss(values, labels, class_weight_, class_bias_);
}

LossValue Learner::pair_loss(const torch::Tensor& values, const torch::Tensor& labels,
                             const torch::Tensor& sides, double margin) const {
  const TripletLossOptions triplet{options_.metric, margin, options_.soft_margin};
  if (is_offline(options_)) return offline_triplet_loss(values, triplet);
  Memory memory;
  if (memory_values_.defined()) memory = {memory_values_, memory_labels_.to(torch::kInt64), {}};
  if (memory_sides_.defined()) memory.sides = memory_sides_.to(torch::kInt64);
  return options_.loss == Loss::Contrastive
             ? contrastive_loss(values, labels, triplet, memory, sides)
             : mined_triplet_loss(values, labels, options_.miner, triplet, memory, sides);
}

LossValue Learner::loss_of(const Values& values, const torch::Tensor& labels, const torch::Tensor& sides,
                           const StepSettings& settings) const {
  if (options_.loss == Loss::None) {
    LossValue nothing;
    nothing.loss = torch::zeros({}, values.after.options());
    nothing.active = torch::ones({}, values.after.options());
    return nothing;
  }
  if (options_.loss == Loss::CosFace || options_.loss == Loss::Softmax)
    return class_loss(values.after, labels, settings.cosface_margin);
  if (options_.class_loss == ClassLoss::None) return pair_loss(values.after, labels, sides, settings.margin);
  LossValue value = pair_loss(values.before, labels, sides, settings.margin);
  value.loss = value.loss +
               options_.class_loss_weight * class_loss(values.after, labels, settings.cosface_margin).loss;
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

/// Every rank went back from the whole loss through its own rows: the sum over the ranks is the gradient. The
/// class weights see all rows on every rank.
void Learner::share_gradients() {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> gradients;
  for (Learner* tower : {this, other_.get()}) {
    if (tower == nullptr) continue;
    for (const torch::Tensor& parameter : tower->network_->parameters()) {
      if (parameter.grad().defined()) gradients.push_back(parameter.grad());
    }
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

void Learner::imprint(const torch::Tensor& means) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor lengths = class_weight_.norm(2, 1, /*keepdim=*/true);
  const torch::Tensor directions = embed::nn::apply_head(means.to(device_), embed::Head::L2);
  class_weight_.copy_(directions * lengths);
}

void Learner::remember(const torch::Tensor& values, const torch::Tensor& labels, const torch::Tensor& sides) {
  const torch::NoGradGuard no_grad;
  const std::int64_t rows = memory_values_.size(0);
  const torch::Tensor at =
      (torch::arange(std::min(values.size(0), rows), memory_next_.options()) + memory_next_)
          .to(torch::kInt64) %
      rows;
  const std::int64_t count = at.size(0);
  memory_values_.index_copy_(0, at, values.detach().narrow(0, 0, count));
  memory_labels_.index_copy_(0, at, labels.narrow(0, 0, count).to(torch::kFloat32));
  if (memory_sides_.defined())
    memory_sides_.index_copy_(0, at, sides.narrow(0, 0, count).to(torch::kFloat32));
  memory_next_.add_(static_cast<double>(count)).remainder_(static_cast<double>(rows));
}

/// The caller's numbers on the device. On the CPU they are borrowed; nothing writes through the result.
torch::Tensor Learner::sent(const void* numbers, torch::IntArrayRef shape, torch::ScalarType type) const {
  const torch::Tensor here = torch::from_blob(const_cast<void*>(numbers), shape, type);
  // Out of pinned memory the copy waits for nothing, and the work of the step before goes on.
  return device_.is_cuda() ? here.pin_memory().to(device_, /*non_blocking=*/true) : here;
}

StepValue Learner::step(const Batch& batch, const StepSettings& settings, const torch::Tensor& made) {
  network_->train();
  if (other_ != nullptr) other_->network_->train();
  const auto total = static_cast<std::int64_t>(batch.labels.size());
  const auto count = static_cast<std::int64_t>(batch.pictures.size() / embed::crop_bytes(input_));
  const torch::Tensor pictures =
      made.defined()
          ? made
          : sent(batch.pictures.data(), {count, input_.height, input_.width, input_.channels}, torch::kUInt8);
  const torch::Tensor labels = sent(batch.labels.data(), {total}, torch::kInt64);
  torch::Tensor sides;
  if (!batch.sides.empty()) sides = sent(batch.sides.data(), {total}, torch::kInt64);
  Values values =
      forward(embed::nn::normalise(pictures, input_), static_cast<std::int64_t>(batch.first_kind));
  if (ranks_ != nullptr) {
    const bool same = values.before.is_same(values.after);
    values.after = gathered(values.after, batch);
    values.before = same ? values.after : gathered(values.before, batch);
  }
  StepValue value;
  static_cast<LossValue&>(value) = loss_of(values, labels, sides, settings);
  if (!batch.targets.empty()) add_teacher(values.after, batch, value);
  const bool one = options_.accumulate == 1;
  (one ? value.loss : value.loss / static_cast<double>(options_.accumulate)).backward();
  value.loss = value.loss.detach();
  if (memory_values_.defined())
    remember(options_.class_loss == ClassLoss::None ? values.after : values.before, labels, sides);
  if (++waiting_ < options_.accumulate && !settings.last_of_epoch) return value;
  waiting_ = 0;
  if (ranks_ != nullptr) share_gradients();
  value.gradient_norm = update(settings.learning_rate);
  return value;
}

/// One step of all that learns; the result is the joint norm of the gradients.
torch::Tensor Learner::update(double learning_rate) {
  torch::Tensor norm = optimizer_->gradient_norm();
  if (other_ != nullptr) norm = torch::stack({norm, other_->optimizer_->gradient_norm()}).norm();
  for (Learner* tower : {this, other_.get()}) {
    if (tower == nullptr) continue;
    tower->optimizer_->step(learning_rate, options_.clip_gradient, norm);
    if (!tower->average_.is_empty()) tower->update_average();
  }
  return norm;
}

void Learner::update_average() {
  const torch::NoGradGuard no_grad;
  const auto steps = static_cast<double>(optimizer_->steps());
  // Young averages forget the random start faster.
  const double decay = std::min(options_.ema, (1 + steps) / (10 + steps));
  const StateTensors source = tensors_of(network_);
  std::vector<torch::Tensor> averages, values;
  for (auto& [name, target] : tensors_of(average_)) {
    averages.push_back(target);
    values.push_back(source.at(name));
  }
  if (device_.is_cuda()) {
    // A call a tensor would take longer than the arithmetic.
    at::_foreach_mul_(averages, decay);
    at::_foreach_add_(averages, values, 1 - decay);
  } else {
    for (std::size_t i = 0; i < averages.size(); ++i) averages[i].lerp_(values[i], 1 - decay);
  }
  if (!neck_.is_empty()) {
    average_neck_->running_mean.lerp_(neck_->running_mean, 1 - decay);
    average_neck_->running_var.lerp_(neck_->running_var, 1 - decay);
  }
}

embed::nn::ResNet18V2& Learner::kept() {
  embed::nn::ResNet18V2& network = average_.is_empty() ? network_ : average_;
  if (folded_.is_empty()) {
    network->eval();
    return network;
  }
  copy_values(network, folded_);
  if (!neck_.is_empty()) fold(average_.is_empty() ? neck_ : average_neck_, folded_);
  if (!init_.is_empty()) mix_in(init_, 1 - options_.blend, folded_);
  folded_->eval();
  return folded_;
}

StateTensors Learner::state() const {
  StateTensors state;
  for (const auto& [name, tensor] : tensors_of(network_)) state["network." + name] = tensor;
  if (!average_.is_empty()) {
    for (const auto& [name, tensor] : tensors_of(average_)) state["average." + name] = tensor;
  }
  if (!neck_.is_empty()) {
    state["neck.running_mean"] = neck_->running_mean;
    state["neck.running_var"] = neck_->running_var;
    if (!average_neck_.is_empty()) {
      state["average_neck.running_mean"] = average_neck_->running_mean;
      state["average_neck.running_var"] = average_neck_->running_var;
    }
  }
  if (class_weight_.defined()) state["class_weight"] = class_weight_;
  if (class_bias_.defined()) state["class_bias"] = class_bias_;
  if (memory_values_.defined()) {
    state["memory.values"] = memory_values_;
    state["memory.labels"] = memory_labels_;
    state["memory.next"] = memory_next_;
  }
  if (memory_sides_.defined()) state["memory.sides"] = memory_sides_;
  if (other_ != nullptr) {
    for (const auto& [name, tensor] : other_->state()) state["other." + name] = tensor;
  }
  for (const auto& [name, tensor] : optimizer_->state()) state["optimizer." + name] = tensor;
  return state;
}

bool Learner::finite() const {
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : state()) {
    if (!torch::isfinite(tensor).all().item<bool>()) return false;
  }
  return true;
}

}  // namespace training
