// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "publish/message.h"
#include "publish/spool_store.h"

namespace embed::gst {

/// What becomes of a line for which there is no room.
enum class Overflow {
  DropNew,  ///< It is dropped: what was accepted stays.
  DropOld,  ///< The oldest ones are.
};

/// Messages on their way to a broker: they are added by one side, and handed out, confirmed or handed out
/// again by the other. Thread-safe. No call waits for a network; add() and next() write and read a file where
/// the store is one.
class Spool {
 public:
  Spool(std::unique_ptr<SpoolStore> store, Overflow overflow)
      : store_(std::move(store)), overflow_(overflow) {}

  /// What became of a message that was added.
  struct Added {
    bool accepted = false;
    std::uint64_t dropped = 0;  ///< Messages that were lost by it, itself or older ones.
    std::string trouble;        ///< Why, where it was not for want of room.
  };
  Added add(const Message& message);

  struct Entry {
    std::uint64_t id = 0;
    Message message;
  };
  /// The next message to be sent; none where all have been handed out.
  std::optional<Entry> next();
  /// The message is done with; false where `id` is not that of one which is handed out.
  bool settle(std::uint64_t id);
  /// All that is handed out and not settled is to be handed out again, under other ids; how many these are.
  std::uint64_t rewind();
  /// Forgets all; how many were not settled.
  std::uint64_t clear();

  /// Messages that are not settled.
  std::uint64_t waiting() const;
  /// Of these, those that are handed out, and their bytes.
  std::uint64_t handed_out() const;
  std::uint64_t handed_out_bytes() const;
  std::uint64_t bytes() const;
  /// As SpoolStore::take_damage.
  std::uint64_t take_damage(std::string& why);
  /// Keeps what is settled on disk.
  void save();
  /// Has the disk keep what was added through a loss of power. Takes its time, and holds nobody else.
  void sync();

 private:
  mutable std::mutex mutex_;
  std::unique_ptr<SpoolStore> store_;
  Overflow overflow_;
  /// A message that is handed out.
  struct Out {
    std::uint64_t bytes = 0;
    bool settled = false;
  };
  void forget_first();
  bool settle_locked(std::uint64_t id);

  std::deque<Out> out_;
  std::uint64_t first_ = 1;      // The id of the first one.
  std::uint64_t unsettled_ = 0;  // Of these, those that are not settled, and their bytes.
  std::uint64_t unsettled_bytes_ = 0;
  bool unsynced_ = false;
  std::uint64_t damaged_ = 0;  // Records that hold no message.
  std::string damage_;
};

}  // namespace embed::gst
