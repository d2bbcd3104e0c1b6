// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

namespace embed {

/// A thread of the process that looks at files for all who want it, some times a second. It runs while
/// somebody does. One for all, since each thread that reads galleries keeps memory of their size.
/// Thread-safe.
class Watcher {
 public:
  static Watcher& shared();

  /// Calls `look` from the thread until remove(owner).
  void add(const void* owner, std::function<void()> look);
  /// After this `look` is not called, and does not run any more, unless it is `look` that calls this. Nothing
  /// happens for who is not there.
  void remove(const void* owner);
  /// Everybody looks at once.
  void wake();

 private:
  /// A thread's life: guarded by mutex_.
  struct Run {
    bool stop = false;
    const void* looking = nullptr;  // Whose `look` runs.
  };
  Watcher() = default;
  void run(const std::shared_ptr<Run>& run);

  std::mutex mutex_;  // No other lock is taken under it.
  std::condition_variable woken_, looked_;
  std::map<const void*, std::function<void()>> looks_;
  bool wake_ = false;
  std::shared_ptr<Run> run_;
  std::thread thread_;
};

}  // namespace embed
