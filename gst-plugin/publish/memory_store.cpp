// SPDX-License-Identifier: LGPL-2.1-or-later
#include <deque>

#include "publish/spool_store.h"

namespace embed::gst {
namespace {

// What a record takes beside its bytes.
constexpr std::uint64_t kOverhead = 64;

class MemoryStore : public SpoolStore {
 public:
  explicit MemoryStore(std::uint64_t most) : most_(most) {}

  bool append(const std::string& record) override {
    const std::uint64_t size = record.size() + kOverhead;
    if (bytes_ + size > most_) return false;
    records_.push_back(record);
    bytes_ += size;
    return true;
  }
  bool read(std::string& record) override {
    if (read_ == records_.size()) return false;
    record = records_[read_++];
    return true;
  }
  void rewind() override { read_ = 0; }
  void settle() override {
    bytes_ -= records_.front().size() + kOverhead;
    records_.pop_front();
    if (read_ > 0) --read_;
  }
  std::uint64_t drop_oldest() override {
    if (records_.empty()) return 0;
    settle();
    return 1;
  }
  std::uint64_t count() const override { return records_.size(); }
  std::uint64_t bytes() const override { return bytes_; }

 private:
  std::uint64_t most_;
  std::uint64_t bytes_ = 0;
  std::deque<std::string> records_;
  std::size_t read_ = 0;
};

}  // namespace

std::unique_ptr<SpoolStore> memory_store(std::uint64_t most) {
  return std::make_unique<MemoryStore>(most);
}

}  // namespace embed::gst
