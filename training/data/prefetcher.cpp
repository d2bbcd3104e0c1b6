// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data/prefetcher.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <system_error>

#include "embed/error.h"
#include "embed/parallel.h"

namespace training {

namespace {

constexpr std::size_t kAhead = 4;
/// Pictures that a thread takes at once.
constexpr std::size_t kPiece = 16;
constexpr std::uint64_t kPictureStream = 20;
constexpr std::uint64_t kGroupStream = 21;
constexpr std::uint64_t kPartnerStream = 22;
constexpr std::uint64_t kFeatureStream = 23;

int worker_count(const TrainOptions& options) {
  if (options.workers > 0) return options.workers;
  return std::clamp(embed::usable_cpus() / 2, 1, 16);
}

}  // namespace

Prefetcher::Prefetcher(const TrainingSet& set, const TrainOptions& options, std::size_t epoch,
                       std::vector<BatchPlan> batches, std::size_t first, const Share& share, Make make)
    : set_(set),
      options_(options),
      epoch_(epoch),
      batches_(std::move(batches)),
      share_(share),
      make_(make),
      mixer_(set.train(), {set.width(), set.height(), set.input().channels}, options.mix_identities,
             options.mix_by),
      ahead_(kAhead),
      taken_(first),
      claimed_(first) {
  try {
    for (int i = 0; i < worker_count(options); ++i) threads_.emplace_back([this] { work(); });
  } catch (const std::system_error& error) {
    // Fewer threads make the same pictures.
    if (threads_.empty()) {
      throw embed::Error(embed::ErrorCode::Internal,
                         std::string("no thread to make the batches could be started: ") + error.what());
    }
  }
}

Prefetcher::~Prefetcher() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

/// Of a P×K batch.
std::size_t Prefetcher::group_of(std::size_t place) const {
  return place / std::max<std::size_t>(1, options_.images_each);
}

IdentityMixer::Blend Prefetcher::blend_of(std::size_t index, std::size_t place) const {
  if (options_.mix_identities <= 0) return {};
  return mixer_.draw(set_.train().labels[batches_[index][place]],
                     Rng(options_.seed, {kGroupStream, epoch_, index, group_of(place)}));
}

/// Everything but the pictures.
void Prefetcher::lay_out(std::size_t index, Batch& batch) const {
  const BatchPlan& plan = batches_[index];
  const ImageList& list = set_.train();
  batch.places = places_of(share_, plan.size(), batch_parts(options_));
  if (make_ == Make::Pictures) {
    const embed::InputSpec& input = set_.input();
    batch.pictures.resize(batch.places.size() * static_cast<std::size_t>(input.width) *
                          static_cast<std::size_t>(input.height) * static_cast<std::size_t>(input.channels));
  } else {
    batch.items.resize(batch.places.size());
  }
  batch.labels.resize(plan.size());
  for (std::size_t i = 0; i < plan.size(); ++i)
    batch.labels[i] = mixer_.label_of(list.labels[plan[i]], blend_of(index, i), group_of(i));
  batch.rows.assign(plan.begin(), plan.end());
  batch.targets.clear();
  if (!set_.targets().empty()) {
    for (const std::uint32_t row : plan) {
      const float* vector = set_.targets().vector(row, epoch_);
      batch.targets.insert(batch.targets.end(), vector, vector + embed::kEmbeddingDim);
    }
  }
  batch.sides.clear();
  if (is_cross_kind(options_)) {
    for (const std::uint32_t row : plan) batch.sides.push_back(row < list.first_kind ? 0 : 1);
  }
  batch.first_kind = static_cast<std::size_t>(
      std::count_if(batch.places.begin(), batch.places.end(),
                    [&](std::size_t place) { return plan[place] < list.first_kind; }));
}

/// Pictures [begin, end) of a batch, which other threads fill at other places.
void Prefetcher::fill(std::size_t index, std::size_t begin, std::size_t end, Batch& batch,
                      Augmenter& augmenter) const {
  const BatchPlan& plan = batches_[index];
  const std::size_t bytes = make_ == Make::Pictures ? batch.pictures.size() / batch.places.size() : 0;
  IdentityMixer::Scratch scratch;
  for (std::size_t i = begin; i < end; ++i) {
    const std::size_t place = batch.places[i];
    const IdentityMixer::Blend blend = blend_of(index, place);
    const Rng features(options_.seed, {kFeatureStream, epoch_, index, group_of(place)});
    const Rng* identity = blend.partner != nullptr ? &features : nullptr;
    const Rng partner(options_.seed, {kPartnerStream, epoch_, index, place});
    // A view that the teacher has seen is drawn as it was then.
    Rng rng = set_.targets()
                  .view(plan[place], epoch_)
                  .value_or(Rng(options_.seed, {kPictureStream, epoch_, index, place}));
    if (make_ == Make::Pictures) {
      const std::uint8_t* picture = mixer_.picture(plan[place], blend, partner, scratch);
      augmenter.apply(picture, rng, batch.pictures.data() + i * bytes, identity);
      continue;
    }
    AugmentItem& item = batch.items[i];
    item.row = plan[place];
    item.partner = blend.partner == nullptr ? item.row : IdentityMixer::partner_row(blend, partner);
    item.partner_weight = blend.weight;
    item.cut_row = blend.cut_row;
    item.cut_column = blend.cut_column;
    item.plan = augmenter.draw(rng, identity);
  }
}

bool Prefetcher::claimable() const {
  return claimed_ < batches_.size() && claimed_ < taken_ + ahead_;
}

void Prefetcher::work() {
  try {
    const embed::InputSpec& input = set_.input();
    Augmenter augmenter(options_.augmentation, set_.width(), set_.height(), input.width, input.height,
                        input.channels);
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return stop_ || claimed_ == batches_.size() || claimable(); });
      if (stop_ || claimed_ == batches_.size()) return;
      const std::size_t index = claimed_;
      const auto [found, is_new] = working_.try_emplace(index);
      Work& work = found->second;  // Stays where it is while others come and go.
      if (is_new) {
        if (!free_.empty()) {
          work.batch = std::move(free_.back());
          free_.pop_back();
        }
        lay_out(index, work.batch);
      }
      const std::size_t begin = work.begun, count = work.batch.places.size();
      const std::size_t end = work.begun = std::min(count, begin + kPiece);
      if (end == count) ++claimed_;
      lock.unlock();
      fill(index, begin, end, work.batch, augmenter);
      lock.lock();
      work.done += end - begin;
      if (work.done < count) continue;
      ready_.emplace(index, std::move(work.batch));
      working_.erase(index);
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
