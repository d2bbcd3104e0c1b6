// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>

#include "options/train_options.h"

namespace training {

/// Learning rate of step `step` (0-based, over the whole run) when an epoch has `steps_per_epoch` steps:
/// linear warm-up from lr / warm-up steps, then the schedule over what is left of the run.
double learning_rate(const TrainOptions& options, std::size_t step, std::size_t steps_per_epoch);

/// The triplet or contrastive margin at that step. Linear: from 0 to options.margin in margin_epochs.
/// Adaptive: `gap`, the running difference between the median distances of negative and positive pairs, but
/// at least a tenth of options.margin and at most all of it: what is asked grows with what is reached.
double triplet_margin(const TrainOptions& options, std::size_t step, std::size_t steps_per_epoch, double gap);

/// CosFace's margin at that step: 0 at the start, options.cos_margin after cos_margin_epochs.
double cosface_margin(const TrainOptions& options, std::size_t step, std::size_t steps_per_epoch);

}  // namespace training
