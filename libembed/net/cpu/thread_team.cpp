// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/cpu/thread_team.h"

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

#include "base/usable_cpus.h"
#include "embed/error.h"

namespace embed::cpu {

namespace {

// Ten microseconds or some tens of them: longer than the members of a team usually wait for each other,
// shorter than what going to sleep and waking up would be missed for.
constexpr int kLooks = 1500;

void pause_briefly() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");  // `yield` does nothing on most cores; this one takes some ten cycles.
#endif
}

}  // namespace

ThreadTeam::ThreadTeam(int size, std::vector<int> cpus) : size_(std::max(1, size)), cpus_(std::move(cpus)) {
  threads_.reserve(static_cast<std::size_t>(size_ - 1));
  try {
    for (int index = 1; index < size_; ++index) threads_.emplace_back([this, index] { live(index); });
  } catch (const std::system_error& error) {
    ending_ = true;
    announce();
    for (std::thread& thread : threads_) thread.join();
    throw Error(ErrorCode::OutOfMemory, "thread " + std::to_string(threads_.size() + 2) + " of " +
                                            std::to_string(size_) +
                                            " of the network cannot be started: " + error.what());
  }
}

ThreadTeam::~ThreadTeam() {
  ending_ = true;
  announce();
  for (std::thread& thread : threads_) thread.join();
}

template <class Condition>
void ThreadTeam::await(Condition condition) {
  for (int look = 0; look < kLooks; ++look) {
    if (condition()) return;
    pause_briefly();
  }
  std::unique_lock<std::mutex> lock(mutex_);
  ++sleepers_;
  wake_.wait(lock, condition);
  --sleepers_;
}

/// After a change that somebody may sleep for. A sleeper counts itself before it looks for the last time, so
/// either it sees the change or is seen here.
void ThreadTeam::announce() {
  if (sleepers_ == 0) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  wake_.notify_all();
}

void ThreadTeam::run_all(Function function, void* context) {
  function_ = function;
  context_ = context;
  busy_ = size_ - 1;
  ++round_;
  announce();
  function(context, 0);
  await([this] { return busy_ == 0; });
}

void ThreadTeam::live(int index) {
  keep_thread_on(cpus_);
  for (std::uint64_t round = 0;; ++round) {
    await([&] { return round_ != round || ending_; });
    if (ending_) return;
    function_(context_, index);
    --busy_;
    announce();
  }
}

void ThreadTeam::barrier() {
  if (size_ == 1) return;
  const std::uint64_t barrier = barriers_;
  if (++arrived_ == size_) {
    arrived_ = 0;
    ++barriers_;
    announce();
  } else {
    await([&] { return barriers_ != barrier; });
  }
}

}  // namespace embed::cpu
