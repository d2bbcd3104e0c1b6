// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

#include "embed/parallel.h"

namespace embed {

/// The least CPU quota of this process's cgroup and those above it, in whole CPUs, rounded up; 0 where there
/// is none. Reads version 2 ("cpu.max") and version 1 (controller "cpu"). Tests set `root`, which is put
/// before /proc/self/cgroup and /sys/fs/cgroup. Any thread.
int cgroup_cpus(const std::string& root = "");

}  // namespace embed
