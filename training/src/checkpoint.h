// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include <cstddef>
#include <map>
#include <string>

namespace training {

/// Where a run stands. Everything random is a function of seed, epoch and batch, so there is no generator to
/// save.
struct Progress {
  std::size_t epoch = 0;  ///< Epochs that are done, validation and all.
  std::size_t batch = 0;  ///< Batches done of the epoch under way.
  std::size_t step = 0;   ///< Optimiser updates so far.
  bool has_best = false;
  double best = 0;              ///< Best validation measure so far (larger is better).
  std::size_t best_epoch = 0;   ///< 1-based.
  std::string best_evaluation;  ///< JSON of that validation.
};

/// Name → tensor that a checkpoint holds; the tensors are the live ones.
using StateTensors = std::map<std::string, torch::Tensor>;

/// Writes a `tripletembed.checkpoint` file atomically. `options`: decisive_options plus what else must not
/// change. Throws embed::Error(Io).
void save_checkpoint(const std::string& path, const StateTensors& tensors, const Progress& progress,
                     const std::map<std::string, std::string>& options);

/// Copies a checkpoint's values into `tensors`, in place. Throws embed::Error(NotFound | Io | Format), and
/// Error(Mismatch) that names the first option which differs.
Progress load_checkpoint(const std::string& path, const StateTensors& tensors,
                         const std::map<std::string, std::string>& options);

}  // namespace training
