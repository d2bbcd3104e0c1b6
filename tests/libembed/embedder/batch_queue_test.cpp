// SPDX-License-Identifier: LGPL-2.1-or-later
// The queue before a shared network.
#include "embed/batch_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <numeric>
#include <thread>

#include "batch_fixture.h"
#include "embed/error.h"
#include "error_matchers.h"
#include "no_new_threads.h"

namespace {

using namespace batches;
using namespace std::chrono_literals;
using ::testing::ElementsAre;

TEST_F(Queue, OneClientNeverWaitsForATimeout) {
  BatchClient client(make(16), 1h);
  EXPECT_THAT(result(client, *submit(client, {1})), ElementsAre(1));
  EXPECT_THAT(result(client, *submit(client, {2, 3})), ElementsAre(2, 3));
}

TEST_F(Queue, MergesWhatCameDuringAPass) {
  const auto queue = make(4);
  BatchClient a(queue, 0s), b(queue, 0s);
  net_.hold();
  const auto first = submit(a, {1});
  net_.await(1);
  const auto a2 = submit(a, {2}), b3 = submit(b, {3}), a4 = submit(a, {4, 5});
  net_.release();
  EXPECT_THAT(result(a, *first), ElementsAre(1));
  EXPECT_THAT(result(a, *a4), ElementsAre(4, 5));
  EXPECT_THAT(result(b, *b3), ElementsAre(3));
  EXPECT_THAT(result(a, *a2), ElementsAre(2));
  ASSERT_EQ(net_.passes().size(), 2U);
  EXPECT_THAT(net_.passes()[1], ::testing::UnorderedElementsAre(2, 3, 4, 5));
  EXPECT_EQ(a.stats().faces, 4U);
  EXPECT_EQ(a.stats().passes, 2U);
  EXPECT_EQ(a.stats().faces_in_passes, 5U);
  EXPECT_EQ(b.stats().passes, 1U);
  EXPECT_EQ(b.stats().faces_in_passes, 4U);
  EXPECT_GT(a.stats().wait_time, 0ns);
  EXPECT_GT(a.stats().pass_time, 0ns);
}

TEST_F(Queue, WaitsForTheOthersUntilAllHaveAdded) {
  const auto queue = make(16);
  BatchClient a(queue, 1h), b(queue, 1h), never(queue, 1h);
  // From now on both are known to submit. The third never did, and is not waited for.
  net_.hold();
  const auto a1 = submit(a, {1});
  net_.await(1);
  const auto b1 = submit(b, {2}), a2 = submit(a, {3});
  net_.release();
  EXPECT_THAT(result(a, *a2), ElementsAre(3));
  const auto a3 = submit(a, {4});
  std::this_thread::sleep_for(30ms);
  EXPECT_EQ(net_.passes().size(), 2U) << "b has not added yet";
  const auto b2 = submit(b, {5});
  EXPECT_THAT(result(a, *a3), ElementsAre(4));
  EXPECT_THAT(net_.passes().back(), ::testing::UnorderedElementsAre(4, 5));
}

TEST_F(Queue, AFullBatchWaitsForNobody) {
  const auto queue = make(2);
  BatchClient a(queue, 1h), b(queue, 1h);
  result(b, *submit(b, {9}));
  EXPECT_THAT(result(a, *submit(a, {1, 2})), ElementsAre(1, 2));
}

TEST_F(Queue, TheTimeoutEndsTheWaiting) {
  const auto queue = make(16);
  BatchClient a(queue, 5ms), b(queue, 5ms);
  result(b, *submit(b, {9}));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(result(a, *submit(a, {1})), ElementsAre(1));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 5ms);
}

TEST_F(Queue, AStalledClientIsSoonNotWaitedForAnyMore) {
  const auto queue = make(16);
  BatchClient a(queue, 20ms), stalled(queue, 1h);
  result(stalled, *submit(stalled, {9}));
  for (int i = 0; i < 4; ++i) result(a, *submit(a, {1}));
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) result(a, *submit(a, {1}));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 20 * 20ms) << "still waits for the stalled one";
}

TEST_F(Queue, AClientThatLeavesIsNotWaitedFor) {
  const auto queue = make(16);
  BatchClient a(queue, 1h);
  auto leaving = std::make_unique<BatchClient>(queue, 1h);
  result(*leaving, *submit(*leaving, {9}));
  EXPECT_EQ(queue->clients(), 2U);
  const auto waiting = submit(a, {1});
  leaving.reset();
  EXPECT_THAT(result(a, *waiting), ElementsAre(1));
  EXPECT_EQ(queue->clients(), 1U);
}

