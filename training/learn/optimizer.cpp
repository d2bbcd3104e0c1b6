// SPDX-License-Identifier: LGPL-2.1-or-later
#include "learn/optimizer.h"

#include <ATen/Parallel.h>

#include <cmath>

#include "learn/cpu_kernels.h"

namespace training {

namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEpsilon = 1e-8;
/// Numbers that are worth a thread.
constexpr std::int64_t kGrain = 1 << 15;

}  // namespace

Optimizer::Optimizer(std::vector<Parameter> parameters, const OptimizerOptions& options)
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
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> gradients;
  for (const Slot& slot : slots_) {
    const torch::Tensor& gradient = slot.parameter.value.grad();
    if (gradient.defined()) gradients.push_back(gradient);
  }
  return gradients.empty() ? torch::zeros({}) : torch::stack(at::_foreach_norm(gradients)).norm();
}

torch::Tensor Optimizer::step(double learning_rate, double clip) {
  const torch::Tensor norm = gradient_norm();
  step(learning_rate, clip, norm);
  return norm;
}

void Optimizer::step(double learning_rate, double clip, const torch::Tensor& norm) {
  const torch::NoGradGuard no_grad;
  ++steps_;
  const torch::Tensor factor = clip > 0 ? (clip / (norm + kEpsilon)).clamp_max(1) : torch::Tensor();
  std::vector<Slot*> others;
  for (Slot& slot : slots_) {
    torch::Tensor& gradient = slot.parameter.value.mutable_grad();
    if (!gradient.defined()) continue;
    if (kind_ == OptimizerKind::Sgd && is_plain(slot, gradient)) {
      // The factor is one number on the CPU: looking at it waits for nothing.
      step_sgd_at_once(slot, gradient, learning_rate, factor.defined() ? factor.item<float>() : 1.0F);
      gradient.reset();
      continue;
    }
    if (factor.defined()) gradient.mul_(factor);
    if (kind_ == OptimizerKind::Sgd) {
      others.push_back(&slot);
      continue;
    }
    step_adamw(slot, gradient, learning_rate);
    gradient.reset();
  }
  if (!others.empty()) step_sgd(others, learning_rate);
}

bool Optimizer::is_plain(const Slot& slot, const torch::Tensor& gradient) {
  const torch::Tensor& value = slot.parameter.value;
  const auto same = [&](const torch::Tensor& other) {
    return other.scalar_type() == torch::kFloat32 && other.strides() == value.strides();
  };
  return value.is_cpu() && value.is_non_overlapping_and_dense() && slot.first.defined() && same(value) &&
         same(gradient) && same(slot.first);
}

void Optimizer::step_sgd_at_once(Slot& slot, const torch::Tensor& gradient, double learning_rate,
                                 float gradient_scale) const {
  const kernels::SgdStep step{static_cast<float>(learning_rate), static_cast<float>(momentum_),
                              slot.parameter.decay ? static_cast<float>(weight_decay_) : 0.0F, gradient_scale,
                              nesterov_};
  float *value = slot.parameter.value.data_ptr<float>(), *first = slot.first.data_ptr<float>();
  const float* slope = gradient.data_ptr<float>();
  at::parallel_for(0, gradient.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    kernels::sgd(value + begin, first + begin, slope + begin, static_cast<std::size_t>(end - begin), step);
  });
}

/// All of them together: on a GPU a call a tensor takes longer than the arithmetic.
void Optimizer::step_sgd(const std::vector<Slot*>& slots, double learning_rate) const {
  std::vector<torch::Tensor> values, gradients, momenta, decaying, slopes;
  for (const Slot* slot : slots) {
    values.push_back(slot->parameter.value);
    gradients.push_back(slot->parameter.value.grad());
    if (momentum_ > 0) momenta.push_back(slot->first);
    if (!slot->parameter.decay || weight_decay_ == 0) continue;
    decaying.push_back(values.back());
    slopes.push_back(gradients.back());
  }
  if (!slopes.empty()) at::_foreach_add_(slopes, decaying, weight_decay_);
  if (momentum_ > 0) {
    at::_foreach_mul_(momenta, momentum_);
    at::_foreach_add_(momenta, gradients);
    if (nesterov_) at::_foreach_add_(gradients, momenta, momentum_);
  }
  at::_foreach_add_(values, momentum_ > 0 && !nesterov_ ? momenta : gradients, -learning_rate);
  for (Slot* slot : slots) slot->parameter.value.mutable_grad().reset();
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
