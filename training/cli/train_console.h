// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <string>

#include "learn/trainer.h"

namespace training::cli {

/// A bar on a terminal, plain lines elsewhere; all on the standard error.
class Console : public TrainObserver {
 public:
  explicit Console(const TrainOptions& options);
  void on_start(const RunReport& report) override;
  void on_step(const StepReport& report) override;
  void on_warning(const std::string& text) override;
  void on_epoch(const EpochReport& report) override;

 private:
  using Clock = std::chrono::steady_clock;

  std::string line(const StepReport& report) const;

  bool terminal_;
  const char* signal_;
  bool teacher_alone_;
  Clock::time_point last_ = Clock::now();
};

}  // namespace training::cli
