// SPDX-License-Identifier: LGPL-2.1-or-later
#include "learn/schedule.h"

#include <algorithm>
#include <cmath>

namespace training {

double learning_rate(const TrainOptions& options, std::size_t step, std::size_t steps_per_epoch) {
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

double triplet_margin(const TrainOptions& options, std::size_t step, std::size_t steps_per_epoch,
                      double gap) {
  switch (options.margin_schedule) {
    case MarginSchedule::Linear: {
      const double ramp = options.margin_epochs * static_cast<double>(steps_per_epoch);
      return ramp <= 0 ? options.margin : options.margin * std::min(1.0, static_cast<double>(step) / ramp);
    }
    case MarginSchedule::Adaptive:
      return std::clamp(gap, 0.1 * options.margin, options.margin);
    case MarginSchedule::Constant:
      break;
  }
  return options.margin;
}

double cosface_margin(const TrainOptions& options, std::size_t step, std::size_t steps_per_epoch) {
  const double ramp = options.cos_margin_epochs * static_cast<double>(steps_per_epoch);
  return ramp <= 0 ? options.cos_margin
                   : options.cos_margin * std::min(1.0, static_cast<double>(step) / ramp);
}

}  // namespace training
