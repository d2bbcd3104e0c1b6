// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/shared_embedder.h"

#include <mutex>
#include <utility>
#include <vector>

#include "base/shared_slots.h"
#include "embed/error.h"
#include "embed/preprocess.h"
#include "files/file_identity.h"
#include "net/load/load_net.h"

namespace embed {
namespace {

SharedSlots<SharedEmbedder>& slots() {
  static SharedSlots<SharedEmbedder> slots;
  return slots;
}

/// The device and the precision by what they become: the same text for the same model. A file that cannot be
/// read is left to the loading, which says why.
std::string identity_of(const std::string& weights_file, const EmbedderOptions& options) {
  return file_identity(weights_file) + ' ' + placement_of(options);
}

}  // namespace

SharedEmbedder::SharedEmbedder(const std::string& weights_file, const EmbedderOptions& options)
    : embedder_(weights_file, options),
      queue_([this](const std::uint8_t* crops, std::size_t count,
                    Embedding* out) { embedder_.embed_crops(crops, count, out); },
             embed::crop_bytes(embedder_.info().input), options.batch_size, lanes()) {}

std::vector<BatchQueue::Pass> SharedEmbedder::lanes() const {
  std::vector<BatchQueue::Pass> passes;
  for (std::size_t lane = 0; embedder_.lanes() > 1 && lane < embedder_.lanes(); ++lane) {
    passes.emplace_back([this, lane](const std::uint8_t* crops, std::size_t count, Embedding* out) {
      embedder_.embed_alone(lane, crops, count, out);
    });
  }
  return passes;
}

std::shared_ptr<SharedEmbedder> share_embedder(const std::string& weights_file,
                                               const EmbedderOptions& options,
                                               const std::string& instance_id) {
  const std::string identity = identity_of(weights_file, options);
  const auto slot = slots().slot(instance_id.empty() ? "file " + identity : "id " + instance_id);
  const std::lock_guard<std::mutex> lock(slot->loading);
  if (auto model = slot->thing.lock()) {
    if (slot->identity == identity) return model;
    throw Error(ErrorCode::Mismatch,
                "model-instance-id '" + instance_id +
                    "' is in use with other weights, or on another device or in another precision, than " +
                    weights_file + " on " + options.device + " in " + options.precision);
  }
  auto model = std::make_shared<SharedEmbedder>(weights_file, options);
  slot->thing = model;
  slot->identity = identity;
  return model;
}

std::size_t shared_embedders() {
  return slots().alive();
}

}  // namespace embed
