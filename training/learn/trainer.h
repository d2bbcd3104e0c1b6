// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <atomic>
#include <cstddef>
#include <string>

#include "data/teacher.h"
#include "options/train_options.h"
#include "report/run_reports.h"

namespace training {

struct TrainResult {
  bool first_rank = true;      ///< False on the ranks that write nothing.
  bool stopped_early = false;  ///< TrainOptions::early_stop ended it.
  bool interrupted = false;    ///< Stopped on request; a checkpoint holds the state.
  std::size_t best_epoch = 0;  ///< 1-based; the epoch whose weights are in options.out.
  std::string validation;      ///< Its validation, as in EpochReport.
  std::string checkpoint;      ///< The checkpoint file.
};

/// Trains as the options say and writes options.out (with separate towers also other_weights(options)), and
/// checkpoint.safetensors and metrics.jsonl in the run's folder. When `stop` becomes true the step under way
/// is finished, a checkpoint is written and the run ends. With the same options the weights are the same bit
/// for bit on the CPU with the same number of threads, also when the run was interrupted and resumed. Uses
/// LibTorch's global generator and thread count: one run a process at a time. Throws embed::Error: what
/// TrainingSet, load_weights and load_checkpoint throw, InvalidArgument for options, Io, and Internal naming
/// epoch and batch when the loss is not finite (the last checkpoint then stays as it was).
/// `teacher`: the network of options.teacher, null where that is empty; outlives the call.
TrainResult train(const TrainOptions& options, TrainObserver& observer, const std::atomic<bool>& stop,
                  Teacher* teacher = nullptr);

}  // namespace training