TEST_F(Queue, AClientThatRestsIsNotWaitedForUntilItsNextCrop) {
  const auto queue = make(16);
  BatchClient a(queue, 1h), rests(queue, 1h);
  result(rests, *submit(rests, {9}));
  const auto waiting = submit(a, {1});
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(net_.passes().size(), 1U) << "the other one may add yet";
  rests.rest();
  EXPECT_THAT(result(a, *waiting), ElementsAre(1));
  EXPECT_THAT(result(a, *submit(a, {2})), ElementsAre(2));
  // What is in line when it says so stays there, and its next crop makes it one of those who add.
  const auto last = submit(rests, {3});
  rests.rest();
  EXPECT_THAT(result(a, *submit(a, {4})), ElementsAre(4));
  EXPECT_THAT(result(rests, *last), ElementsAre(3));
  const auto again = submit(rests, {5}), beside = submit(a, {6});
  EXPECT_THAT(result(rests, *again), ElementsAre(5));
  EXPECT_THAT(result(a, *beside), ElementsAre(6));
  const auto waits_again = submit(a, {7});
  std::this_thread::sleep_for(20ms);
  EXPECT_THAT(net_.passes().back(), ::testing::Not(ElementsAre(7)));
  rests.rest();
  EXPECT_THAT(result(a, *waits_again), ElementsAre(7));
}

TEST_F(Queue, ClientsTakeTurns) {
  const auto queue = make(4);
  BatchClient crowd(queue, 0s), face(queue, 0s);
  net_.hold();
  submit(face, {0});
  net_.await(1);
  std::vector<int> many(100);
  std::iota(many.begin(), many.end(), 1);
  const auto big = submit(crowd, many);
  std::vector<std::shared_ptr<BatchRequest>> singles;
  for (int i = 0; i < 3; ++i) singles.push_back(submit(face, {200 + i}));
  net_.release();
  EXPECT_EQ(result(crowd, *big), many) << "in order, though over many passes";
  for (int i = 0; i < 3; ++i)
    EXPECT_THAT(result(face, *singles[static_cast<std::size_t>(i)]), ElementsAre(200 + i));
  const auto passes = net_.passes();
  ASSERT_EQ(passes.size(), 1U + 103 / 4 + 1);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(passes[i + 2][0], 200 + static_cast<int>(i)) << "one of each by turns, not behind the hundred";
  }
}

TEST_F(Queue, AClientThatLeavesTakesNobodysTurn) {
  const auto queue = make(1);
  auto a = std::make_unique<BatchClient>(queue, 0s);
  BatchClient b(queue, 0s), c(queue, 0s);
  net_.hold();
  submit(*a, {0});
  net_.await(1);
  const auto c1 = submit(c, {2}), b1 = submit(b, {1});
  a.reset();
  net_.release();
  EXPECT_THAT(result(b, *b1), ElementsAre(1));
  EXPECT_THAT(result(c, *c1), ElementsAre(2));
  EXPECT_THAT(net_.passes(), ElementsAre(ElementsAre(0), ElementsAre(1), ElementsAre(2)));
}

