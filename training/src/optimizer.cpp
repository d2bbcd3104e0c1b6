// SPDX-License-Identifier: LGPL-2.1-or-later
#include "optimizer.h"

#include <cmath>

namespace training {

namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEpsilon = 1e-8;

}  // namespace

Optimizer::Optimizer(std::vector<Parameter> parameters, const TrainOptions& options)
    : kind_(options.optimizer),
      momentum_(options.momentum),
      weight_decay_(options.weight_decay),
      nesterov_(options.nesterov) {
  const torch::NoGradGuard no_grad;
  for (Parameter& parameter : parameters) {
    Slot slot{std::move(parameter), {}, {}};
    if (kind_ == OptimizerKind::AdamW || momentum_ > 0) slot.first = torch::zeros_like(slot.parameter.value);
    if (kind_ == OptimizerKind::AdamW) slot.second = torch::zeros_like(slot.parameter.value);
    slots_.push_back(std::move(slot));
  }
}

torch::Tensor Optimizer::gradient_norm() const {
  std::vector<torch::Tensor> norms;
  for (const Slot& slot : slots_) {
    const torch::Tensor& gradient = slot.parameter.value.grad();
    if (gradient.defined()) norms.push_back(gradient.norm());
  }
  return norms.empty() ? torch::zeros({}) : torch::stack(norms).norm();
}

torch::Tensor Optimizer::step(double learning_rate, double clip) {
  const torch::NoGradGuard no_grad;
  ++steps_;
  const torch::Tensor norm = gradient_norm();
  const torch::Tensor factor = clip > 0 ? (clip / (norm + kEpsilon)).clamp_max(1) : torch::Tensor();
  for (Slot& slot : slots_) {
    torch::Tensor& gradient = slot.parameter.value.mutable_grad();
    if (!gradient.defined()) continue;
    if (factor.defined()) gradient.mul_(factor);
    if (kind_ == OptimizerKind::Sgd) {
      step_sgd(slot, gradient, learning_rate);
    } else {
      step_adamw(slot, gradient, learning_rate);
    }
    gradient.reset();
  }
  return norm;
}

void Optimizer::step_sgd(Slot& slot, torch::Tensor gradient, double learning_rate) const {
  torch::Tensor& value = slot.parameter.value;
  if (slot.parameter.decay && weight_decay_ != 0) gradient.add_(value, weight_decay_);
  if (momentum_ > 0) {
    slot.first.mul_(momentum_).add_(gradient);
    if (nesterov_) {
      gradient.add_(slot.first, momentum_);
    } else {
      gradient = slot.first;
    }
  }
  value.add_(gradient, -learning_rate);
}

void Optimizer::step_adamw(Slot& slot, const torch::Tensor& gradient, double learning_rate) const {
  torch::Tensor& value = slot.parameter.value;
  const auto count = static_cast<double>(steps_);
  if (slot.parameter.decay) value.mul_(1 - learning_rate * weight_decay_);
  slot.first.lerp_(gradient, 1 - kBeta1);
  slot.second.mul_(kBeta2).addcmul_(gradient, gradient, 1 - kBeta2);
  const torch::Tensor root = (slot.second.sqrt() / std::sqrt(1 - std::pow(kBeta2, count))).add_(kEpsilon);
  value.addcdiv_(slot.first, root, -learning_rate / (1 - std::pow(kBeta1, count)));
}

std::map<std::string, torch::Tensor> Optimizer::state() const {
  std::map<std::string, torch::Tensor> state;
  for (const Slot& slot : slots_) {
    if (kind_ == OptimizerKind::AdamW) {
      state[slot.parameter.name + ".first"] = slot.first;
      state[slot.parameter.name + ".second"] = slot.second;
    } else if (slot.first.defined()) {
      state[slot.parameter.name + ".momentum"] = slot.first;
    }
  }
  return state;
}

}  // namespace training
