// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <vector>

namespace training {

enum class OptimizerKind { Sgd, AdamW };
enum class Schedule { Constant, Cosine, Step, Plateau };

/// How the weights follow the gradients, and for how long.
struct OptimizerOptions {
  std::size_t epochs = 15;
  OptimizerKind optimizer = OptimizerKind::Sgd;
  /// Highest learning rate.
  double lr = 0.1;
  /// SGD.
  double momentum = 0.9;
  /// SGD.
  bool nesterov = true;
  /// Not on batch norm and biases.
  double weight_decay = 5e-4;
  /// The rate grows linearly from 0 to lr.
  double warmup_epochs = 0.5;
  Schedule schedule = Schedule::Cosine;
  /// Schedule::Step: shares of the run where the rate drops to a tenth.
  std::vector<double> step_at{0.5, 0.75};
  /// Schedule::Plateau: validations without a better one before the rate drops.
  std::size_t patience = 3;
  /// Schedule::Plateau: what the rate is multiplied by.
  double plateau_factor = 0.1;
  /// Validations without a better one before the run ends; 0: never.
  std::size_t early_stop = 0;
  /// Largest norm of all gradients together; 0: any.
  double clip_gradient = 0;
  /// Decay of the weights' running average, which is then what is kept; 0: off.
  double ema = 0;
};

}  // namespace training
