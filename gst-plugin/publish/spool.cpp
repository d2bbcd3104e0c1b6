// SPDX-License-Identifier: LGPL-2.1-or-later
#include "publish/spool.h"

#include <unistd.h>

#include <cerrno>

#include "embed/error.h"

namespace embed::gst {

Spool::Added Spool::add(const Message& message) {
  const std::string record = message_record(message);
  const std::lock_guard<std::mutex> lock(mutex_);
  Added result;
  try {
    while (!store_->append(record)) {
      const std::uint64_t before = store_->count();
      if (overflow_ == Overflow::DropNew || before == 0) {
        ++result.dropped;
        return result;
      }
      // Of what is lost, the first ones are those that are handed out, and some of these were confirmed.
      std::uint64_t lost = store_->drop_oldest();
      for (std::uint64_t left = lost; left > 0 && !out_.empty(); --left) {
        if (out_.front().settled) --lost;
        forget_first();
      }
      result.dropped += lost;
    }
    result.accepted = unsynced_ = true;
  } catch (const Error& error) {
    ++result.dropped;
    result.trouble = error.what();
  }
  return result;
}

std::optional<Spool::Entry> Spool::next() {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::string record;
  while (store_->read(record)) {
    Entry entry;
    entry.id = first_ + out_.size();
    out_.push_back({record.size(), false});
    ++unsettled_;
    unsettled_bytes_ += record.size();
    try {
      entry.message = record_message(record);
      return entry;
    } catch (const Error& error) {
      ++damaged_;
      damage_ = std::string("spool: ") + error.what();
      settle_locked(entry.id);
    }
  }
  return std::nullopt;
}

bool Spool::settle(std::uint64_t id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return settle_locked(id);
}

bool Spool::settle_locked(std::uint64_t id) {
  if (id < first_ || id - first_ >= out_.size() || out_[id - first_].settled) return false;
  out_[id - first_].settled = true;
  --unsettled_;
  unsettled_bytes_ -= out_[id - first_].bytes;
  while (!out_.empty() && out_.front().settled) {
    store_->settle();
    forget_first();
  }
  return true;
}

std::uint64_t Spool::rewind() {
  const std::lock_guard<std::mutex> lock(mutex_);
  store_->rewind();
  const std::uint64_t again = unsettled_;
  while (!out_.empty()) forget_first();
  return again;
}

std::uint64_t Spool::clear() {
  const std::lock_guard<std::mutex> lock(mutex_);
  while (!out_.empty()) forget_first();
  std::uint64_t lost = 0;
  while (store_->count() > 0) lost += store_->drop_oldest();
  return lost;
}

void Spool::forget_first() {
  if (!out_.front().settled) {
    --unsettled_;
    unsettled_bytes_ -= out_.front().bytes;
  }
  out_.pop_front();
  ++first_;
}

std::uint64_t Spool::waiting() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return store_->count();
}

std::uint64_t Spool::handed_out() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return unsettled_;
}

std::uint64_t Spool::handed_out_bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return unsettled_bytes_;
}

std::uint64_t Spool::bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return store_->bytes();
}

std::uint64_t Spool::take_damage(std::string& why) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::uint64_t count = store_->take_damage(why) + damaged_;
  if (damaged_ > 0) why = damage_;
  damaged_ = 0;
  return count;
}

void Spool::save() {
  const std::lock_guard<std::mutex> lock(mutex_);
  store_->save();
}

void Spool::sync() {
  int fd = -1;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (unsynced_) fd = store_->sync_handle();
    unsynced_ = false;
  }
  if (fd < 0) return;
  // A disk that fails is told by the next write.
  if (fdatasync(fd) != 0) errno = 0;
  ::close(fd);
}

}  // namespace embed::gst
