// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <memory>

#include "losses/class_loss.h"
#include "losses/loss.h"
#include "losses/triplet.h"
#include "options/loss_options.h"

/// The functions that options/loss_list.h names.
namespace training {

using MinerFunction = LossValue (*)(const LossInput& batch, const TripletLossOptions& options);

#define TRAINING_DECLARE(enumerator, name, make, ...) \
  std::unique_ptr<LossFunction> make(const LossOptions& options);
TRAINING_PAIR_LOSSES(TRAINING_DECLARE)
#undef TRAINING_DECLARE
#define TRAINING_DECLARE(enumerator, name, make, ...) \
  std::unique_ptr<ClassLossFunction> make(const ClassLossSetup& setup);
TRAINING_CLASS_LOSSES(TRAINING_DECLARE)
#undef TRAINING_DECLARE
#define TRAINING_DECLARE(enumerator, name, mine, ...) \
  LossValue mine(const LossInput& batch, const TripletLossOptions& options);
TRAINING_MINERS(TRAINING_DECLARE)
#undef TRAINING_DECLARE

/// The loss of pairs that options.loss names; null where it is none.
std::unique_ptr<LossFunction> make_pair_loss(const LossOptions& options);
/// The class loss that takes part, as the main one or beside it; null where there is none.
std::unique_ptr<ClassLossFunction> make_class_loss(const ClassLossSetup& setup);
MinerFunction miner_function(Miner miner) noexcept;

}  // namespace training
