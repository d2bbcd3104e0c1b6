// SPDX-License-Identifier: LGPL-2.1-or-later
#include "usable_cpus.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <cstdlib>
#include <string>

namespace {

TEST(UsableCpus, HeedsOpenMpsVariable) {
  const char* before = std::getenv("OMP_NUM_THREADS");
  const std::string kept = before != nullptr ? before : "";
  setenv("OMP_NUM_THREADS", "1", 1);
  EXPECT_EQ(embed::usable_cpus(), 1);
  for (const char* meaningless : {"0", "-3", "many", ""}) {
    setenv("OMP_NUM_THREADS", meaningless, 1);
    EXPECT_GE(embed::usable_cpus(), 1) << meaningless;
  }
  unsetenv("OMP_NUM_THREADS");
  const int all = embed::usable_cpus();
  setenv("OMP_NUM_THREADS", "100000", 1);
  EXPECT_EQ(embed::usable_cpus(), all) << "more than the process may use";
  if (before != nullptr) setenv("OMP_NUM_THREADS", kept.c_str(), 1);
}

TEST(UsableCpus, HeedsTheAffinityMask) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(embed::usable_cpus(), 1);
  sched_setaffinity(0, sizeof before, &before);
}

}  // namespace
