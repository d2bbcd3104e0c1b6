// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string>

#include "learn/verification.h"
#include "options/train_options.h"
#include "report/run_reports.h"

/// What a look at a run's numbers tells its user.
namespace training {

/// Of bfloat16 on a device that computes it in software; none where it does not.
std::optional<std::string> slow_precision_warning(const TrainOptions& options, torch::Device device);

/// Of embeddings that have fallen together in the epoch of `step`; none where they have not.
std::optional<std::string> collapse_warning(const StepReport& step,
                                            const std::optional<Verification>& verification);

}  // namespace training
