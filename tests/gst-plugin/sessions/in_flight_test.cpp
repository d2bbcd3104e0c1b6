// SPDX-License-Identifier: LGPL-2.1-or-later
// The line between an element's pads. It knows nothing of GStreamer, so the sanitizer builds have this test
// too.
#include "sessions/in_flight.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using Line = embed::gst::InFlight<std::unique_ptr<int>>;

std::unique_ptr<int> item(int value) {
  return std::make_unique<int>(value);
}

TEST(InFlight, TakesNothingBeforeItsStart) {
  Line line;
  std::unique_ptr<int> out;
  EXPECT_FALSE(line.reserve(1));
  EXPECT_FALSE(line.push(item(1), true));
  EXPECT_FALSE(line.pop(out));
  EXPECT_FALSE(line.drain());
  line.restart();
  EXPECT_TRUE(line.reserve(1));
  EXPECT_TRUE(line.drain());
}

TEST(InFlight, AWeightyItemCountsUntilItIsDone) {
  Line line;
  line.restart();
  ASSERT_TRUE(line.push(item(1), true));
  ASSERT_TRUE(line.push(item(2), false));
  EXPECT_EQ(line.depth(), 1U);
  auto room = std::async(std::launch::async, [&] { return line.reserve(1); });
  std::unique_ptr<int> out;
  ASSERT_TRUE(line.pop(out));
  EXPECT_EQ(*out, 1);
  EXPECT_EQ(room.wait_for(20ms), std::future_status::timeout) << "popped is not gone";
  line.done();
  EXPECT_TRUE(room.get());
  EXPECT_EQ(line.depth(), 0U);
  auto empty = std::async(std::launch::async, [&] { return line.drain(); });
  ASSERT_TRUE(line.pop(out));
  EXPECT_EQ(empty.wait_for(20ms), std::future_status::timeout);
  line.done();
  EXPECT_TRUE(empty.get());
}

/// A line of four heavy items and a thread that waits for room. Takes one item out, then a second; true
/// when the thread slept on after the first and went on after the second.
bool sleeps_until_half_have_left() {
  Line line;
  line.restart();
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(line.push(item(i), true));
  std::promise<void> here;
  auto room = std::async(std::launch::async, [&] {
    here.set_value();
    return line.reserve(4);
  });
  here.get_future().wait();
  std::this_thread::sleep_for(10ms);
  std::unique_ptr<int> out;
  const auto leave = [&] { return line.pop(out) && (line.done(), true); };
  EXPECT_TRUE(leave());
  const bool slept = room.wait_for(20ms) == std::future_status::timeout;
  EXPECT_TRUE(leave());
  EXPECT_TRUE(room.get());
  EXPECT_TRUE(line.reserve(3)) << "who finds room does not wait";
  return slept;
}

TEST(InFlight, WhoWaitsForRoomIsWokenOnceForSeveral) {
  // A busy machine can let the first item leave before the thread sleeps, so it may take more than one try.
  for (int i = 0; i < 20; ++i)
    if (sleeps_until_half_have_left()) return;
  FAIL() << "woken for each item";
}

TEST(InFlight, RoomForOneComesWithTheLastItem) {
  Line line;
  line.restart();
  ASSERT_TRUE(line.push(item(1), true));
  auto room = std::async(std::launch::async, [&] { return line.reserve(1); });
  std::this_thread::sleep_for(5ms);
  std::unique_ptr<int> out;
  ASSERT_TRUE(line.pop(out));
  line.done();
  EXPECT_TRUE(room.get());
}

TEST(InFlight, AFlushEndsAllWaitingAndDropsAll) {
  Line line;
  line.restart();
  line.push(item(1), true);
  std::unique_ptr<int> out;
  ASSERT_TRUE(line.pop(out));
  line.push(item(2), true);
  auto room = std::async(std::launch::async, [&] { return line.reserve(2); });
  auto empty = std::async(std::launch::async, [&] { return line.drain(); });
  std::this_thread::sleep_for(5ms);
  line.flush();
  EXPECT_FALSE(room.get());
  EXPECT_FALSE(empty.get());
  EXPECT_FALSE(line.pop(out));
  line.restart();
  line.done();  // Of the item from before the flush.
  EXPECT_EQ(line.depth(), 0U);
  EXPECT_TRUE(line.drain());
  line.push(item(3), true);
  ASSERT_TRUE(line.pop(out));
  EXPECT_EQ(*out, 3);
}

TEST(InFlight, KeepsTheOrderBetweenTwoThreadsUnderFlushes) {
  Line line;
  line.restart();
  std::atomic<int> disorder{0}, got{0};
  std::atomic<bool> stop{false};
  std::thread consumer([&] {
    int last = -1;
    while (!stop) {
      std::unique_ptr<int> out;
      if (!line.pop(out)) continue;
      if (*out <= last) ++disorder;
      last = *out;
      ++got;
      line.done();
    }
  });
  std::thread producer([&] {
    for (int i = 0; !stop; ++i) {
      if (i % 4 != 0 && !line.reserve(3)) continue;
      line.push(item(i), i % 4 != 0);
    }
  });
  for (int i = 0; i < 20; ++i) {
    const int before = got;
    while (got < before + 500) std::this_thread::sleep_for(100us);
    line.flush();
    line.restart();
  }
  stop = true;
  line.flush();
  producer.join();
  consumer.join();
  EXPECT_EQ(disorder, 0);
}

}  // namespace
