// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "teacher.h"
#include "train_options.h"

namespace training {

/// What a run works on, told once at its start.
struct RunReport {
  std::size_t images = 0, identities = 0;  ///< Trained on.
  std::size_t second_kind = 0;             ///< Of the images, those of the second kind.
  std::size_t validation_images = 0, validation_identities = 0;
  int width = 0, height = 0, channels = 0;  ///< Of the network's picture.
  std::size_t batches = 0;                  ///< In an epoch.
  std::string device;
  int threads = 0;
  std::size_t resumed_epoch = 0, resumed_batch = 0;  ///< 0 and 0 for a run from the start.
  std::string fingerprint;                           ///< TrainingSet::fingerprint().
};

/// How the epoch under way goes. Loss and active share are means since the epoch's start; a resumed run
/// counts what its checkpoint has of the epoch.
struct StepReport {
  std::size_t epoch = 0, epochs = 0;   ///< `epoch` is 1-based.
  std::size_t batch = 0, batches = 0;  ///< Done, and of the epoch.
  double loss = 0;
  double active = 0;  ///< Triplets: share with a loss; classes: share named right.
  double learning_rate = 0;
  double margin = 0;         ///< Triplets and pairs: the margin of the last step.
  double gradient_norm = 0;  ///< Mean joint norm of the gradients, before clipping.
  std::array<std::int64_t, 3>
      kinds{};  ///< Triplets so far: easy, semi-hard, hard; zeros where none are mined.
  /// 10th, 50th and 90th percentile of the distances of positive and of negative pairs in a batch, means over
  /// the batches; NaN for losses without distances.
  std::array<std::array<double, 3>, 2> distances{};
  bool has_teacher = false;      ///< Whether the next two count.
  double teacher_cosine = 0;     ///< Mean cosine between the student's and the teacher's vectors.
  double teacher_share = 0;      ///< Of the epoch's time, what the teacher took to look at pictures.
  double images_per_second = 0;  ///< Since the run's start, validation left out.
  double data_wait = 0;          ///< Share of the epoch's time spent waiting for pictures.
  double seconds_left = 0;       ///< Of the whole run.
};

/// An epoch's end.
struct EpochReport {
  StepReport step;
  double seconds = 0;
  std::string validation;  ///< JSON of Verification; empty when there was none.
  bool best = false;       ///< The weights file now holds this epoch's weights.
};

/// Hears of a run's progress, on the thread that trains.
class TrainObserver {
 public:
  virtual ~TrainObserver() = default;
  virtual void on_start(const RunReport&) {}
  virtual void on_step(const StepReport&) {}
  virtual void on_epoch(const EpochReport&) {}
  /// Something that the user should change, in a sentence.
  virtual void on_warning(const std::string&) {}
};

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
