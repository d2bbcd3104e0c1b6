// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>

#include "options/loss_options.h"
#include "options/optimizer_options.h"

namespace training {

/// Learning rate of step `step` (0-based, over the whole run) when an epoch has `steps_per_epoch` steps:
/// linear warm-up from lr / warm-up steps, then the schedule over what is left of the run.
double learning_rate(const OptimizerOptions& options, std::size_t step, std::size_t steps_per_epoch);

/// The triplet or contrastive margin at that step: 0 at the start, options.margin after margin_epochs.
double triplet_margin(const LossOptions& options, std::size_t step, std::size_t steps_per_epoch);

/// CosFace's margin at that step: 0 at the start, options.cos_margin after cos_margin_epochs.
double cosface_margin(const LossOptions& options, std::size_t step, std::size_t steps_per_epoch);

}  // namespace training
