// SPDX-License-Identifier: LGPL-2.1-or-later
// Passes of a BatchQueue that run beside each other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <numeric>
#include <thread>

#include "batch_fixture.h"
#include "embed/batch_queue.h"
#include "embed/error.h"

namespace {

using namespace batches;
using namespace std::chrono_literals;
using ::testing::ElementsAre;

TEST_F(Queue, LanesShareAWholeBatchAndRunAtTheSameTime) {
  const auto queue = make_lanes(4, 2);
  BatchClient a(queue, 0s);
  net_.hold();
  const auto first = submit(a, {1});
  net_.await(1);  // One crop alone: by all together.
  const auto four = submit(a, {2, 3, 4, 5});
  for (Net& lane : lanes_) lane.hold();
  net_.release();
  EXPECT_THAT(result(a, *first), ElementsAre(1));
  for (Net& lane : lanes_) lane.await(1);  // Would wait for ever, were the second to follow the first.
  const auto more = submit(a, {6, 7, 8});
  lanes_[0].release();
  lanes_[0].await(
      3);  // Both passes over it while the other one is held: with none at work it would be by all.
  lanes_[1].release();
  EXPECT_THAT(result(a, *four), ElementsAre(2, 3, 4, 5));
  EXPECT_THAT(result(a, *more), ElementsAre(6, 7, 8));
  EXPECT_EQ(net_.passes().size(), 1U) << "never beside a lane";
  EXPECT_EQ(lanes_[0].passes()[0].size() + lanes_[1].passes()[0].size(), 4U);
  EXPECT_THAT(lanes_[0].passes()[1], ElementsAre(6, 7)) << "a share of what came while the other one ran";
  EXPECT_EQ(a.stats().faces, 8U);
  EXPECT_EQ(a.stats().faces_in_passes, 8U);
  EXPECT_THAT(result(a, *submit(a, {9})), ElementsAre(9));
  EXPECT_EQ(net_.passes().size(), 2U) << "together again, once no lane is at work";
}

TEST_F(Queue, ALaneTakesLessThanAShareWhileAnotherRuns) {
  const auto queue = make_lanes(4, 2);
  BatchClient a(queue, 0s), b(queue, 0s);
  net_.hold();
  submit(a, {1});
  net_.await(1);
  const auto four = submit(a, {2, 3, 4, 5});
  lanes_[0].hold();
  lanes_[1].hold();
  net_.release();
  for (Net& lane : lanes_) lane.await(1);
  lanes_[1].release();
  EXPECT_THAT(result(b, *submit(b, {6})), ElementsAre(6));
  EXPECT_EQ(lanes_[1].passes().size(), 2U);
  lanes_[0].release();
  EXPECT_THAT(result(a, *four), ElementsAre(2, 3, 4, 5));
}

TEST_F(Queue, ARequestThatFailsInOneLaneIsFinishedWhenNoLaneHasIt) {
  const auto queue = make_lanes(4, 2);
  BatchClient a(queue, 0s);
  net_.hold();
  submit(a, {1});
  net_.await(1);
  // The first two fail, the next two are in the other lane then, and the rest does not run.
  const auto bad = submit(a, {kPoison, 2, 3, 4, 5, 6});
  for (Net& lane : lanes_) lane.hold();
  net_.release();
  for (Net& lane : lanes_) lane.await(1);
  const std::size_t fails = lanes_[0].passes()[0][0] == kPoison ? 0 : 1;
  auto waits = std::async(std::launch::async, [&] {
    EXPECT_THROW(a.wait(*bad), embed::Error);
    return lanes_[1 - fails].open();
  });
  lanes_[fails].release();
  EXPECT_EQ(waits.wait_for(20ms), std::future_status::timeout) << "a lane still writes to it";
  lanes_[1 - fails].release();
  EXPECT_TRUE(waits.get());
  EXPECT_THAT(result(a, *submit(a, {7})), ElementsAre(7));
  EXPECT_EQ(lanes_[0].passes().size() + lanes_[1].passes().size(), 2U);
}

TEST_F(Queue, LanesThatABatchCannotFillAreNotUsed) {
  const auto queue = make_lanes(2, 3);
  BatchClient a(queue, 0s);
  EXPECT_THAT(result(a, *submit(a, {1, 2, 3, 4, 5})), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(net_.passes().size(), 3U);
}

TEST_F(Queue, ManyThreadsGetTheirOwnFromLanes) {
  const auto queue = make_lanes(8, 3);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 12; ++t) {
    threads.emplace_back([&, t] {
      BatchClient client(queue, std::chrono::microseconds(100 * (t % 3)));
      std::vector<std::shared_ptr<BatchRequest>> ring;
      for (int i = 0; i < 200; ++i) {
        if (i % 50 == 49 && t % 5 == 0) {
          client.withdraw();
          ring.clear();
        }
        std::vector<int> values(static_cast<std::size_t>(1 + (t + i) % 6), (t * 7 + i) % 200);
        ring.push_back(submit(client, values));
        if (ring.size() < 4) continue;
        const int then = i - 3;
        values.assign(static_cast<std::size_t>(1 + (t + then) % 6), (t * 7 + then) % 200);
        wrong += result(client, *ring.front()) != values;
        ring.erase(ring.begin());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
