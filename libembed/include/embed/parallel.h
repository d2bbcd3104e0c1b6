// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <functional>

namespace embed {

/// CPUs that this process may use, without those that are slow beside the fastest of them: what its affinity
/// mask leaves of them, its cgroups' quotas and OMP_NUM_THREADS, whichever is the least; at least 1.
/// thread-safe.
int usable_cpus();

/// Calls work(begin, end) for each block of `block` numbers of [0, count), on the process's threads and in
/// any order. Where there are no other threads, or they are busy, the caller does all. What a call throws is
/// thrown on when all are done. thread-safe.
void for_each_block(std::size_t count, std::size_t block,
                    const std::function<void(std::size_t begin, std::size_t end)>& work);

}  // namespace embed
