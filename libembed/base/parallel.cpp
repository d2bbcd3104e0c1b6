// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/parallel.h"

#include <algorithm>
#include <atomic>

#include "base/worker_pool.h"

namespace embed {

void for_each_block(std::size_t count, std::size_t block,
                    const std::function<void(std::size_t begin, std::size_t end)>& work) {
  std::atomic<std::size_t> next{0};
  const auto take = [&](std::size_t) {
    for (std::size_t begin = next.fetch_add(block); begin < count; begin = next.fetch_add(block))
      work(begin, std::min(begin + block, count));
  };
  WorkerPool& pool = WorkerPool::shared();
  pool.run(std::min(pool.width(), (count + block - 1) / block), take);
}

}  // namespace embed
