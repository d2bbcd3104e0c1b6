// SPDX-License-Identifier: LGPL-2.1-or-later
#include "thread_team.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>

#ifdef __linux__
#include <sched.h>
#endif

namespace embed::cpu {

namespace {

// Some tens of microseconds: longer than the members of a team usually wait for each other, shorter than what
// going to sleep and waking up would be missed for.
constexpr int kLooks = 1500;

void pause_briefly() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

int affinity() {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  return static_cast<int>(std::thread::hardware_concurrency());
}

/// The CPU quota of this process's cgroup (version 2: "cpu.max"; version 1: two files) in whole CPUs, rounded
/// up; 0 where there is none. Inside a container its own group is mounted at the root.
int quota() {
  double limit = -1, period = 0;
  std::string text;
  if (std::ifstream file("/sys/fs/cgroup/cpu.max"); file >> text >> period) {
    limit = text == "max" ? -1 : std::atof(text.c_str());
  } else {
    std::ifstream quota_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
    std::ifstream period_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
    if (!(quota_file >> limit) || !(period_file >> period)) return 0;
  }
  if (limit <= 0 || period <= 0) return 0;
  return std::max(1, static_cast<int>((limit + period - 1) / period));
}

int asked_for() {
  const char* text = std::getenv("OMP_NUM_THREADS");
  return text != nullptr ? std::max(0, std::atoi(text)) : 0;
}

}  // namespace

int usable_cpus() {
  int count = std::max(1, affinity());
  for (const int limit : {quota(), asked_for()}) {
    if (limit > 0) count = std::min(count, limit);
  }
  return count;
}

ThreadTeam::ThreadTeam(int size) : size_(std::max(1, size)) {
  threads_.reserve(static_cast<std::size_t>(size_ - 1));
  try {
    for (int index = 1; index < size_; ++index) threads_.emplace_back([this, index] { live(index); });
  } catch (...) {
    ending_ = true;
    announce();
    for (std::thread& thread : threads_) thread.join();
    throw;
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
