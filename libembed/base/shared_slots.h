// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace embed {

/// Objects that the process shares, one for each key, each for as long as it has an owner. Thread-safe.
template <typename T>
class SharedSlots {
 public:
  /// The object of one key, loaded or being loaded.
  struct Slot {
    std::mutex loading;  // Held while the object is looked for or loaded; no other lock is taken under it.
    std::weak_ptr<T> thing;
    std::string identity;  // What the object is, where the key does not say it; guarded by `loading`.
  };

  /// The key's slot, made if need be. Removes the slots that nobody uses.
  std::shared_ptr<Slot> slot(const std::string& key) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (auto it = slots_.begin(); it != slots_.end();) {
      it = is_unused(it->second) ? slots_.erase(it) : std::next(it);
    }
    std::shared_ptr<Slot>& found = slots_[key];
    if (!found) found = std::make_shared<Slot>();
    return found;
  }

  /// How many objects are alive. Waits for those that are being loaded.
  std::size_t alive() {
    std::vector<std::shared_ptr<Slot>> all;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      for (const auto& [key, slot] : slots_) all.push_back(slot);
    }
    return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const auto& slot) {
      const std::lock_guard<std::mutex> lock(slot->loading);
      return !slot->thing.expired();
    }));
  }

 private:
  /// Whether only slots_ refers to the slot, and its object is gone. While mutex_ is held nobody can get such
  /// a slot.
  static bool is_unused(const std::shared_ptr<Slot>& slot) {
    if (slot.use_count() != 1) return false;
    // A count of 1 alone does not tell that what the last user wrote can be seen here; the lock does.
    const std::unique_lock<std::mutex> lock(slot->loading, std::try_to_lock);
    return lock.owns_lock() && slot->thing.expired();
  }

  std::mutex mutex_;  // Guards slots_ alone.
  std::map<std::string, std::shared_ptr<Slot>> slots_;
};

}  // namespace embed
