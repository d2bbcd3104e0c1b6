// SPDX-License-Identifier: LGPL-2.1-or-later
// A queue before a pass of our own in the network's place: no LibTorch, so that the thread sanitizer sees all
// of it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "embed/batch_queue.h"
#include "embed/error.h"

namespace batches {

using embed::BatchClient;
using embed::BatchQueue;
using embed::BatchRequest;
using embed::Embedding;

inline constexpr std::size_t kCrop = 3;
inline constexpr std::uint8_t kPoison = 255;  // A pass that holds a crop of this value fails.

/// A network whose embedding of a crop is the crop's first byte; passes can be held.
class Net {
 public:
  void operator()(const std::uint8_t* crops, std::size_t count, Embedding* out) {
    std::unique_lock<std::mutex> lock(mutex_);
    passes_.emplace_back();
    for (std::size_t i = 0; i < count; ++i) passes_.back().push_back(crops[i * kCrop]);
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_ || let_through_ > 0; });
    if (!open_) --let_through_;
    for (std::size_t i = 0; i < count; ++i) {
      if (crops[i * kCrop] == kPoison) throw embed::Error(embed::ErrorCode::Device, "poisoned");
      out[i].fill(static_cast<float>(crops[i * kCrop]));
    }
  }
  void hold() { set(false); }
  void release() { set(true); }
  /// So many of the passes that are held, or come.
  void let_through(int passes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    let_through_ += passes;
    changed_.notify_all();
  }
  /// Waits until so many passes have started.
  void await(std::size_t passes) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return passes_.size() >= passes; });
  }
  bool open() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return open_;
  }
  std::vector<std::vector<int>> passes() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return passes_;
  }

 private:
  void set(bool open) {
    const std::lock_guard<std::mutex> lock(mutex_);
    open_ = open;
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int let_through_ = 0;
  std::vector<std::vector<int>> passes_;
};

class Queue : public ::testing::Test {
 protected:
  std::shared_ptr<BatchQueue> make(std::size_t batch_size) {
    return std::make_shared<BatchQueue>(
        [this](const std::uint8_t* crops, std::size_t count, Embedding* out) { net_(crops, count, out); },
        kCrop, batch_size);
  }
  /// With passes that may run beside each other: lane i's are noted in lanes_[i].
  std::shared_ptr<BatchQueue> make_lanes(std::size_t batch_size, std::size_t count) {
    std::vector<BatchQueue::Pass> apart;
    lanes_ = std::vector<Net>(count);
    for (Net& lane : lanes_) {
      apart.emplace_back([&lane](const std::uint8_t* crops, std::size_t crops_count, Embedding* out) {
        lane(crops, crops_count, out);
      });
    }
    return std::make_shared<BatchQueue>([this](const std::uint8_t* crops, std::size_t crops_count,
                                               Embedding* out) { net_(crops, crops_count, out); },
                                        kCrop, batch_size, std::move(apart));
  }
  static std::shared_ptr<BatchRequest> request(const std::vector<int>& values) {
    auto made = std::make_shared<BatchRequest>();
    std::uint8_t* crops = made->prepare(values.size(), kCrop);
    for (std::size_t i = 0; i < values.size(); ++i)
      std::fill_n(crops + i * kCrop, kCrop, static_cast<std::uint8_t>(values[i]));
    return made;
  }
  static std::shared_ptr<BatchRequest> submit(BatchClient& client, const std::vector<int>& values) {
    auto made = request(values);
    client.submit(made);
    return made;
  }
  static std::vector<int> result(BatchClient& client, const BatchRequest& request) {
    if (!client.wait(request)) return {};
    std::vector<int> values;
    for (std::size_t i = 0; i < request.count(); ++i) {
      values.push_back(static_cast<int>(request.embeddings()[i][0]));
      EXPECT_EQ(request.embeddings()[i].front(), request.embeddings()[i].back());
    }
    return values;
  }

  Net net_;
  std::vector<Net> lanes_;
};

}  // namespace batches
