// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/usable_cpus.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "fixtures.h"

namespace {

/// A made-up root of the file system with what a process sees of its cgroups.
class Cgroups : public ::testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void SetUp() override { std::filesystem::remove_all(root_); }
  const std::string root_ = fixtures::temp_dir() + "/cgroups";
};

TEST_F(Cgroups, NoFilesAreNoQuota) {
  EXPECT_EQ(embed::cgroup_cpus(root_), 0);
  write("/proc/self/cgroup", "nonsense\n0::\n1:cpu\n");
  EXPECT_EQ(embed::cgroup_cpus(root_), 0);
}

TEST_F(Cgroups, Version2TakesTheProcessesOwnGroup) {
  write("/proc/self/cgroup", "0::/user.slice/run.scope\n");
  write("/sys/fs/cgroup/user.slice/run.scope/cpu.max", "150000 100000\n");
  write("/sys/fs/cgroup/user.slice/cpu.max", "max 100000\n");
  write("/sys/fs/cgroup/user.slice/other.scope/cpu.max", "100000 100000\n");
  EXPECT_EQ(embed::cgroup_cpus(root_), 2) << "rounded up, and not of another group";
}

TEST_F(Cgroups, Version2TakesTheLeastOfThoseAbove) {
  write("/proc/self/cgroup", "0::/a/b/c\n");
  write("/sys/fs/cgroup/a/b/c/cpu.max", "800000 100000\n");
  write("/sys/fs/cgroup/a/b/cpu.max", "300000 100000\n");
  write("/sys/fs/cgroup/a/cpu.max", "500000 100000\n");
  EXPECT_EQ(embed::cgroup_cpus(root_), 3);
}

