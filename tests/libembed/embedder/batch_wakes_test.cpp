// SPDX-License-Identifier: LGPL-2.1-or-later
// When a BatchQueue wakes those who wait.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "batch_fixture.h"
#include "embed/batch_queue.h"
#include "embed/error.h"

namespace {

using namespace batches;
using namespace std::chrono_literals;
using ::testing::ElementsAre;

/// A thread that waits for a request; wait_until_asleep() returns once it does.
class Waiter {
 public:
  Waiter(BatchClient& client, const BatchRequest& request)
      : thread_([this, &client, &request] {
          id_ = gettid();
          try {
            done_.set_value(client.wait(request));
          } catch (...) {
            done_.set_exception(std::current_exception());
          }
        }) {}
  ~Waiter() { thread_.join(); }
  void wait_until_asleep() const {
    while (id_ == 0 || state() != 'S') std::this_thread::sleep_for(1ms);
  }
  bool back_within(std::chrono::milliseconds time) {
    return back_.wait_for(time) == std::future_status::ready;
  }
  bool result() { return back_.get(); }

 private:
  char state() const {
    std::ifstream file("/proc/self/task/" + std::to_string(id_) + "/stat");
    std::string line;
    std::getline(file, line);
    return line.at(line.rfind(')') + 2);
  }
  std::promise<bool> done_;
  std::future<bool> back_ = done_.get_future();
  std::atomic<pid_t> id_{0};
  std::thread thread_;
};

TEST_F(Queue, WakesAClientWhenHalfOfItsRequestsAreFinished) {
  BatchClient client(make(1), 0s);
  net_.hold();
  std::vector<std::shared_ptr<BatchRequest>> requests;
  for (int i = 0; i < 4; ++i) requests.push_back(submit(client, {i}));
  Waiter waiter(client, *requests[0]);
  waiter.wait_until_asleep();
  net_.let_through(1);
  net_.await(2);
  EXPECT_FALSE(waiter.back_within(100ms));  // One of four is finished.
  net_.let_through(1);
  EXPECT_TRUE(waiter.result());
  net_.release();
  EXPECT_THAT(result(client, *requests[3]), ElementsAre(3));
}

TEST_F(Queue, WakesAClientAtOnceForARequestThatFailed) {
  BatchClient client(make(1), 0s);
  net_.hold();
  const auto bad = submit(client, {kPoison});
  for (int i = 0; i < 6; ++i) submit(client, {i});
  Waiter waiter(client, *bad);
  waiter.wait_until_asleep();
  net_.let_through(1);
  EXPECT_THROW(waiter.result(), embed::Error);
  net_.release();
}

TEST_F(Queue, WhatWasWithdrawnIsNotWaitedForByWhatFollows) {
  BatchClient client(make(1), 0s);
  net_.hold();
  for (int i = 0; i < 6; ++i) submit(client, {i});
  net_.await(1);
  client.withdraw();
  const auto next = submit(client, {9});
  Waiter waiter(client, *next);
  waiter.wait_until_asleep();
  net_.release();
  EXPECT_TRUE(waiter.result());
}

}  // namespace
