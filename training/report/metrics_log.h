// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <fstream>
#include <optional>
#include <string>

#include "options/train_options.h"
#include "report/run_reports.h"
#include "report/tensorboard_log.h"

namespace training {

/// metrics.jsonl: one JSON object a line, each with "event": start, step, epoch. Not thread-safe.
class MetricsLog {
 public:
  /// Makes the folder if need be. Appends when `resume` (what is behind the last whole line is cut off), else
  /// begins anew. Throws embed::Error(Io), as all of the following, which leave whole lines.
  MetricsLog(const std::string& folder, bool resume);

  void start(const RunReport& report, const TrainOptions& options);
  void step(const StepReport& report);
  void epoch(const EpochReport& report);
  /// A line of its own kind with a text.
  void note(const std::string& event, const std::string& text);

 private:
  void write(const std::string& line);

  std::string path_;
  std::ofstream file_;
  std::optional<TensorBoardLog> board_;  // Opened after the folder is there.
};

}  // namespace training
