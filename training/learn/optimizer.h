// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include <map>
#include <string>
#include <vector>

#include "options/optimizer_options.h"

namespace training {

/// A trained tensor, its name and whether weight decay pulls at it.
struct Parameter {
  std::string name;
  torch::Tensor value;
  bool decay = true;
};

/// SGD (momentum, Nesterov; weight decay as L2) or AdamW (β 0.9 and 0.999, ε 1e-8; decoupled decay), with the
/// state in plain tensors that a checkpoint can hold. The arithmetic is that of torch.optim. Not thread-safe.
class Optimizer {
 public:
  Optimizer(std::vector<Parameter> parameters, const OptimizerOptions& options);

  /// One update from the gradients, which are then dropped. Parameters without gradient stay as they are. A
  /// joint norm of all gradients above `clip` is first scaled down to it (0: as it is). The result is the
  /// norm before that, a scalar on the parameters' device.
  torch::Tensor step(double learning_rate, double clip = 0);
  /// The same for parameters that are a part of those that learn together: `norm` is the joint norm of all.
  void step(double learning_rate, double clip, const torch::Tensor& norm);
  /// The joint norm of the gradients now, a scalar on the parameters' device.
  torch::Tensor gradient_norm() const;

  /// State by name: "NAME.momentum", or "NAME.first" and "NAME.second". The tensors are the state itself.
  std::map<std::string, torch::Tensor> state() const;
  /// Updates so far; AdamW's bias correction needs it.
  std::size_t steps() const noexcept { return steps_; }
  void set_steps(std::size_t steps) noexcept { steps_ = steps; }

 private:
  struct Slot {
    Parameter parameter;
    torch::Tensor first, second;  // The parameter's shape and memory layout; `second` for AdamW alone.
  };
  /// Whether all of an SGD step's numbers lie in one order in the CPU's memory.
  static bool is_plain(const Slot& slot, const torch::Tensor& gradient);
  void step_sgd_at_once(Slot& slot, const torch::Tensor& gradient, double learning_rate,
                        float gradient_scale) const;
  void step_sgd(const std::vector<Slot*>& slots, double learning_rate) const;
  void step_adamw(Slot& slot, const torch::Tensor& gradient, double learning_rate) const;

  OptimizerKind kind_;
  double momentum_, weight_decay_;
  bool nesterov_;
  std::vector<Slot> slots_;
  std::size_t steps_ = 0;
};

}  // namespace training
