// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "embed/batch_queue.h"
#include "embed/embedder.h"

namespace embed {

/// A loaded model with a queue before it, for all who share it. Thread-safe.
class SharedEmbedder {
 public:
  /// Throws as Embedder's constructor. Most callers want share_embedder.
  SharedEmbedder(const std::string& weights_file, const EmbedderOptions& options);

  const Embedder& embedder() const noexcept { return embedder_; }
  BatchQueue& queue() noexcept { return queue_; }

 private:
  std::vector<BatchQueue::Pass> lanes() const;

  Embedder embedder_;
  BatchQueue queue_;  // Behind embedder_: its threads end first.
};

/// The process's one model of these weights on this device in this precision: loaded by the first call, the
/// same object for every further one while somebody has it, gone with the last owner. The file counts, not
/// its path: a file that was replaced is another one. "auto" and what it becomes are the same.
///
/// `instance_id`, when not empty, keeps models apart: only calls with the same id share one. All of them must
/// then ask for the same weights, device and precision. options.batch_size and options.threads are
/// those of the first call.
///
/// Any thread; calls for the same model wait for the one that loads it. Throws as Embedder's constructor, and
/// Error(Mismatch) for an instance_id that is in use with another model.
std::shared_ptr<SharedEmbedder> share_embedder(const std::string& weights_file,
                                               const EmbedderOptions& options = {},
                                               const std::string& instance_id = {});

/// How many models that share_embedder made are alive. Any thread; waits for those being loaded.
std::size_t shared_embedders();

}  // namespace embed
