// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "data/augment/augment.h"
#include "data/batch_sampler.h"
#include "data/identity_mixer.h"
#include "data/training_set.h"

namespace training {

/// One batch ready for the network.
struct Batch {
  std::vector<std::uint8_t> pictures;  ///< [count, height, width, channels]: this rank's share.
  std::vector<AugmentItem> items;      ///< [count]: what stands for `pictures` when those are made elsewhere.
  std::vector<std::int64_t> labels;    ///< [total]: of all ranks' pictures, in the batch's order.
  std::vector<std::size_t> places;     ///< [count]: where in the batch the pictures belong.
  /// [total]: 0 for pictures of the first kind, 1 for those of the second; empty where there is one kind.
  std::vector<std::int64_t> sides;
  /// The teacher's vectors, centred and of length 1: [total, 128] where they are stored, [count, 128] where a
  /// teacher looks at this rank's share; empty without one.
  std::vector<float> targets;
  std::vector<std::int64_t> rows;  ///< [total]: of the training list; equal for two views of one picture.
  std::size_t first_kind = 0;      ///< Of `count`, those of the first kind, which come first.
};

/// Cuts and augments the batches of one epoch on threads of its own (options.workers) while the caller
/// trains; they share the pictures of a batch, so that the first one is soon there. What a picture becomes
/// depends on (seed, epoch, batch, place in the batch) alone. next() is for one thread.
class Prefetcher {
 public:
  /// Pictures: bytes ready for the network. Items: only what is to be done, for a DeviceAugmenter.
  enum class Make { Pictures, Items };

  /// Begins with batch `first` of `batches`. `set` outlives this object. Throws embed::Error(Internal) where
  /// the machine gives not one thread.
  Prefetcher(const TrainingSet& set, const TrainOptions& options, std::size_t epoch,
             std::vector<BatchPlan> batches, std::size_t first, const Share& share = {},
             Make make = Make::Pictures);
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  /// Puts the next batch into `batch` (whose memory is used again); false after the last one. Throws what the
  /// thread threw.
  bool next(Batch& batch);
  /// Seconds that next() has waited.
  double waited() const noexcept { return waited_; }

 private:
  /// A batch of which some pictures are still to be made.
  struct Work {
    Batch batch;
    std::size_t begun = 0, done = 0;  // Of its pictures.
  };
  void work();
  void lay_out(std::size_t index, Batch& batch) const;
  void fill(std::size_t index, std::size_t begin, std::size_t end, Batch& batch, Augmenter& augmenter) const;
  bool claimable() const;
  std::size_t group_of(std::size_t place) const;
  IdentityMixer::Blend blend_of(std::size_t index, std::size_t place) const;

  const TrainingSet& set_;
  const TrainOptions options_;
  const std::size_t epoch_;
  const std::vector<BatchPlan> batches_;
  const Share share_;
  const Make make_;
  const IdentityMixer mixer_;
  const std::size_t ahead_;  // Batches that may be ready or in work.
  double waited_ = 0;

  std::mutex mutex_;  // Guards what follows.
  std::condition_variable changed_;
  std::size_t taken_;                    // Given to next()'s caller so far.
  std::size_t claimed_;                  // The batch whose pictures threads take up.
  std::map<std::size_t, Work> working_;  // By number.
  std::map<std::size_t, Batch> ready_;   // By number: threads finish out of order.
  std::vector<Batch> free_;
  std::exception_ptr failure_;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace training
