// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "embed/batch_queue.h"
#include "embed/embedder.h"

namespace embed {

/// A loaded model with a queue, for all callers that share it. Thread-safe.
class SharedEmbedder {
 public:
  /// Throws as Embedder's constructor does. Most callers use share_embedder instead.
  SharedEmbedder(const std::string& weights_file, const EmbedderOptions& options);

  const Embedder& embedder() const noexcept { return embedder_; }
  BatchQueue& queue() noexcept { return queue_; }

 private:
  std::vector<BatchQueue::Pass> lanes() const;

  Embedder embedder_;
  BatchQueue queue_;  // Declared after embedder_, so that its threads end first.
};

/// The one model of these weights, on this device and in this precision, that the process shares. The first
/// call loads it; further calls return the same object as long as it has an owner. Weights are told apart by
/// the file, not by its path: a file that was replaced is another one. "auto" and what it stands for share
/// one model. The batch_size and threads of `options` are those of the first call.
///
/// An `instance_id` that is not empty keeps models apart: only calls with the same id share one. All of them
/// must ask for the same weights, device and precision.
///
/// Any thread; calls for the same model wait for the one that loads it. Throws as Embedder's constructor
/// does, and Error(Mismatch) for an instance_id that is in use with another model.
std::shared_ptr<SharedEmbedder> share_embedder(const std::string& weights_file,
                                               const EmbedderOptions& options = {},
                                               const std::string& instance_id = {});

/// How many models of share_embedder are alive. Any thread; waits for those that are being loaded.
std::size_t shared_embedders();

}  // namespace embed
