// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "embed/safetensors.h"

namespace training {

enum class Select { Auc, Eer, Accuracy, Tar, Last };

/// What a run reads and writes, and when.
struct RunOptions {
  std::uint64_t seed = 1;
  /// Threads that cut and augment; 0: chosen by the machine.
  int workers = 0;
  /// Weights file to write.
  std::string out;
  /// Towers::Separate: the second network's file; see other_weights().
  std::string out_other;
  /// Checkpoint and metrics; empty: `out` with ".run" in place of its extension.
  std::string run_dir;
  /// Go on from the checkpoint in run_dir, where there is one.
  bool resume = false;
  /// Seconds between checkpoints inside an epoch.
  double checkpoint_every = 300;
  /// Epochs between the checkpoints at an epoch's end, and, where no validation chooses, between the weights
  /// files; the last writes both.
  std::size_t checkpoint_epochs = 1;
  /// Epochs between validations; the last epoch always validates.
  std::size_t eval_every = 1;
  /// Which epoch's weights are kept.
  Select select = Select::Auc;
  /// F32, F16 or BF16 in the weights file.
  embed::DType storage = embed::DType::F32;
  /// For people, into the weights file; UTF-8.
  std::string trained_on;
  /// Of the pictures, for people, into the weights file; UTF-8.
  std::string terms;
  /// For people, into the weights file; UTF-8.
  std::string recipe;
};

/// `run_dir`, or what stands for it.
std::string run_directory(const RunOptions& options);
/// Towers::Separate: `out_other`, or `out` with "-other" before its extension.
std::string other_weights(const RunOptions& options);

}  // namespace training
