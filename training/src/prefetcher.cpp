// SPDX-License-Identifier: LGPL-2.1-or-later
#include "prefetcher.h"

#include <algorithm>
#include <chrono>

#include "augment.h"

namespace training {

namespace {

constexpr std::size_t kAhead = 3;
constexpr std::uint64_t kPictureStream = 20;
constexpr std::uint64_t kGroupStream = 21;
constexpr std::uint64_t kPartnerStream = 22;
constexpr std::uint64_t kFeatureStream = 23;

int worker_count(const TrainOptions& options) {
  if (options.workers > 0) return options.workers;
  return static_cast<int>(std::clamp(std::thread::hardware_concurrency() / 2, 1U, 16U));
}

}  // namespace

Prefetcher::Prefetcher(const TrainingSet& set, const TrainOptions& options, std::size_t epoch,
                       std::vector<BatchPlan> batches, std::size_t first, const Share& share)
    : set_(set),
      options_(options),
      epoch_(epoch),
      batches_(std::move(batches)),
      share_(share),
      mixer_(set.train(),
             static_cast<std::size_t>(set.width()) * static_cast<std::size_t>(set.height()) *
                 static_cast<std::size_t>(set.input().channels),
             options.mix_identities),
      ahead_(kAhead + static_cast<std::size_t>(worker_count(options))),
      taken_(first),
      claimed_(first) {
  for (int i = 0; i < worker_count(options); ++i) threads_.emplace_back([this] { work(); });
}

Prefetcher::~Prefetcher() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Prefetcher::fill(std::size_t index, Batch& batch) const {
  const BatchPlan& plan = batches_[index];
  const ImageList& list = set_.train();
  const embed::InputSpec& input = set_.input();
  const auto bytes = static_cast<std::size_t>(input.width) * static_cast<std::size_t>(input.height) *
                     static_cast<std::size_t>(input.channels);
  batch.places = places_of(share_, plan.size(), batch_parts(options_));
  batch.pictures.resize(batch.places.size() * bytes);
  batch.labels.resize(plan.size());
  for (std::size_t i = 0; i < plan.size(); ++i) batch.labels[i] = list.labels[plan[i]];
  batch.sides.clear();
  if (is_cross_kind(options_)) {
    for (const std::uint32_t row : plan) batch.sides.push_back(row < list.first_kind ? 0 : 1);
  }
  batch.first_kind = static_cast<std::size_t>(
      std::count_if(batch.places.begin(), batch.places.end(),
                    [&](std::size_t place) { return plan[place] < list.first_kind; }));
  Augmenter augmenter(options_.augmentation, set_.width(), set_.height(), input.width, input.height,
                      input.channels, options_.augmentation_strength);
  std::vector<std::uint8_t> blended;
  for (std::size_t i = 0; i < batch.places.size(); ++i) {
    const std::size_t place = batch.places[i];
    IdentityMixer::Blend blend;
    Rng features(0);
    if (options_.mix_identities > 0) {
      const std::size_t group = place / options_.images_each;
      blend = mixer_.draw(batch.labels[place], Rng(options_.seed, {kGroupStream, epoch_, index, group}));
      features = Rng(options_.seed, {kFeatureStream, epoch_, index, group});
    }
    const std::uint8_t* picture = mixer_.picture(
        plan[place], blend, Rng(options_.seed, {kPartnerStream, epoch_, index, place}), blended);
    Rng rng(options_.seed, {kPictureStream, epoch_, index, place});
    augmenter.apply(picture, rng, batch.pictures.data() + i * bytes,
                    blend.partner != nullptr ? &features : nullptr);
  }
}

void Prefetcher::work() {
  try {
    for (;;) {
      Batch batch;
      std::size_t index = 0;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock,
                      [&] { return stop_ || claimed_ == batches_.size() || claimed_ < taken_ + ahead_; });
        if (stop_ || claimed_ == batches_.size()) return;
        index = claimed_++;
        if (!free_.empty()) {
          batch = std::move(free_.back());
          free_.pop_back();
        }
      }
      fill(index, batch);
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        ready_.emplace(index, std::move(batch));
      }
      changed_.notify_all();
    }
  } catch (...) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      failure_ = std::current_exception();
    }
    changed_.notify_all();
  }
}

bool Prefetcher::next(Batch& batch) {
  if (taken_ == batches_.size()) return false;
  const auto start = std::chrono::steady_clock::now();
  {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return failure_ != nullptr || ready_.count(taken_) != 0; });
    const auto found = ready_.find(taken_);
    if (found == ready_.end()) std::rethrow_exception(failure_);
    free_.push_back(std::move(batch));
    batch = std::move(found->second);
    ready_.erase(found);
    ++taken_;
  }
  changed_.notify_all();
  waited_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return true;
}

}  // namespace training
