// SPDX-License-Identifier: LGPL-2.1-or-later
#include "losses/registry.h"

namespace training {

std::unique_ptr<LossFunction> make_pair_loss(const LossOptions& options) {
#define TRAINING_MAKE(enumerator, name, make, ...) \
  if (options.loss == Loss::enumerator) return make(options);
  TRAINING_PAIR_LOSSES(TRAINING_MAKE)
#undef TRAINING_MAKE
  return nullptr;
}

std::unique_ptr<ClassLossFunction> make_class_loss(const ClassLossSetup& setup) {
  switch (class_loss_of(setup.options)) {
#define TRAINING_MAKE(enumerator, name, make, ...) \
  case ClassLoss::enumerator:                      \
    return make(setup);
    TRAINING_CLASS_LOSSES(TRAINING_MAKE)
#undef TRAINING_MAKE
    case ClassLoss::None:
      break;
  }
  return nullptr;
}

MinerFunction miner_function(Miner miner) noexcept {
  switch (miner) {
#define TRAINING_MINE(enumerator, name, mine, ...) \
  case Miner::enumerator:                          \
    return mine;
    TRAINING_MINERS(TRAINING_MINE)
#undef TRAINING_MINE
  }
  return nullptr;
}

}  // namespace training
