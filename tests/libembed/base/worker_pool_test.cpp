// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include "embed/parallel.h"
#include "no_new_threads.h"

namespace {

using embed::WorkerPool;

/// Adds up 0 … 999, whoever comes.
std::size_t add_up(WorkerPool& pool, std::size_t width) {
  std::atomic<std::size_t> next{0}, sum{0};
  pool.run(width, [&](std::size_t) {
    for (std::size_t i = next++; i < 1000; i = next++) sum += i;
  });
  return sum;
}

TEST(WorkerPool, DoesTheWorkOnce) {
  for (const std::size_t size : {0U, 1U, 2U, 5U}) {
    WorkerPool pool(size);
    for (const std::size_t width : {0U, 1U, 2U, 3U, 100U}) {
      for (int round = 0; round < 20; ++round) EXPECT_EQ(add_up(pool, width), 499'500U);
    }
  }
}

TEST(WorkerPool, ThreadsHaveTheirOwnNumbers) {
  WorkerPool pool(4);
  std::vector<std::atomic<int>> calls(4);
  pool.run(3, [&](std::size_t number) { ++calls.at(number); });
  EXPECT_EQ(calls[0], 1);
  EXPECT_EQ(calls[1], 1);
  EXPECT_EQ(calls[2], 1);
  EXPECT_EQ(calls[3], 0);
}

TEST(WorkerPool, WorkWithinWorkGoesOnAlone) {
  WorkerPool pool(3);
  std::atomic<std::size_t> sum{0};
  pool.run(3, [&](std::size_t) { sum += add_up(pool, 3); });
  EXPECT_EQ(sum, 3 * 499'500U);
}

TEST(WorkerPool, ManyCallersShareIt) {
  WorkerPool pool(3);
  std::vector<std::thread> callers;
  std::atomic<int> right{0};
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) right += add_up(pool, 3) == 499'500U ? 1 : 0;
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(right, 800);
}

TEST(WorkerPool, WorksAloneWhereNoThreadCanStart) {
  const fixtures::NoNewThreads none;
  EXPECT_THROW(std::thread([] {}).join(), std::system_error);
  WorkerPool pool(4);
  EXPECT_EQ(add_up(pool, 4), 499'500U);
}

TEST(ForEachBlock, TakesEachNumberOnce) {
  for (const std::size_t count : {0U, 1U, 7U, 64U, 1000U}) {
    std::vector<std::atomic<int>> taken(count);
    embed::for_each_block(count, 7, [&](std::size_t begin, std::size_t end) {
      EXPECT_LE(end - begin, 7U);
      for (std::size_t i = begin; i < end; ++i) ++taken.at(i);
    });
    for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(taken[i], 1) << i;
  }
}

TEST(ForEachBlock, HandsOnWhatABlockThrows) {
  const auto work = [](std::size_t begin, std::size_t /*end*/) {
    if (begin == 30) throw std::runtime_error("block 30");
  };
  EXPECT_THROW(embed::for_each_block(100, 10, work), std::runtime_error);
}

}  // namespace
