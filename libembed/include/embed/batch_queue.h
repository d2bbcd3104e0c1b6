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

/// The crops of one picture on their way through a BatchQueue, and the embeddings that come back. Its memory
/// stays from one use to the next. Between submit() and the wait() that returned true the queue has it; else
/// it is for one thread at a time.
class BatchRequest {
 public:
  BatchRequest() = default;
  BatchRequest(const BatchRequest&) = delete;
  BatchRequest& operator=(const BatchRequest&) = delete;

  /// Makes room for `count` crops of `crop_bytes` bytes and returns where they go: [count, crop_bytes] uint8,
  /// C-contiguous, this object's, undefined until written.
  std::uint8_t* prepare(std::size_t count, std::size_t crop_bytes);
  std::size_t count() const noexcept { return count_; }
  /// [count], this object's; of use once wait() returned true.
  const Embedding* embeddings() const noexcept { return embeddings_.data(); }

 private:
  friend class BatchQueue;
  friend class BatchClient;

  std::vector<std::uint8_t> crops_;
  std::vector<Embedding> embeddings_;
  std::size_t count_ = 0;
  // The rest is guarded by the queue's mutex while the queue has the request.
  std::size_t taken_ = 0;     // Crops that went into a pass.
  std::size_t done_ = 0;      // Crops that came back.
  std::size_t parts_ = 0;     // Passes that have some of them now.
  bool finished_ = false;     // All came back, or one pass failed and no other has any.
  std::uint64_t epoch_ = 0;   // The client's at submit(): another one now means withdrawn.
  std::exception_ptr error_;  // Of the pass that failed.
  std::chrono::steady_clock::time_point submitted_;
  std::shared_ptr<BatchRequest> next_;  // Behind this one in its client's line.
};

/// What one client had of the queue. Times are wall clock.
struct BatchStats {
  std::uint64_t faces = 0;            ///< Crops of this client that went into a pass.
  std::uint64_t passes = 0;           ///< Passes that held at least one of them.
  std::uint64_t faces_in_passes = 0;  ///< Crops of all clients in those passes; by `passes`: the mean batch.
  std::chrono::nanoseconds wait_time{};  ///< From submit() to the start of the pass, summed over the crops.
  std::chrono::nanoseconds pass_time{};  ///< Those passes.
};

/// Merges the crops of many callers into passes of one network. The rules:
///
/// - a pass starts as soon as the one before it has ended and batch_size crops are there, or every client
///   that could add to it has added, or the first crop in line has waited for its client's timeout. A client
///   that rests, or let some passes go by without a crop, is not waited for until it submits again;
/// - where passes can run beside each other, a whole batch in line goes to them in equal shares, and as long
///   as one of them runs the others take what is there; fewer crops are done by one pass alone;
/// - clients take turns, a whole request at a time as far as the pass has room, so that none is starved by
///   one with many faces; the requests of one client go into passes in the order of their submission;
/// - a pass that throws ends the requests in it, and no others.
///
/// Thread-safe. Used through BatchClient; a client keeps its queue alive.
class BatchQueue {
 public:
  /// Embeds `count` ≤ batch_size crops, [count, crop_bytes], into `out`, [count]. What it throws is handed to
  /// those who wait.
  using Pass = std::function<void(const std::uint8_t* crops, std::size_t count, Embedding* out)>;

  /// `pass` runs alone. `apart`: passes that may run beside each other, never beside `pass`, each on a thread
  /// of its own and no two calls of one at once; of use are at least two, and at most batch_size. Throws
  /// Error(InvalidArgument) for a batch_size or crop_bytes of 0, Error(OutOfMemory) for the room of the
  /// batches and for the threads.
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

/// One caller of a BatchQueue, a video stream for example. Thread-safe; submit() from one thread and wait()
/// in another is what it is made for.
class BatchClient {
 public:
  /// `timeout`, ≥ 0: how long the crops of this client may wait for those of others before their pass.
  BatchClient(std::shared_ptr<BatchQueue> queue, std::chrono::nanoseconds timeout);
  /// Withdraws.
  ~BatchClient();
  BatchClient(const BatchClient&) = delete;
  BatchClient& operator=(const BatchClient&) = delete;

  /// Puts a prepared request (count ≥ 1) in line. Never waits for a pass.
  void submit(const std::shared_ptr<BatchRequest>& request);
  /// Waits until a submitted request is finished (true: its embeddings are there) or was withdrawn (false: it
  /// must not be used again, a pass may still write to it). A client with many requests on their way is woken
  /// when half of them are finished, or one failed. Throws what its pass threw.
  bool wait(const BatchRequest& request);
  /// Takes back all that was submitted and not waited for; ends the waiting for it. Crops that are in a pass
  /// already run for nobody. Returns at once, and other clients are not held. submit() may follow.
  void withdraw() noexcept;

  /// Says that no crop will come for now, as at the end of a stream: others do not wait for this client until
  /// its next submit(). What is in line stays there.
  void rest() noexcept;

  BatchStats stats() const;

 private:
  std::shared_ptr<BatchQueue> queue_;
  std::shared_ptr<BatchQueue::Client> client_;
};

}  // namespace embed
