// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/usable_cpus.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

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
