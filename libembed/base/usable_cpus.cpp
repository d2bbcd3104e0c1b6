// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/usable_cpus.h"

#ifdef __linux__
#include <pthread.h>
#include <sched.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace embed {

namespace {

constexpr double kMostCpus = 1e6;  // A larger quota counts as none.

// A CPU below this share of the fastest one's speed is slow. Threads that share a piece of work in equal
// parts wait for the slowest of them: beside four fast CPUs, four slow ones help no more from half the speed
// on. The system's numbers are of integer arithmetic, and Arm's small cores are further behind in vectors
// (Cortex-A55 starts one multiplication of vectors a cycle, Cortex-A76 two), so that the line is above the
// half. The small cores of RK3588, RK3399 and i.MX 8QM have about 0.4; cores of one kind with different
// clocks have more than 0.8.
constexpr double kSlow = 0.6;

/// The CPUs that the process's affinity mask allows.
std::vector<int> affinity() {
  std::vector<int> cpus;
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    }
  }
#endif
  if (cpus.empty()) {
    cpus.resize(std::max(1U, std::thread::hardware_concurrency()));
    std::iota(cpus.begin(), cpus.end(), 0);
  }
  return cpus;
}

/// Whether the affinity mask leaves out CPUs that run.
bool narrowed(const std::vector<int>& allowed) {
#ifdef __linux__
  return static_cast<long>(allowed.size()) < sysconf(_SC_NPROCESSORS_ONLN);
#else
  return allowed.empty();
#endif
}

/// What the file says of each CPU; empty where it does not say it of one of them.
std::vector<double> speeds_in(const std::vector<int>& cpus, const std::string& root, const char* file) {
  std::vector<double> speeds;
  for (const int cpu : cpus) {
    std::ifstream in(root + "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + '/' + file);
    double speed = 0;
    if (!(in >> speed) || !(speed > 0)) return {};
    speeds.push_back(speed);
  }
  return speeds;
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

namespace {

int asked_for() {
  const char* text = std::getenv("OMP_NUM_THREADS");
  return text != nullptr ? std::atoi(text) : 0;
}

/// As many threads as CPUs of these, but for quotas and OMP_NUM_THREADS.
int threads_for(const std::vector<int>& cpus, const std::string& root) {
  int count = static_cast<int>(cpus.size());
  for (const int limit : {cgroup_cpus(root), asked_for()}) {
    if (limit > 0) count = std::min(count, limit);
  }
  return std::max(1, count);
}

}  // namespace

std::vector<int> fast_cpus(const std::vector<int>& cpus, const std::string& root) {
  // The scheduler's own measure, which Arm's systems have, and which takes the kind of core in: 1024 is the
  // fastest. Elsewhere the clock tells the cores of a low-power island from the others.
  std::vector<double> speeds = speeds_in(cpus, root, "cpu_capacity");
  if (speeds.empty()) speeds = speeds_in(cpus, root, "cpufreq/cpuinfo_max_freq");
  if (speeds.empty()) return cpus;
  const double least = kSlow * *std::max_element(speeds.begin(), speeds.end());
  std::vector<int> fast;
  for (std::size_t i = 0; i < cpus.size(); ++i) {
    if (speeds[i] >= least) fast.push_back(cpus[i]);
  }
  return fast;
}

DefaultThreads default_threads(const std::string& root) {
  const std::vector<int> allowed = affinity();
  std::vector<int> fast = fast_cpus(allowed, root);
  DefaultThreads threads;
  threads.count = threads_for(fast, root);
  if (fast.size() < allowed.size() && !narrowed(allowed)) threads.cpus = std::move(fast);
  return threads;
}

int usable_cpus() {
  return default_threads().count;
}

void keep_thread_on([[maybe_unused]] const std::vector<int>& cpus) noexcept {
#ifdef __linux__
  if (cpus.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) CPU_SET(cpu, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
#endif
}

}  // namespace embed
