// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <torch/types.h>

#include <cstddef>
#include <map>
#include <string>

#include "learn/epoch_sums.h"

namespace training {

/// Where a run stands. Everything random is a function of seed, epoch and batch, so there is no generator to
/// save.
struct Progress {
  std::size_t epoch = 0;     ///< Epochs that are done, validation and all.
  std::size_t batch = 0;     ///< Batches done of the epoch under way.
  std::size_t step = 0;      ///< Batches so far.
  std::size_t updates = 0;   ///< Optimiser updates so far: fewer where gradients are accumulated.
  double rate_factor = 1;    ///< Schedule::Plateau: what the rate is multiplied by by now.
  std::size_t stale = 0;     ///< Validations since the best one.
  std::size_t plateau = 0;   ///< Validations since the best one or the last drop of the rate.
  bool stopped = false;      ///< Ended early.
  bool has_measure = false;  ///< `measure` holds one.
  double measure = 0;        ///< Best validation so far, for plateau and early stop.
  bool has_best = false;
  double best = 0;              ///< Best validation measure so far (larger is better).
  std::size_t best_epoch = 0;   ///< 1-based.
  std::string best_evaluation;  ///< JSON of that validation.
  EpochSums sums;               ///< Of the epoch under way.
  double busy_seconds = 0;      ///< Up to the last resumption, validation left out …
  std::size_t images = 0;       ///< … and the images trained on in them.
};

/// Name → tensor that a checkpoint holds; the tensors are the live ones.
using StateTensors = std::map<std::string, torch::Tensor>;

/// Writes a `tripletembed.checkpoint` file atomically. `options`: decisive_options plus what else must not
/// change. Throws embed::Error(Io).
void save_checkpoint(const std::string& path, const StateTensors& tensors, const Progress& progress,
                     const std::map<std::string, std::string>& options);

/// Copies a checkpoint's values into `tensors`, in place. One without sums leaves them at 0. Throws
/// embed::Error(NotFound | Io | Format), and Error(Mismatch) that names the first option which differs.
Progress load_checkpoint(const std::string& path, const StateTensors& tensors,
                         const std::map<std::string, std::string>& options);

}  // namespace training
