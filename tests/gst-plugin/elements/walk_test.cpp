// SPDX-License-Identifier: LGPL-2.1-or-later
// Walks at random through what an application can do to the elements. A walk is known by its seed;
// TRIPLETEMBED_WALKS says how many there are, TRIPLETEMBED_WALK which one is the first.
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <thread>

#include "embed/shared_embedder.h"
#include "walk_pipeline.h"

namespace {

using namespace std::chrono_literals;

constexpr double kMostCpu = 60;      // Seconds of CPU time of a walk, which takes half of one.
constexpr auto kLongestPause = 60s;  // Without using a CPU.
constexpr int kSteps = 20;

/// Seconds of CPU time that this process has used.
double cpu_time() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

/// What is done now; ends the process where a walk does not end, so that a debugger or core file shows where.
/// A walk that goes round in circles uses CPU time, one whose threads wait for each other uses none. The wall
/// clock says nothing: on a machine with much else to do a sound walk takes minutes.
class Watchdog {
 public:
  Watchdog() : thread_([this] { watch(); }) {}
  ~Watchdog() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      over_ = true;
    }
    ended_.notify_all();
    thread_.join();
  }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  void begin(unsigned seed) {
    const std::lock_guard<std::mutex> lock(mutex_);
    told_ = "walk " + std::to_string(seed) + ":";
    cpu_at_begin_ = cpu_at_mark_ = cpu_time();
    mark_ = std::chrono::steady_clock::now();
  }
  void did(const std::string& step) {
    const std::lock_guard<std::mutex> lock(mutex_);
    told_ += " " + step + ",";
  }
  std::string told() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return told_;
  }

 private:
  void watch() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (!over_) {
      ended_.wait_for(lock, 1s);
      if (over_) return;
      const double cpu = cpu_time();
      const auto now = std::chrono::steady_clock::now();
      // Threads that wait with a timeout, this one among them, use some milliseconds a minute.
      if (cpu - cpu_at_mark_ > 0.1) {
        cpu_at_mark_ = cpu;
        mark_ = now;
      }
      if (cpu - cpu_at_begin_ < kMostCpu && now - mark_ < kLongestPause) continue;
      std::cerr << "stuck in " << told_ << std::endl;
      std::abort();
    }
  }
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  std::string told_;
  double cpu_at_begin_ = 0;
  double cpu_at_mark_ = 0;
  std::chrono::steady_clock::time_point mark_ = std::chrono::steady_clock::now();
  bool over_ = false;
  std::thread thread_;
};

unsigned number_from(const char* variable, unsigned otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr && *text != '\0' ? static_cast<unsigned>(std::atoll(text)) : otherwise;
}

void walk(unsigned seed, Watchdog& watchdog) {
  watchdog.begin(seed);
  {
    gsttest::WalkPipeline pipeline(seed);
    for (int i = 0; i < kSteps; ++i) watchdog.did(pipeline.step());
    watchdog.did("life");
    EXPECT_TRUE(pipeline.comes_to_life()) << watchdog.told();
    for (const std::string& fault : pipeline.faults()) ADD_FAILURE() << fault << " in " << watchdog.told();
    watchdog.did("end");
  }
  EXPECT_EQ(gsttest::WalkPipeline::frames_alive(), 0) << "frames that nobody freed, in " << watchdog.told();
}

TEST(Walks, EndWellWhateverTheyMeet) {
  g_log_set_always_fatal(static_cast<GLogLevelFlags>(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL));
  // So that each element finds the model loaded.
  const auto model = embed::share_embedder(gsttest::quick_weights_file(), {"auto", "fp32", 16});
  const unsigned walks = number_from("TRIPLETEMBED_WALKS", 200), first = number_from("TRIPLETEMBED_WALK", 1);
  Watchdog watchdog;
  for (unsigned seed = first; seed < first + walks && !HasFailure(); ++seed) walk(seed, watchdog);
}

}  // namespace
