// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace embed::cpu {

/// Threads that work on one thing together and sleep between. Who waits looks for a moment and then sleeps,
/// so that a team on a busy machine takes no time from those it waits for. One run() at a time.
class ThreadTeam {
 public:
  /// `size` counts the caller of run(), so size − 1 threads are made. They run on `cpus` alone, any of them
  /// on any of these; with none, wherever the system puts them. The caller's own thread is left as it is.
  /// Throws Error(OutOfMemory) where the system starts no more threads.
  explicit ThreadTeam(int size, std::vector<int> cpus = {});
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const noexcept { return size_; }

  /// Calls work(0) here and work(1) … work(size − 1) on the other threads, and returns when all are done. The
  /// work must not throw.
  template <class Work>
  void run(Work& work) {
    run_all([](void* context, int index) { (*static_cast<Work*>(context))(index); }, &work);
  }

  /// For the work: returns when every member has called it as often as this one.
  void barrier();

 private:
  using Function = void (*)(void* context, int index);
  void run_all(Function function, void* context);
  void live(int index);
  template <class Condition>
  void await(Condition condition);
  void announce();

  const int size_;
  const std::vector<int> cpus_;
  Function function_ = nullptr;  // Written before round_ is raised, read after it was seen to be.
  void* context_ = nullptr;
  std::atomic<std::uint64_t> round_{0};
  std::atomic<int> busy_{0};     // Members besides the caller that have not finished the round.
  std::atomic<int> arrived_{0};  // At the barrier.
  std::atomic<std::uint64_t> barriers_{0};
  std::atomic<bool> ending_{false};
  std::atomic<int> sleepers_{0};
  std::mutex mutex_;  // For sleeping alone; guards nothing.
  std::condition_variable wake_;
  std::vector<std::thread> threads_;
};

}  // namespace embed::cpu
