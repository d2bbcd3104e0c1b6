// SPDX-License-Identifier: LGPL-2.1-or-later
#include "options/loss_options.h"

namespace training {

Loss pair_loss_of(const LossOptions& options) noexcept {
#define TRAINING_SAME(enumerator, ...) \
  if (options.loss == Loss::enumerator) return Loss::enumerator;
  TRAINING_PAIR_LOSSES(TRAINING_SAME)
#undef TRAINING_SAME
  return Loss::None;
}

ClassLoss class_loss_of(const LossOptions& options) noexcept {
#define TRAINING_SAME(enumerator, ...) \
  if (options.loss == Loss::enumerator) return ClassLoss::enumerator;
  TRAINING_CLASS_LOSSES(TRAINING_SAME)
#undef TRAINING_SAME
  return options.class_loss;
}

unsigned heeded_by(const LossOptions& options) noexcept {
  unsigned heeded = 0;
#define TRAINING_HEED(enumerator, name, make, heeds, blurb) \
  if (options.loss == Loss::enumerator) heeded |= heeds;
  TRAINING_PAIR_LOSSES(TRAINING_HEED)
#undef TRAINING_HEED
#define TRAINING_HEED(enumerator, name, make, heeds, blurb) \
  if (class_loss_of(options) == ClassLoss::enumerator) heeded |= heeds;
  TRAINING_CLASS_LOSSES(TRAINING_HEED)
#undef TRAINING_HEED
  return heeded;
}

std::string losses_that_heed(Heeds option) {
  std::string names;
#define TRAINING_LIST(enumerator, name, make, heeds, blurb) \
  if (((heeds)&option) != 0) names += (names.empty() ? "" : " or ") + std::string(name);
  TRAINING_PAIR_LOSSES(TRAINING_LIST)
  TRAINING_CLASS_LOSSES(TRAINING_LIST)
#undef TRAINING_LIST
  return names;
}

bool needs_labels(const LossOptions& options) noexcept {
  return options.loss != Loss::None;
}

bool is_offline(const LossOptions& options) noexcept {
  return (heeded_by(options) & kHeedsMiner) != 0 && options.miner == Miner::Offline;
}

bool is_mined(const LossOptions& options) noexcept {
  return pair_loss_of(options) != Loss::None && !is_offline(options);
}

}  // namespace training
