// SPDX-License-Identifier: LGPL-2.1-or-later
#include "learn/tower.h"

#include <torch/utils.h>

#include <algorithm>
#include <utility>

#include "embed/error.h"
#include "embed/nn/conv3x3.h"
#include "embed/nn/weights.h"
#include "learn/device.h"
#include "learn/norm_relu.h"
#include "learn/sync_batch_norm.h"

namespace training {

namespace {

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

}  // namespace

Tower::Tower(const TrainOptions& options, const std::string& init, const embed::InputSpec& input,
             torch::Device device, Ranks* ranks)
    : head_(options.head), blend_(options.blend), ema_(options.ema), device_(device), ranks_(ranks) {
  set_threads(options);
  torch::manual_seed(options.seed);
  embed::nn::ResNet18V2Options shape;
  shape.in_channels = input.channels;
  shape.head = options.head;
  if (!init.empty()) shape.first_weights = embed::nn::FirstWeights::Undefined;
  network_ = embed::nn::ResNet18V2(shape);
  if (!init.empty()) begin(init, input);
  lay_out(network_, device_);
  set_layers(ranks, options.precision);
  if (options.neck) neck_ = make_neck(shape.embedding_dim, device_);
  shape.first_weights = embed::nn::FirstWeights::Undefined;  // The others are copies of the first one.
  make_copies(shape, options.neck);
}

void Tower::begin(const std::string& init, const embed::InputSpec& input) {
  const embed::nn::LoadedModel start = embed::nn::load_weights(init);
  if (start.info.input.channels != input.channels) {
    throw embed::Error(embed::ErrorCode::Mismatch,
                       "has " + std::to_string(start.info.input.channels) + " input channels, the data " +
                           std::to_string(input.channels),
                       init, "input");
  }
  copy_values(start.network, network_);
}

void Tower::set_layers(Ranks* ranks, Precision precision) {
  // Under autocast LibTorch's layers would choose the type of the input; here it is done by hand.
  const torch::ScalarType type = precision == Precision::Bf16 ? torch::kBFloat16 : torch::kFloat32;
  network_->set_convolution([type](const torch::Tensor& values, const torch::Tensor& weight) {
    const torch::Tensor typed = values.is_cpu() ? values.to(type) : values;
    return embed::nn::conv3x3(typed, weight);
  });
  if (ranks == nullptr) {
    network_->set_batch_norm(norm_relu);
    return;
  }
  network_->set_batch_norm(
      [ranks](torch::nn::BatchNorm2dImpl& layer, const torch::Tensor& values, bool relu) {
        torch::Tensor normal = sync_batch_norm(*ranks, layer, values);
        return relu ? normal.relu_() : normal;
      });
}

void Tower::make_copies(const embed::nn::ResNet18V2Options& shape, bool neck) {
  if (neck || blend_ < 1) {
    folded_ = embed::nn::ResNet18V2(shape);
    lay_out(folded_, device_);
  }
  if (blend_ < 1) {
    init_ = embed::nn::ResNet18V2(shape);
    lay_out(init_, device_);
    copy_values(network_, init_);
  }
  if (ema_ <= 0) return;
  average_ = embed::nn::ResNet18V2(shape);
  lay_out(average_, device_);
  copy_values(network_, average_);
  if (neck) average_neck_ = make_neck(shape.embedding_dim, device_);
  for (torch::Tensor& parameter : average_->parameters()) parameter.set_requires_grad(false);
}

void Tower::optimise(const NamedTensors& more, const OptimizerOptions& options) {
  std::vector<Parameter> parameters;
  // Batch norm's scales and shifts, and biases, have one dimension.
  for (const auto& item : network_->named_parameters())
    parameters.push_back({item.key(), item.value(), item.value().dim() > 1});
  for (const auto& [name, tensor] : more) parameters.push_back({name, tensor, tensor.dim() > 1});
  optimizer_ = std::make_unique<Optimizer>(std::move(parameters), options);
}

Tower::Values Tower::forward(const torch::Tensor& pictures) {
  const torch::Tensor raw = network_->dense(network_->features(pictures)).to(torch::kFloat32);
  const torch::Tensor before = embed::nn::apply_head(raw, head_);
  if (neck_.is_empty()) return {before, before};
  const torch::Tensor normal = ranks_ == nullptr ? neck_(raw) : sync_batch_norm(*ranks_, *neck_, raw);
  return {before, embed::nn::apply_head(normal, head_)};
}

std::vector<torch::Tensor> Tower::gradients() const {
  std::vector<torch::Tensor> gradients;
  for (const torch::Tensor& parameter : network_->parameters()) {
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  }
  return gradients;
}

void Tower::update(double learning_rate, double clip, const torch::Tensor& norm) {
  optimizer_->step(learning_rate, clip, norm);
  if (!average_.is_empty()) update_average();
}

void Tower::update_average() {
  const torch::NoGradGuard no_grad;
  const auto steps = static_cast<double>(optimizer_->steps());
  // Young averages forget the random start faster.
  const double decay = std::min(ema_, (1 + steps) / (10 + steps));
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

embed::nn::ResNet18V2& Tower::kept() {
  embed::nn::ResNet18V2& network = average_.is_empty() ? network_ : average_;
  if (folded_.is_empty()) {
    network->eval();
    return network;
  }
  copy_values(network, folded_);
  if (!neck_.is_empty()) fold(average_.is_empty() ? neck_ : average_neck_, folded_);
  if (!init_.is_empty()) mix_in(init_, 1 - blend_, folded_);
  folded_->eval();
  return folded_;
}

StateTensors Tower::state() const {
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
  for (const auto& [name, tensor] : optimizer_->state()) state["optimizer." + name] = tensor;
  return state;
}

}  // namespace training
