// SPDX-License-Identifier: LGPL-2.1-or-later
#include "learn/step_meter.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "embed/error.h"

namespace training {

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

StepMeter::StepMeter(const TrainOptions& options, Progress& progress, std::string checkpoint)
    : options_(options), progress_(progress), checkpoint_(std::move(checkpoint)) {}

void StepMeter::begin_epoch(std::size_t batches) {
  batches_ = batches;
  epoch_start_ = steady_seconds();
}

void StepMeter::settle() {
  for (const Pending& item : pending_) {
    const double loss = item.value.loss.item<double>();
    if (!std::isfinite(loss)) fail("the loss is not finite (" + std::to_string(loss) + ")", item.batch);
    EpochSums& sums = progress_.sums;
    sums.loss += loss;
    sums.active += item.value.active.item<double>();
    ++sums.steps;
    if (item.value.teacher_cosine.defined()) sums.teacher_cosine += item.value.teacher_cosine.item<double>();
    add_triplets(item.value);
    if (item.value.gradient_norm.defined()) {
      sums.gradient_norm += item.value.gradient_norm.item<double>();
      ++sums.updates;
    }
  }
  pending_.clear();
}

void StepMeter::add_triplets(const LossValue& value) {
  EpochSums& sums = progress_.sums;
  if (value.kinds.defined()) {
    const torch::Tensor kinds = value.kinds.to(torch::kCPU);
    for (std::size_t i = 0; i < 3; ++i) sums.kinds[i] += kinds.data_ptr<std::int64_t>()[i];
  }
  if (!value.spread.defined()) return;
  const torch::Tensor spread = value.spread.to(torch::kCPU).contiguous();
  const float* numbers = spread.data_ptr<float>();
  if (!std::isfinite(numbers[1] + numbers[4])) return;  // A batch without pairs of one of the kinds.
  ++sums.spreads;
  for (std::size_t i = 0; i < 6; ++i) sums.distances[i / 3][i % 3] += numbers[i];
}

void StepMeter::took(double seconds, std::size_t images, double waited) {
  trained_seconds_ += seconds;
  trained_images_ += images;
  ++trained_steps_;
  waited_ = waited;
}

void StepMeter::end_epoch() {
  waited_before_ += waited_;
  waited_ = 0;
}

StepReport StepMeter::report() const {
  StepReport report;
  const EpochSums& sums = progress_.sums;
  const auto steps = static_cast<double>(std::max<std::size_t>(1, sums.steps));
  report.epoch = progress_.epoch + 1;
  report.epochs = options_.epochs;
  report.batch = progress_.batch;
  report.batches = batches_;
  report.loss = sums.loss / steps;
  report.active = sums.active / steps;
  report.has_teacher = has_teacher(options_);
  report.teacher_cosine = sums.teacher_cosine / steps;
  report.learning_rate = sums.learning_rate;
  report.margin = sums.margin;
  report.gradient_norm = sums.gradient_norm / static_cast<double>(std::max<std::size_t>(1, sums.updates));
  report.kinds = sums.kinds;
  for (std::size_t i = 0; i < 6; ++i) {
    report.distances[i / 3][i % 3] =
        sums.spreads == 0 ? std::nan("") : sums.distances[i / 3][i % 3] / static_cast<double>(sums.spreads);
  }
  const Progress so_far = with_times();
  report.images_per_second =
      so_far.busy_seconds > 0 ? static_cast<double>(so_far.images) / so_far.busy_seconds : 0;
  report.teacher_share = so_far.sums.seconds > 0 ? sums.teacher_seconds / so_far.sums.seconds : 0;
  report.data_wait = so_far.sums.seconds > 0 ? so_far.sums.waited / so_far.sums.seconds : 0;
  const auto left = static_cast<double>(options_.epochs * batches_ - progress_.step);
  report.seconds_left = trained_steps_ > 0 ? left * busy() / static_cast<double>(trained_steps_) : 0;
  return report;
}

Progress StepMeter::with_times() const {
  Progress progress = progress_;
  progress.busy_seconds += busy();
  progress.images += trained_images_;
  if (progress.batch == 0) return progress;  // No epoch is under way.
  progress.sums.seconds += steady_seconds() - epoch_start_;
  progress.sums.waited += waited_;
  return progress;
}

void StepMeter::fail(const std::string& what, std::size_t batch) const {
  throw embed::Error(embed::ErrorCode::Internal,
                     what + " in epoch " + std::to_string(progress_.epoch + 1) + ", batch " +
                         std::to_string(batch) +
                         ": training stopped, the last good checkpoint stays; a lower --lr or a longer "
                         "--warmup-epochs helps",
                     checkpoint_);
}

}  // namespace training
