// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>

#include "embed/model_info.h"
#include "learn/checkpoint.h"
#include "learn/verification.h"
#include "options/train_options.h"

namespace training {

/// Counts in `progress` the validations without a better one; the rate drops (Schedule::Plateau) and the run
/// ends (TrainOptions::early_stop) by them.
void note_plateau(const TrainOptions& options, const Verification& verification, Progress& progress);

/// Whether the weights after epoch `progress.epoch`, which is just over, are the ones to keep, and then noted
/// in `progress` as the best. `verification`: of this epoch, if it was validated; `validates`: whether any
/// epoch is. Without validation, or with Select::Last, the newest are the best, kept with every checkpoint
/// and at the end (`last`).
bool take_if_best(const TrainOptions& options, const std::optional<Verification>& verification,
                  bool validates, bool last, Progress& progress);

/// What the weights file says of itself. Its threshold is that of the lowest false-accept rate that the
/// validation's pairs can tell, where there are enough of them; else, with a blend, what the weights had that
/// the run started from.
embed::ModelInfo kept_info(const TrainOptions& options, const embed::InputSpec& input,
                           const std::optional<Verification>& verification);

}  // namespace training