TEST_F(Cgroups, AContainersGroupAtTheTopCounts) {
  write("/proc/self/cgroup", "0::/\n");
  write("/sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(embed::cgroup_cpus(root_), 1);
  write("/proc/self/cgroup", "0::/kubepods/of-the-host\n");
  EXPECT_EQ(embed::cgroup_cpus(root_), 1);
}

TEST_F(Cgroups, Version1TakesThePathOfItsCpuController) {
  write("/proc/self/cgroup", "5:cpuset:/sets\n4:cpu,cpuacct:/jobs/one\n2:memory:/m\n0::/\n");
  write("/sys/fs/cgroup/cpu,cpuacct/jobs/one/cpu.cfs_quota_us", "400000\n");
  write("/sys/fs/cgroup/cpu,cpuacct/jobs/one/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(embed::cgroup_cpus(root_), 4);
  write("/sys/fs/cgroup/cpu/jobs/cpu.cfs_quota_us", "200000\n");
  write("/sys/fs/cgroup/cpu/jobs/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(embed::cgroup_cpus(root_), 2);
  write("/sys/fs/cgroup/cpu/jobs/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(embed::cgroup_cpus(root_), 4) << "-1 is no quota";
}

/// A made-up root of the file system with what the system says of each CPU's speed.
class Cores : public Cgroups {
 protected:
  void capacities(const std::vector<int>& of_each) const { write_each("cpu_capacity", of_each); }
  void clocks(const std::vector<int>& of_each) const { write_each("cpufreq/cpuinfo_max_freq", of_each); }
  std::vector<int> fast(const std::vector<int>& cpus) const { return embed::fast_cpus(cpus, root_); }

 private:
  void write_each(const std::string& file, const std::vector<int>& of_each) const {
    for (std::size_t cpu = 0; cpu < of_each.size(); ++cpu)
      write("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + '/' + file,
            std::to_string(of_each[cpu]) + '\n');
  }
};

const std::vector<int> kEight{0, 1, 2, 3, 4, 5, 6, 7};

TEST_F(Cores, WithoutAnyWordOfTheirSpeedAllAreFast) {
  EXPECT_EQ(fast(kEight), kEight);
}

TEST_F(Cores, TheSmallOnesOfAnRk3588AreSlow) {
  capacities({414, 414, 414, 414, 1024, 1024, 1024, 1024});
  EXPECT_EQ(fast(kEight), (std::vector<int>{4, 5, 6, 7}));
}

TEST_F(Cores, TwoKindsOfFastOnesBesideSlowOnesAreFast) {
  capacities({325, 325, 325, 325, 870, 870, 870, 1024});
  EXPECT_EQ(fast(kEight), (std::vector<int>{4, 5, 6, 7}));
}

TEST_F(Cores, EqualOnesAndThoseOfAnotherClockAreFast) {
  capacities({1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024});
  EXPECT_EQ(fast(kEight), kEight);
  capacities({880, 880, 880, 880, 1024, 1024, 1024, 1024});
  EXPECT_EQ(fast(kEight), kEight);
}

TEST_F(Cores, OnlyThoseThatTheProcessMayUseAreCompared) {
  capacities({414, 414, 414, 414, 1024, 1024, 1024, 1024});
  EXPECT_EQ(fast({0, 1, 2}), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(fast({2, 3, 4}), (std::vector<int>{4}));
}

TEST_F(Cores, WhereThereIsNoCapacityTheClockTells) {
  clocks({5200000, 5200000, 3900000, 3900000, 3900000, 3900000, 2500000, 2500000});
  EXPECT_EQ(fast(kEight), (std::vector<int>{0, 1, 2, 3, 4, 5}));
  capacities({414, 414, 414, 414, 1024, 1024, 1024, 1024});
  EXPECT_EQ(fast(kEight), (std::vector<int>{4, 5, 6, 7})) << "the capacity knows more than the clock";
}

TEST_F(Cores, WhatIsNotSaidOfEachIsNotHeeded) {
  capacities({414, 414, 1024});
  EXPECT_EQ(fast({0, 1, 2, 3}), (std::vector<int>{0, 1, 2, 3}));
  write("/sys/devices/system/cpu/cpu3/cpu_capacity", "many\n");
  EXPECT_EQ(fast({0, 1, 2, 3}), (std::vector<int>{0, 1, 2, 3}));
  write("/sys/devices/system/cpu/cpu3/cpu_capacity", "0\n");
  EXPECT_EQ(fast({0, 1, 2, 3}), (std::vector<int>{0, 1, 2, 3}));
}

/// The CPUs that this process may use; restored with the object.
class Affinity {
 public:
  Affinity() { known_ = sched_getaffinity(0, sizeof before_, &before_) == 0; }
  ~Affinity() { sched_setaffinity(0, sizeof before_, &before_); }
  Affinity(const Affinity&) = delete;
  Affinity& operator=(const Affinity&) = delete;

  std::vector<int> cpus() const {
    std::vector<int> all;
    for (int cpu = 0; known_ && cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &before_)) all.push_back(cpu);
    }
    return all;
  }

 private:
  cpu_set_t before_;
  bool known_ = false;
};

/// Of the machine's own CPUs the last is said to be fast, the others slow.
TEST_F(Cores, ThreadsByDefaultAreKeptOnTheFastOnes) {
  const Affinity affinity;
  const std::vector<int> mine = affinity.cpus();
  if (mine.size() < 2) GTEST_SKIP() << "needs two CPUs";
  if (static_cast<long>(mine.size()) < sysconf(_SC_NPROCESSORS_ONLN)) GTEST_SKIP() << "needs all CPUs";
  std::vector<int> of_each(static_cast<std::size_t>(mine.back()) + 1, 400);
  EXPECT_TRUE(embed::default_threads(root_).cpus.empty()) << "all are equal";
  of_each.back() = 1024;
  capacities(of_each);
  const embed::DefaultThreads threads = embed::default_threads(root_);
  EXPECT_EQ(threads.count, 1);
  EXPECT_EQ(threads.cpus, std::vector<int>{mine.back()});
}

TEST_F(Cores, ThreadsOfAProcessThatWasNarrowedDownStayWhereTheyAre) {
  const Affinity affinity;
  const std::vector<int> mine = affinity.cpus();
  if (mine.size() < 3) GTEST_SKIP() << "needs three CPUs";
  std::vector<int> of_each(static_cast<std::size_t>(mine.back()) + 1, 400);
  of_each[static_cast<std::size_t>(mine[0])] = 1024;
  capacities(of_each);
  embed::keep_thread_on({mine[0], mine[1]});
  const embed::DefaultThreads threads = embed::default_threads(root_);
  EXPECT_EQ(threads.count, 1);
  EXPECT_TRUE(threads.cpus.empty());
}

TEST(UsableCpus, AThreadIsKeptOnTheOnesThatAreNamed) {
  const Affinity affinity;
  const std::vector<int> mine = affinity.cpus();
  embed::keep_thread_on({mine.back()});
  EXPECT_EQ(Affinity().cpus(), std::vector<int>{mine.back()});
  embed::keep_thread_on({});
  EXPECT_EQ(Affinity().cpus(), std::vector<int>{mine.back()}) << "none named: nothing changes";
  embed::keep_thread_on({CPU_SETSIZE - 1});
  EXPECT_EQ(Affinity().cpus(), std::vector<int>{mine.back()}) << "a CPU that there is not";
}

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
