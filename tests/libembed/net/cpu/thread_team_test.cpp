// SPDX-License-Identifier: LGPL-2.1-or-later
#include "net/cpu/thread_team.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "error_matchers.h"
#include "no_new_threads.h"

namespace {

using embed::cpu::ThreadTeam;

TEST(ThreadTeam, EveryMemberWorksOnceARound) {
  for (const int size : {1, 2, 3, 8}) {
    ThreadTeam team(size);
    std::vector<int> calls(static_cast<std::size_t>(size), 0);
    auto work = [&](int index) { ++calls[static_cast<std::size_t>(index)]; };
    for (int round = 0; round < 200; ++round) team.run(work);
    for (const int count : calls) EXPECT_EQ(count, 200) << size;
  }
}

TEST(ThreadTeam, NobodyPassesABarrierBeforeAllHaveCome) {
  ThreadTeam team(4);
  std::atomic<int> arrived{0};
  std::atomic<int> too_early{0};
  auto work = [&](int) {
    for (int step = 1; step <= 300; ++step) {
      ++arrived;
      team.barrier();
      if (arrived < 4 * step) ++too_early;
      team.barrier();
    }
  };
  for (int round = 0; round < 3; ++round) {
    arrived = 0;
    team.run(work);
    EXPECT_EQ(arrived, 4 * 300);
  }
  EXPECT_EQ(too_early, 0);
}

TEST(ThreadTeam, WakesAfterASleepAndWaitsForASlowMember) {
  ThreadTeam team(2);
  std::atomic<int> done{0};
  auto work = [&](int index) {
    if (index == 1) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ++done;
  };
  for (int round = 1; round <= 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // Long enough for the member to sleep.
    team.run(work);
    EXPECT_EQ(done, 2 * round);
  }
}

TEST(ThreadTeam, ItsOwnThreadsStayOnTheCpusThatAreNamed) {
  cpu_set_t mine;
  ASSERT_EQ(sched_getaffinity(0, sizeof mine, &mine), 0);
  int last = CPU_SETSIZE - 1;
  while (!CPU_ISSET(last, &mine)) --last;
  ThreadTeam team(3, {last});
  std::vector<int> counts(3, 0);
  auto work = [&](int index) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0 || !CPU_ISSET(last, &set)) return;
    counts[static_cast<std::size_t>(index)] = CPU_COUNT(&set);
  };
  team.run(work);
  EXPECT_EQ(counts, (std::vector<int>{CPU_COUNT(&mine), 1, 1})) << "the caller's thread is not ours";
}

TEST(ThreadTeam, SaysThatNoThreadCanStart) {
  const fixtures::NoNewThreads none;
  ThreadTeam alone(1);
  testing_errors::expect_error(embed::ErrorCode::OutOfMemory, {"thread 2 of 3", "cannot be started"},
                               [] { ThreadTeam team(3); });
}

}  // namespace
