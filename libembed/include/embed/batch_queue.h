// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "embed/embedding.h"

namespace embed {

/// The crops of one image on their way through a BatchQueue, and the embeddings that come back. Its memory is
/// kept from one use to the next. It belongs to the queue from submit() until wait() has returned true. At
/// all other times it is for one thread at a time.
class BatchRequest {
 public:
  BatchRequest() = default;
  BatchRequest(const BatchRequest&) = delete;
  BatchRequest& operator=(const BatchRequest&) = delete;

  /// Makes room for `count` crops of `crop_bytes` bytes and returns where to write them: [count, crop_bytes]
  /// uint8, C-contiguous, owned by this object, undefined until written.
  std::uint8_t* prepare(std::size_t count, std::size_t crop_bytes);
  /// What was written there; valid until the next prepare().
  const std::uint8_t* crops() const noexcept { return crops_.data(); }
  std::size_t count() const noexcept { return count_; }
  /// [count], owned by this object; valid once wait() has returned true.
  const Embedding* embeddings() const noexcept { return embeddings_.data(); }

 private:
  friend class BatchQueue;
  friend class BatchClient;

  std::vector<std::uint8_t> crops_;
  std::vector<Embedding> embeddings_;
  std::size_t count_ = 0;
  // The rest is guarded by the queue's mutex while the queue has the request.
  std::size_t taken_ = 0;     // Crops that a pass has taken.
  std::size_t done_ = 0;      // Crops that came back.
  std::size_t parts_ = 0;     // Passes that hold some of the crops now.
  bool finished_ = false;     // All came back, or one pass failed and no other holds any.
  std::uint64_t epoch_ = 0;   // The client's at submit(); when the client's differs, this was withdrawn.
  std::exception_ptr error_;  // What the pass that failed threw.
  std::chrono::steady_clock::time_point submitted_;
  std::shared_ptr<BatchRequest> next_;  // The next one in its client's line.
};

/// What the queue has done for one client. Times are wall clock.
struct BatchStats {
  std::uint64_t faces = 0;   ///< Crops of this client that went into a pass.
  std::uint64_t passes = 0;  ///< Passes that held at least one of them.
  std::uint64_t faces_in_passes =
      0;  ///< Crops of all clients in those passes; over `passes`: the mean batch.
  std::chrono::nanoseconds wait_time{};  ///< From submit() to the start of the pass, summed over the crops.
  std::chrono::nanoseconds pass_time{};  ///< The duration of those passes, summed.
};

/// Merges the crops of many callers into passes of one network. The rules:
///
/// - A pass starts when the one before it has ended and one of three things is true: batch_size crops are in
///   line, every client that could add a crop has added one, or the first crop in line has waited for its
///   client's timeout. The queue does not wait for a client that rests, or that let some passes go by
///   without a crop, until that client submits again.
/// - Where passes can run beside each other, a whole batch in line is dealt out to them in equal shares, and
///   while one of them runs the others take what is in line. Fewer crops go into one pass that runs alone.
/// - Clients take turns, a whole request at a time as far as the pass has room, so that a client with many
///   faces does not starve the others. The requests of one client go into passes in the order of their
///   submission.
/// - A pass that throws ends the requests in it, and no others.
///
/// Thread-safe. Used through BatchClient; a client keeps its queue alive.
class BatchQueue {
 public:
  /// Embeds `count` ≤ batch_size crops, [count, crop_bytes], into `out`, [count]. What it throws is thrown by
  /// wait().
  using Pass = std::function<void(const std::uint8_t* crops, std::size_t count, Embedding* out)>;

  /// `pass` runs alone. The passes in `apart` may run beside each other, but never beside `pass`; each has a
  /// thread of its own, which makes one call at a time. They are used when there are at least two of them and
  /// at most batch_size. Throws Error(InvalidArgument) for a batch_size or crop_bytes of 0, and
  /// Error(OutOfMemory) when there is no room for the batches or the threads.
  BatchQueue(Pass pass, std::size_t crop_bytes, std::size_t batch_size, std::vector<Pass> apart = {});
  /// Waits for the passes in progress.
  ~BatchQueue();
  BatchQueue(const BatchQueue&) = delete;
  BatchQueue& operator=(const BatchQueue&) = delete;

  std::size_t crop_bytes() const noexcept;
  std::size_t batch_size() const noexcept;
  std::size_t clients() const noexcept;

 private:
  friend class BatchClient;
  struct Client;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// One caller of a BatchQueue, for example a video stream. Thread-safe; it is made for one thread that calls
/// submit() and another one that calls wait().
class BatchClient {
 public:
  /// `timeout`, ≥ 0: how long the crops of this client may wait for those of others before their pass.
  BatchClient(std::shared_ptr<BatchQueue> queue, std::chrono::nanoseconds timeout);
  /// As withdraw().
  ~BatchClient();
  BatchClient(const BatchClient&) = delete;
  BatchClient& operator=(const BatchClient&) = delete;

  /// Puts a prepared request (count ≥ 1) into the line. Never waits for a pass.
  void submit(const std::shared_ptr<BatchRequest>& request);
  /// Waits until a submitted request is finished and returns true: its embeddings are valid. Returns false
  /// when it was withdrawn: it must not be used again, since a pass may still write to it. A client with many
  /// requests in flight is woken when half of them are finished, or when one has failed. Throws what the pass
  /// threw.
  bool wait(const BatchRequest& request);
  /// Takes back all requests that no wait() has returned yet; wait() returns false for them. The results of
  /// crops that are already in a pass are thrown away. Returns at once and does not hold up other clients.
  /// submit() may follow.
  void withdraw() noexcept;

  /// Says that no crop will come for now, as at the end of a stream. Others do not wait for this client until
  /// its next submit(). Requests in line stay there.
  void rest() noexcept;

  BatchStats stats() const;

 private:
  std::shared_ptr<BatchQueue> queue_;
  std::shared_ptr<BatchQueue::Client> client_;
};

}  // namespace embed
