// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/worker_pool.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/usable_cpus.h"

namespace embed {

WorkerPool& WorkerPool::shared() {
  static WorkerPool pool(static_cast<std::size_t>(usable_cpus()));
  return pool;
}

WorkerPool::WorkerPool(std::size_t width) : width_(std::max<std::size_t>(width, 1)) {}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::start_threads() {
  try {
    while (threads_.size() + 1 < width_) {
      const std::size_t number = threads_.size() + 1;
      threads_.emplace_back([this, number] { serve(number); });
    }
  } catch (const std::system_error&) {
    // The system starts no more threads; the ones that run do the work.
  }
}

void WorkerPool::run(std::size_t width, const std::function<void(std::size_t)>& work) {
  std::unique_lock turn(turn_, std::defer_lock);
  if (width < 2 || width_ < 2 || !turn.try_lock()) {
    work(0);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    start_threads();
    work_ = &work;
    wanted_ = running_ = std::min(width - 1, threads_.size());
    ++round_;
  }
  wake_.notify_all();
  call(work, 0);
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return running_ == 0; });
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void WorkerPool::call(const std::function<void(std::size_t)>& work, std::size_t number) noexcept {
  try {
    work(number);
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
  }
}

void WorkerPool::serve(std::size_t number) {
  std::size_t seen = 0;
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return ending_ || (round_ != seen && number <= wanted_); });
    if (ending_) return;
    seen = round_;
    const auto* work = work_;
    lock.unlock();
    call(*work, number);
    lock.lock();
    if (--running_ == 0) done_.notify_one();
  }
}

}  // namespace embed
