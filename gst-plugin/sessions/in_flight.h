// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

namespace embed::gst {

/// Hands items from one thread to another in their order, with a bound on how many of the weighty ones are on
/// the way. An item is on the way from push() until the done() after its pop(). Starts flushing: nothing goes
/// through before restart(). Thread-safe; made for one thread that pushes and one that pops. No other lock is
/// taken under its mutex, and items are
/// destroyed without it.
template <typename Item>
class InFlight {
 public:
  /// Waits until fewer than `limit` weighty items are on the way. Who has to wait does so until half of them
  /// have left, so that it is woken once for several items. False when flushing.
  bool reserve(std::size_t limit) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (weighty_ >= limit) {
      room_at_ = limit / 2;
      left_.wait(lock, [&] { return flushing_ || weighty_ <= room_at_; });
    }
    return !flushing_;
  }

  /// Sends an item on its way; never waits. False, and the item is destroyed, when flushing.
  bool push(Item item, bool weighty) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (flushing_) return false;
      items_.emplace_back(std::move(item), weighty);
      weighty_ += weighty ? 1 : 0;
    }
    arrived_.notify_one();  // Without the mutex, which whom it wakes wants.
    return true;
  }

  /// Waits for the next item and puts it in `item`. False when flushing. done() must follow before the next.
  bool pop(Item& item) {
    std::unique_lock<std::mutex> lock(mutex_);
    arrived_.wait(lock, [&] { return flushing_ || !items_.empty(); });
    if (flushing_) return false;
    item = std::move(items_.front().first);
    popped_weighty_ = items_.front().second;
    popped_ = true;
    items_.pop_front();
    return true;
  }

  /// The item that was popped has left.
  void done() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!popped_) return;  // Flushed in between.
      popped_ = false;
      weighty_ -= popped_weighty_ ? 1 : 0;
      if (weighty_ > room_at_) return;
    }
    left_.notify_all();
  }

  /// Waits until nothing is on the way. False when flushing.
  bool drain() {
    std::unique_lock<std::mutex> lock(mutex_);
    room_at_ = 0;
    left_.wait(lock, [&] { return flushing_ || (items_.empty() && !popped_); });
    return !flushing_;
  }

  /// Ends all waiting, until restart(), and hands back what was on the way and not popped, in order.
  std::vector<Item> flush() {
    std::deque<std::pair<Item, bool>> dropped;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      flushing_ = true;
      popped_ = false;
      weighty_ = 0;
      dropped.swap(items_);
      left_.notify_all();
      arrived_.notify_all();
    }
    std::vector<Item> items;
    items.reserve(dropped.size());
    for (auto& [item, weighty] : dropped) items.push_back(std::move(item));
    return items;
  }

  void restart() {
    const std::lock_guard<std::mutex> lock(mutex_);
    flushing_ = false;
  }

  /// Weighty items on the way.
  std::size_t depth() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return weighty_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable arrived_, left_;
  std::deque<std::pair<Item, bool>> items_;
  std::size_t weighty_ = 0;
  std::size_t room_at_ = 0;  // So many weighty ones may be left when the thread that pushes is woken.
  bool popped_ = false, popped_weighty_ = false;
  bool flushing_ = true;
};

}  // namespace embed::gst
