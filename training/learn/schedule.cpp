// SPDX-License-Identifier: LGPL-2.1-or-later
#include "learn/schedule.h"

#include <algorithm>
#include <cmath>

namespace training {

double learning_rate(const OptimizerOptions& options, std::size_t step, std::size_t steps_per_epoch) {
  const auto per_epoch = static_cast<double>(steps_per_epoch);
  const double total = static_cast<double>(options.epochs) * per_epoch;
  const double warmup = std::min(options.warmup_epochs * per_epoch, total);
  const auto at = static_cast<double>(step);
  if (at < warmup) return options.lr * std::min(1.0, (at + 1) / warmup);
  switch (options.schedule) {
    case Schedule::Cosine: {
      const double share = total > warmup ? (at - warmup) / (total - warmup) : 0;
      return options.lr * 0.5 * (1 + std::cos(3.14159265358979324 * std::min(1.0, share)));
    }
    case Schedule::Step: {
      double rate = options.lr;
      for (const double share : options.step_at) rate *= at >= share * total ? 0.1 : 1.0;
      return rate;
    }
    case Schedule::Plateau:  // Drops when validation says so: Progress::rate_factor.
    case Schedule::Constant:
      break;
  }
  return options.lr;
}

namespace {

/// Linear from 0 to `margin` in so many epochs.
double grown(double margin, double epochs, std::size_t step, std::size_t steps_per_epoch) {
  const double ramp = epochs * static_cast<double>(steps_per_epoch);
  return ramp <= 0 ? margin : margin * std::min(1.0, static_cast<double>(step) / ramp);
}

}  // namespace

double triplet_margin(const LossOptions& options, std::size_t step, std::size_t steps_per_epoch) {
  return grown(options.margin, options.margin_epochs, step, steps_per_epoch);
}

double cosface_margin(const LossOptions& options, std::size_t step, std::size_t steps_per_epoch) {
  return grown(options.cos_margin, options.cos_margin_epochs, step, steps_per_epoch);
}

}  // namespace training
