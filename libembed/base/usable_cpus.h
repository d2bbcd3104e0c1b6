// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace embed {

/// CPUs that this process may use: its affinity mask, its cgroups' quotas and OMP_NUM_THREADS, whichever is
/// the least; at least 1.
int usable_cpus();

/// The least CPU quota of this process's cgroup and those above it, in whole CPUs, rounded up; 0 where there
/// is none. Version 2 ("cpu.max") or 1 (controller "cpu"), or both. `root` stands before /proc/self/cgroup
/// and /sys/fs/cgroup, for tests. Any thread.
int cgroup_cpus(const std::string& root = "");

}  // namespace embed
