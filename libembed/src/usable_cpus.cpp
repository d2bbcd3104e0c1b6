// SPDX-License-Identifier: LGPL-2.1-or-later
#include "usable_cpus.h"

#ifdef __linux__
#include <sched.h>
#endif

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

namespace embed {

namespace {

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
  return text != nullptr ? std::atoi(text) : 0;
}

}  // namespace

int usable_cpus() {
  int count = std::max(1, affinity());
  for (const int limit : {quota(), asked_for()}) {
    if (limit > 0) count = std::min(count, limit);
  }
  return count;
}

}  // namespace embed
