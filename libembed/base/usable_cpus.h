// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace embed {

/// How many CPUs this process may use: the least of its affinity mask, its cgroups' quotas and
/// OMP_NUM_THREADS, but at least 1. Any thread.
int usable_cpus();

/// The least CPU quota of this process's cgroup and those above it, in whole CPUs, rounded up; 0 where there
/// is none. Reads version 2 ("cpu.max") and version 1 (controller "cpu"). Tests set `root`, which is put
/// before /proc/self/cgroup and /sys/fs/cgroup. Any thread.
int cgroup_cpus(const std::string& root = "");

}  // namespace embed
