// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace training {

/// Calls work(first, end) for each block of [0, count), on all processors, in any order. `work` must not
/// throw.
template <typename Work>
void for_each_block(std::size_t count, std::size_t block, const Work& work) {
  std::atomic<std::size_t> next{0};
  const auto take = [&] {
    for (std::size_t first = next.fetch_add(block); first < count; first = next.fetch_add(block)) {
      work(first, std::min(first + block, count));
    }
  };
  std::vector<std::thread> helpers;
  for (unsigned i = 1; i < std::thread::hardware_concurrency(); ++i) helpers.emplace_back(take);
  take();
  for (std::thread& helper : helpers) helper.join();
}

}  // namespace training
