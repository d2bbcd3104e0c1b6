// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace embed {

/// CPUs that this process may use: its affinity mask, its cgroup's quota and OMP_NUM_THREADS, whichever is
/// the least; at least 1.
int usable_cpus();

}  // namespace embed
