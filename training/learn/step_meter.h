// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "learn/checkpoint.h"
#include "learn/learner.h"
#include "learn/trainer.h"
#include "options/train_options.h"

namespace training {

/// Seconds of the steady clock.
double steady_seconds();

/// What a run counts of its steps: adds up the epoch's sums in `progress`, and times this process. `options`
/// and `progress` must outlive it. Not thread-safe.
class StepMeter {
 public:
  StepMeter(const TrainOptions& options, Progress& progress, std::string checkpoint);

  void begin_epoch(std::size_t batches);
  /// A step of batch `batch` (1-based) whose values may still be on their way from the device.
  void add(std::size_t batch, StepValue value) { pending_.push_back({batch, std::move(value)}); }
  std::size_t pending() const noexcept { return pending_.size(); }
  /// Looks at the losses that were not looked at yet. Throws what fail throws when one is not finite.
  void settle();
  /// A step took `seconds`; `waited`: the seconds that this epoch has waited for pictures so far.
  void took(double seconds, std::size_t images, double waited);
  void end_epoch();

  /// Of the steps that are settled.
  StepReport report() const;
  /// Of the epoch under way, over all processes that trained it.
  double epoch_seconds() const { return with_times().sums.seconds; }
  /// The progress with what this process adds to the times.
  Progress with_times() const;

  /// Throws embed::Error(Internal): what happened, where, and what helps.
  [[noreturn]] void fail(const std::string& what, std::size_t batch) const;

 private:
  struct Pending {
    std::size_t batch;
    StepValue value;
  };

  void add_triplets(const LossValue& value);
  double busy() const { return trained_seconds_ + waited_before_ + waited_; }

  const TrainOptions& options_;
  Progress& progress_;
  std::string checkpoint_;
  std::size_t batches_ = 0;
  std::vector<Pending> pending_;
  double epoch_start_ = 0, waited_ = 0, waited_before_ = 0, trained_seconds_ = 0;
  std::size_t trained_images_ = 0, trained_steps_ = 0;
};

}  // namespace training
