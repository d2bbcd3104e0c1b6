// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

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

}  // namespace training
