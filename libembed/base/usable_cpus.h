// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

#include "embed/parallel.h"

namespace embed {

/// The least CPU quota of this process's cgroup and those above it, in whole CPUs, rounded up; 0 where there
/// is none. Reads version 2 ("cpu.max") and version 1 (controller "cpu"). Tests set `root`, which is put
/// before /proc/self/cgroup and /sys/fs/cgroup. Any thread.
int cgroup_cpus(const std::string& root = "");

/// Those of `cpus` (numbers of the system) that are not slow beside the fastest of them, as the system says
/// in /sys/devices/system/cpu; all of them where it does not say it of each. Tests set `root`, as above. Any
/// thread.
std::vector<int> fast_cpus(const std::vector<int>& cpus, const std::string& root = "");

/// The threads that a piece of work gets where nobody says how many.
struct DefaultThreads {
  int count = 1;          ///< At least 1; see usable_cpus().
  std::vector<int> cpus;  ///< Where they belong; empty where the system's scheduler decides alone.
};

/// They belong on the fast CPUs where others are slow, unless somebody has already narrowed down where this
/// process runs. Tests set `root`, as above. Any thread.
DefaultThreads default_threads(const std::string& root = "");

/// The calling thread runs on these CPUs alone from now on; with none of them it stays as it is. A system
/// that refuses leaves it as it is too, for it is only slower elsewhere. Any thread.
void keep_thread_on(const std::vector<int>& cpus) noexcept;

}  // namespace embed
