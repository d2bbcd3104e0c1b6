// SPDX-License-Identifier: LGPL-2.1-or-later
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>
#include <utility>
#include <vector>

#include "embed/error.h"
#include "publish/spool_segment.h"
#include "publish/spool_store.h"

namespace embed::gst {
namespace {

constexpr char kSuffix[] = ".lines";
constexpr std::size_t kDigits = 16;
constexpr std::uint64_t kSmallest = std::uint64_t{1} << 12U;
constexpr std::uint64_t kLargest = std::uint64_t{4} << 20U;

/// What the file `position` holds: up to where records are settled.
struct Position {
  std::uint64_t segment = 0;
  std::uint64_t at = 0;
  std::uint64_t check = 0;  ///< Of the other two.

  std::uint64_t sum() const { return (segment * 0x9E3779B97F4A7C15U) ^ at ^ 0x5452495053504Cu; }
};

class DiskStore : public SpoolStore {
 public:
  DiskStore(std::string folder, std::uint64_t most)
      : folder_(std::move(folder)), most_(most), roll_(std::clamp(most / 8, kSmallest, kLargest)) {
    lock();
    position_fd_ = Fd(::open(file("position").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!position_fd_) fail(file("position"), "cannot be opened");
    load();
  }
  ~DiskStore() override {
    // Where all is settled nothing of anybody stays on the disk.
    if (count() == 0) remove_all();
    save();
  }

  bool append(const std::string& record) override {
    if (record.size() > longest_spool_record()) return false;
    if (bytes_ + record.size() + kHead > most_ && count() == 0) remove_all();
    if (bytes_ + record.size() + kHead > most_) return false;
    if (!writing_ || segments_.back().size >= roll_) begin_segment();
    const std::uint64_t before = segments_.back().size;
    append_to(segments_.back(), record);
    bytes_ += segments_.back().size - before;
    return true;
  }

  bool read(std::string& record) override {
    while (reading_ < segments_.size()) {
      SpoolSegment& segment = segments_[reading_];
      if (segment.unread > 0 && read_from(segment, record)) {
        read_ends_.emplace_back(segment.number, segment.read_at);
        return true;
      }
      if (segment.unread > 0) give_up(segment);
      if (reading_ + 1 == segments_.size()) return false;
      ++reading_;
    }
    return false;
  }

  void rewind() override {
    for (const auto& end : read_ends_) ++of(end.first).unread;
    read_ends_.clear();
    for (std::size_t i = 0; i < segments_.size(); ++i)
      segments_[i].read_at = i == 0 ? settled_at_ : std::min(segments_[i].read_at, spool_segment_start());
    reading_ = 0;
  }

  void settle() override {
    const auto end = read_ends_.front();
    read_ends_.pop_front();
    while (segments_.front().number != end.first) remove_first();
    settled_at_ = end.second;
    SpoolSegment& segment = segments_.front();
    --segment.unsettled;
    if (segment.unsettled == 0 && (segments_.size() > 1 || !writing_)) remove_first();
    moved_ = true;
  }

  std::uint64_t drop_oldest() override {
    if (segments_.empty()) return 0;
    const std::uint64_t lost = segments_.front().unsettled;
    while (!read_ends_.empty() && read_ends_.front().first == segments_.front().number)
      read_ends_.pop_front();
    if (segments_.size() == 1) writing_ = false;
    remove_first();
    moved_ = true;
    save();
    return lost;
  }

  std::uint64_t count() const override {
    std::uint64_t all = 0;
    for (const SpoolSegment& segment : segments_) all += segment.unsettled;
    return all;
  }
  std::uint64_t bytes() const override { return bytes_; }

  void save() override {
    if (!moved_) return;
    moved_ = false;
    Position position;
    if (!segments_.empty()) position = {segments_.front().number, settled_at_, 0};
    if (segments_.empty()) position = {next_number_, 0, 0};
    position.check = position.sum();
    // Where it cannot be written some lines are sent twice, and none is lost.
    if (pwrite(position_fd_.get(), &position, sizeof position, 0) != sizeof position) errno = 0;
  }

  int sync_handle() override { return writing_ ? fcntl(segments_.back().fd.get(), F_DUPFD_CLOEXEC, 0) : -1; }

  std::uint64_t take_damage(std::string& why) override {
    why = std::exchange(damage_, {});
    return std::exchange(damaged_, 0);
  }

 private:
  static constexpr std::uint64_t kHead = 8;

  std::string file(const std::string& name) const { return folder_ + "/" + name; }

  [[noreturn]] static void fail(const std::string& path, const std::string& doing) {
    throw Error(ErrorCode::Io, doing + ": " + std::strerror(errno), path, "spool");
  }

  void lock() {
    if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST) fail(folder_, "the folder cannot be made");
    lock_ = Fd(::open(file("lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock_) fail(folder_, "expected a folder that can be written to");
    if (flock(lock_.get(), LOCK_EX | LOCK_NB) == 0) return;
    if (errno != EWOULDBLOCK) fail(folder_, "cannot be locked");
    throw Error(ErrorCode::Io, "another tripletpublish is using this folder; expected one for each", folder_,
                "spool");
  }

  /// The numbers of the segments that are there, in order.
  std::vector<std::uint64_t> numbers() const {
    std::vector<std::uint64_t> found;
    DIR* folder = opendir(folder_.c_str());
    if (folder == nullptr) fail(folder_, "the folder cannot be read");
    while (const dirent* entry = readdir(folder)) {
      const std::string name = entry->d_name;
      if (name.size() == kDigits + std::strlen(kSuffix) && name.substr(kDigits) == kSuffix &&
          name.find_first_not_of("0123456789abcdef") == kDigits)
        found.push_back(std::stoull(name.substr(0, kDigits), nullptr, 16));
    }
    closedir(folder);
    std::sort(found.begin(), found.end());
    return found;
  }

  std::string path_of(std::uint64_t number) const {
    char name[kDigits + 1];
    std::snprintf(name, sizeof name, "%016llx", static_cast<unsigned long long>(number));
    return file(name) + kSuffix;
  }

  Position load_position() const {
    Position position;
    if (pread(position_fd_.get(), &position, sizeof position, 0) != sizeof position ||
        position.check != position.sum())
      return {};
    return position;
  }

  void load() {
    const Position settled = load_position();
    // Never one again that `position` speaks of.
    next_number_ = settled.segment + 1;
    for (const std::uint64_t number : numbers()) {
      next_number_ = std::max(next_number_, number + 1);
      if (number < settled.segment) {
        ::unlink(path_of(number).c_str());
        continue;
      }
      const bool begun = number == settled.segment && settled.at >= spool_segment_start();
      SpoolSegment segment =
          open_spool_segment(path_of(number), number, begun ? settled.at : spool_segment_start());
      note_damage(segment);
      if (segments_.empty()) settled_at_ = segment.read_at;
      bytes_ += segment.size;
      segments_.push_back(std::move(segment));
    }
    while (!segments_.empty() && segments_.front().unsettled == 0) remove_first();
  }

  void note_damage(const SpoolSegment& segment) {
    struct stat info {};
    if (fstat(segment.fd.get(), &info) != 0 || static_cast<std::uint64_t>(info.st_size) <= segment.size)
      return;
    damage_ = segment.path + ": a record is damaged; it and what is behind it are left out";
    ++damaged_;
  }

  void begin_segment() {
    segments_.push_back(make_spool_segment(path_of(next_number_), next_number_));
    ++next_number_;
    bytes_ += segments_.back().size;
    if (segments_.size() == 1) {
      settled_at_ = spool_segment_start();
      reading_ = 0;
      moved_ = true;
    }
    writing_ = true;
    // The one before it may have been settled to its end.
    if (segments_.size() == 2 && segments_.front().unsettled == 0) remove_first();
  }

  void remove_first() {
    ::unlink(segments_.front().path.c_str());
    bytes_ -= segments_.front().size;
    segments_.pop_front();
    if (reading_ > 0) --reading_;
    settled_at_ = spool_segment_start();
    moved_ = true;
  }

  void remove_all() {
    while (!segments_.empty()) remove_first();
    read_ends_.clear();
    writing_ = false;
  }

  void give_up(SpoolSegment& segment) {
    damage_ = segment.path + ": a record is damaged; it and what is behind it are left out";
    damaged_ += segment.unread;
    segment.unsettled -= segment.unread;
    segment.unread = 0;
    // What comes is not to lie behind it.
    if (&segment == &segments_.back()) writing_ = false;
  }

  SpoolSegment& of(std::uint64_t number) {
    return *std::find_if(segments_.begin(), segments_.end(),
                         [number](const SpoolSegment& segment) { return segment.number == number; });
  }

  std::string folder_;
  std::uint64_t most_;
  std::uint64_t roll_;
  Fd lock_, position_fd_;
  std::deque<SpoolSegment> segments_;
  bool writing_ = false;                                           // Into the last segment.
  std::size_t reading_ = 0;                                        // Index of the segment that is read.
  std::deque<std::pair<std::uint64_t, std::uint64_t>> read_ends_;  // Segment and end of what is not settled.
  std::uint64_t settled_at_ = 0;                                   // In the first segment.
  std::uint64_t next_number_ = 1;
  std::uint64_t bytes_ = 0;
  bool moved_ = false;  // Since `position` was written.
  std::string damage_;
  std::uint64_t damaged_ = 0;
};

}  // namespace

std::unique_ptr<SpoolStore> disk_store(const std::string& folder, std::uint64_t most) {
  return std::make_unique<DiskStore>(folder, most);
}

}  // namespace embed::gst
