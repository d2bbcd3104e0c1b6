// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/shared_embedder.h"

#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "device.h"
#include "embed/error.h"
#include "embed/preprocess.h"

namespace embed {
namespace {

/// A model that is loaded or being loaded under one key.
struct Slot {
  std::mutex loading;  // Held while the model is looked for or loaded; no other lock is taken under it.
  std::weak_ptr<SharedEmbedder> model;
  std::string identity;  // What is loaded, see identity_of; guarded by `loading`.
};

struct Registry {
  std::mutex mutex;  // Guards slots alone.
  std::map<std::string, std::shared_ptr<Slot>> slots;
};

Registry& registry() {
  static Registry registry;
  return registry;
}

/// The file by its place on the disk and its state, the device and the precision by what they become: the
/// same text for the same model. A file that cannot be read is left to the loading, which says why.
std::string identity_of(const std::string& weights_file, const EmbedderOptions& options) {
  const torch::Device device = parse_device(options.device);
  std::string text = weights_file;
  struct stat file {};
  if (::stat(weights_file.c_str(), &file) == 0) {
    text.clear();
    for (const long long part :
         {static_cast<long long>(file.st_dev), static_cast<long long>(file.st_ino),
          static_cast<long long>(file.st_size), static_cast<long long>(file.st_mtim.tv_sec),
          static_cast<long long>(file.st_mtim.tv_nsec)}) {
      text += std::to_string(part) + ':';
    }
  }
  return text + ' ' + device.str() + ' ' + resolve_precision(options.precision, device);
}

std::shared_ptr<Slot> slot_of(const std::string& key) {
  Registry& all = registry();
  const std::lock_guard<std::mutex> lock(all.mutex);
  for (auto it = all.slots.begin(); it != all.slots.end();) {
    // Nobody can come by a slot that the registry alone has while its mutex is held.
    it = it->second.use_count() == 1 && it->second->model.expired() ? all.slots.erase(it) : std::next(it);
  }
  std::shared_ptr<Slot>& slot = all.slots[key];
  if (!slot) slot = std::make_shared<Slot>();
  return slot;
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
  const std::shared_ptr<Slot> slot = slot_of(instance_id.empty() ? "file " + identity : "id " + instance_id);
  const std::lock_guard<std::mutex> lock(slot->loading);
  if (auto model = slot->model.lock()) {
    if (slot->identity == identity) return model;
    throw Error(ErrorCode::Mismatch,
                "model-instance-id '" + instance_id +
                    "' is in use with other weights, or on another device or in another precision, than " +
                    weights_file + " on " + options.device + " in " + options.precision);
  }
  auto model = std::make_shared<SharedEmbedder>(weights_file, options);
  slot->model = model;
  slot->identity = identity;
  return model;
}

std::size_t shared_embedders() {
  std::vector<std::shared_ptr<Slot>> slots;
  {
    Registry& all = registry();
    const std::lock_guard<std::mutex> lock(all.mutex);
    for (const auto& [key, slot] : all.slots) slots.push_back(slot);
  }
  return static_cast<std::size_t>(std::count_if(slots.begin(), slots.end(), [](const auto& slot) {
    const std::lock_guard<std::mutex> lock(slot->loading);
    return !slot->model.expired();
  }));
}

}  // namespace embed
