// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace embed {

/// Threads that share the work of one call at a time. Thread-safe.
class WorkerPool {
 public:
  /// The pool that the process shares: one thread for each of its usable_cpus(), the caller's among them.
  static WorkerPool& shared();

  explicit WorkerPool(std::size_t width);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// The most threads that work at a time, the caller's among them.
  std::size_t width() const noexcept { return width_; }

  /// Calls work(0) on this thread and work(1) … work(width − 1) on others, and returns when all are done.
  /// When the pool is busy or has fewer threads, it makes fewer calls: the calls must share the work among
  /// themselves, and work(0) must be able to do all of it alone. The first exception that a call throws is
  /// rethrown when all are done.
  void run(std::size_t width, const std::function<void(std::size_t)>& work);

 private:
  void start_threads();
  void call(const std::function<void(std::size_t)>& work, std::size_t number) noexcept;
  void serve(std::size_t number);

  const std::size_t width_;
  std::mutex turn_;   // Held by the caller whose work is being done; taken before mutex_.
  std::mutex mutex_;  // Guards what follows.
  std::condition_variable wake_, done_;
  const std::function<void(std::size_t)>* work_ = nullptr;
  std::size_t wanted_ = 0;   // Threads 1 to wanted_ have to work.
  std::size_t running_ = 0;  // How many of them are not done.
  std::size_t round_ = 0;
  std::exception_ptr failure_;  // The first that a thread's work threw.
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace embed