TEST_F(Queue, WhatAFullPassCutOffComesNext) {
  const auto queue = make(4);
  BatchClient a(queue, 0s), b(queue, 0s), c(queue, 0s);
  net_.hold();
  submit(a, {0});
  net_.await(1);
  const auto b1 = submit(b, {1, 2, 3}), c1 = submit(c, {4, 5, 6}), a1 = submit(a, {7, 8, 9});
  net_.release();
  result(a, *a1);
  const auto passes = net_.passes();
  EXPECT_THAT(passes[1], ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(passes[2], ElementsAre(5, 6, 7, 8));
  EXPECT_THAT(passes[3], ElementsAre(9));
}

TEST_F(Queue, AFailedPassEndsItsRequestsAndNoOthers) {
  const auto queue = make(2);
  BatchClient b(queue, 0s), a(queue, 0s);
  net_.hold();
  const auto fine = submit(a, {1});
  net_.await(1);
  const auto shared = submit(b, {2}), bad = submit(a, {kPoison, 3, 4, 5}), after = submit(a, {6});
  net_.release();
  EXPECT_THAT(result(a, *fine), ElementsAre(1));
  for (const auto& [client, failed] : {std::pair{&a, bad}, std::pair{&b, shared}}) {
    try {
      client->wait(*failed);
      FAIL() << "the pass had failed";
    } catch (const embed::Error& error) {
      EXPECT_EQ(error.code(), embed::ErrorCode::Device);
      EXPECT_STREQ(error.what(), "poisoned");
    }
  }
  EXPECT_THAT(result(a, *after), ElementsAre(6));
  EXPECT_THAT(result(b, *submit(b, {7})), ElementsAre(7));
  EXPECT_THAT(net_.passes()[2], ElementsAre(6)) << "the rest of the failed request does not run";
}

TEST_F(Queue, WithdrawingEndsTheWaitAndHoldsNobody) {
  const auto queue = make(2);
  BatchClient a(queue, 0s), b(queue, 0s);
  net_.hold();
  const auto running = submit(a, {1});
  net_.await(1);
  const auto in_line = submit(a, {2, 3, 4}), others = submit(b, {5});
  auto waits = std::async(std::launch::async, [&] { return a.wait(*running); });
  std::this_thread::sleep_for(5ms);
  a.withdraw();
  EXPECT_FALSE(waits.get()) << "while its pass still runs";
  EXPECT_FALSE(a.wait(*in_line));
  const auto again = submit(a, {6});
  net_.release();
  EXPECT_THAT(result(b, *others), ElementsAre(5));
  EXPECT_THAT(result(a, *again), ElementsAre(6));
  EXPECT_THAT(net_.passes()[1], ::testing::UnorderedElementsAre(5, 6)) << "nothing that was withdrawn runs";
}

TEST_F(Queue, AFailedPassOfAWithdrawnRequestIsNobodys) {
  const auto queue = make(1);
  BatchClient a(queue, 0s);
  net_.hold();
  submit(a, {kPoison, 1, 2});
  net_.await(1);
  a.withdraw();
  const auto again = submit(a, {3});
  net_.release();
  EXPECT_THAT(result(a, *again), ElementsAre(3));
}

TEST_F(Queue, AClientMayGoWithItsRequestsInLine) {
  const auto queue = make(2);
  BatchClient stays(queue, 0s);
  {
    BatchClient goes(queue, 0s);
    net_.hold();
    submit(goes, {1, 2, 3});
    net_.await(1);
    submit(goes, {4});
  }
  const auto last = submit(stays, {5});
  net_.release();
  EXPECT_THAT(result(stays, *last), ElementsAre(5));
}

TEST_F(Queue, ManyThreadsGetTheirOwnInOrder) {
  const auto queue = make(16);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&, t] {
      BatchClient client(queue, std::chrono::microseconds(100 * (t % 3)));
      std::vector<std::shared_ptr<BatchRequest>> ring;
      for (int i = 0; i < 100; ++i) {
        if (i % 25 == 24 && t % 5 == 0) {
          client.withdraw();
          ring.clear();
        }
        ring.push_back(submit(client, {(t * 7 + i) % 200, (t + i) % 200}));
        if (ring.size() < 4) continue;
        const int then = i - 3;
        wrong += result(client, *ring.front()) != std::vector<int>{(t * 7 + then) % 200, (t + then) % 200};
        ring.erase(ring.begin());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(queue->clients(), 0U);
}

TEST_F(Queue, RequestsKeepTheirMemory) {
  BatchClient client(make(8), 0s);
  const auto request = std::make_shared<BatchRequest>();
  const std::uint8_t* first = request->prepare(8, kCrop);
  for (const std::size_t count : {1U, 8U, 3U}) {
    EXPECT_EQ(request->prepare(count, kCrop), first);
    client.submit(request);
    EXPECT_TRUE(client.wait(*request));
  }
}

TEST_F(Queue, RefusesWhatDoesNotFit) {
  EXPECT_THROW(make(0), embed::Error);
  BatchClient client(make(4), 0s);
  EXPECT_THROW(client.submit(std::make_shared<BatchRequest>()), embed::Error);
  const auto small = std::make_shared<BatchRequest>();
  small->prepare(1, kCrop - 1);
  EXPECT_THROW(client.submit(small), embed::Error);
}

TEST_F(Queue, SaysThatNoThreadCanStart) {
  const fixtures::NoNewThreads none;
  testing_errors::expect_error(embed::ErrorCode::OutOfMemory, {"batch queue", "cannot be started"},
                               [this] { make(4); });
}

}  // namespace
