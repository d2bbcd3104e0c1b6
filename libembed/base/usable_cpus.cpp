// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/usable_cpus.h"

#ifdef __linux__
#include <sched.h>
#endif

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace embed {

namespace {

constexpr double kMostCpus = 1e6;  // A larger quota counts as none.

int affinity() {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  return static_cast<int>(std::thread::hardware_concurrency());
}

/// In whole CPUs, rounded up; 0 for none.
int whole_cpus(double limit, double period) {
  if (!(limit > 0) || !(period > 0) || limit / period > kMostCpus) return 0;
  return std::max(1, static_cast<int>(std::ceil(limit / period)));
}

int quota_of(const std::string& group) {
  double limit = -1, period = 0;
  std::string text;
  if (std::ifstream file(group + "/cpu.max"); file >> text >> period) {
    return text == "max" ? 0 : whole_cpus(std::atof(text.c_str()), period);
  }
  std::ifstream quota_file(group + "/cpu.cfs_quota_us");
  std::ifstream period_file(group + "/cpu.cfs_period_us");
  return quota_file >> limit && period_file >> period ? whole_cpus(limit, period) : 0;
}

/// The least quota of the group at `path` under `mount` and of those above it, each of which limits the
/// group. Inside a container the group may be mounted at the top while its path is the host's: a group that
/// is missing has no quota.
int least_quota(const std::string& mount, std::string path) {
  int least = 0;
  for (;;) {
    const int quota = quota_of(mount + path);
    if (quota > 0) least = least > 0 ? std::min(least, quota) : quota;
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return least;
    path.erase(slash);
  }
}

/// Whether a list such as "cpu,cpuacct" names the controller "cpu".
bool names_cpu(const std::string& controllers) {
  return (',' + controllers + ',').find(",cpu,") != std::string::npos;
}

int asked_for() {
  const char* text = std::getenv("OMP_NUM_THREADS");
  return text != nullptr ? std::atoi(text) : 0;
}

}  // namespace

int cgroup_cpus(const std::string& root) {
  const std::string mounts = root + "/sys/fs/cgroup";
  std::ifstream groups(root + "/proc/self/cgroup");  // Lines of number:controllers:path.
  int least = 0;
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    std::vector<std::string> places;
    if (controllers.empty()) places = {mounts, mounts + "/unified"};
    if (names_cpu(controllers)) places = {mounts + "/cpu", mounts + '/' + controllers};
    for (const std::string& mount : places) {
      const int quota = least_quota(mount, path);
      if (quota > 0) least = least > 0 ? std::min(least, quota) : quota;
    }
  }
  return least;
}

int usable_cpus() {
  int count = std::max(1, affinity());
  for (const int limit : {cgroup_cpus(), asked_for()}) {
    if (limit > 0) count = std::min(count, limit);
  }
  return count;
}

}  // namespace embed
