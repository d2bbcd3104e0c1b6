// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

namespace embed::gst {

/// A queue that hands items from one thread to another in order, and limits how many heavy items (frames, as
/// opposed to events) are in flight. An item is in flight from push() until the done() that follows its
/// pop().
///
/// The queue starts in the flushing state: push() and pop() fail until restart() is called. Thread-safe; made
/// for one thread that pushes and one that pops. No other lock is taken under its mutex, and items are
/// destroyed without it.
template <typename Item>
class InFlight {
 public:
  /// Waits until fewer than `limit` heavy items are in flight. A caller that has to wait at all waits until
  /// half of `limit` are left, so that it is woken once for several items. Returns false when flushing.
  bool reserve(std::size_t limit) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (heavy_ >= limit) {
      room_at_ = limit / 2;
      left_.wait(lock, [&] { return flushing_ || heavy_ <= room_at_; });
    }
    return !flushing_;
  }

  /// Appends an item; never waits. Returns false when flushing; the item is then destroyed.
  bool push(Item item, bool heavy) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (flushing_) return false;
      items_.emplace_back(std::move(item), heavy);
      heavy_ += heavy ? 1 : 0;
    }
    arrived_.notify_one();  // Without the mutex, which the woken thread takes at once.
    return true;
  }

  /// Waits for the next item and moves it into `item`. Returns false when flushing. Call done() before the
  /// next pop().
  bool pop(Item& item) {
    std::unique_lock<std::mutex> lock(mutex_);
    arrived_.wait(lock, [&] { return flushing_ || !items_.empty(); });
    if (flushing_) return false;
    item = std::move(items_.front().first);
    popped_heavy_ = items_.front().second;
    popped_ = true;
    items_.pop_front();
    return true;
  }

  /// Says that the item of the last pop() is no longer in flight.
  void done() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!popped_) return;  // A flush came in between.
      popped_ = false;
      heavy_ -= popped_heavy_ ? 1 : 0;
      if (heavy_ > room_at_) return;
    }
    left_.notify_all();
  }

  /// Waits until no item is in flight. Returns false when flushing.
  bool drain() {
    std::unique_lock<std::mutex> lock(mutex_);
    room_at_ = 0;
    left_.wait(lock, [&] { return flushing_ || (items_.empty() && !popped_); });
    return !flushing_;
  }

  /// Starts flushing, which ends all waiting, and returns the items that were not popped, in order.
  std::vector<Item> flush() {
    std::deque<std::pair<Item, bool>> dropped;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      flushing_ = true;
      popped_ = false;
      heavy_ = 0;
      dropped.swap(items_);
      left_.notify_all();
      arrived_.notify_all();
    }
    std::vector<Item> items;
    items.reserve(dropped.size());
    for (auto& [item, heavy] : dropped) items.push_back(std::move(item));
    return items;
  }

  /// Ends flushing.
  void restart() {
    const std::lock_guard<std::mutex> lock(mutex_);
    flushing_ = false;
  }

  /// The number of heavy items in flight.
  std::size_t depth() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return heavy_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable arrived_, left_;
  std::deque<std::pair<Item, bool>> items_;
  std::size_t heavy_ = 0;
  std::size_t room_at_ = 0;  // The waiting thread is woken when at most this many heavy items are left.
  bool popped_ = false, popped_heavy_ = false;
  bool flushing_ = true;
};

}  // namespace embed::gst
