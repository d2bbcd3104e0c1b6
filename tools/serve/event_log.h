// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace serve {

/// A line of tripletjson's events, as it is shown.
struct Event {
  std::uint64_t number = 0;  ///< Counts from 1 on, over all files.
  std::string utc;           ///< RFC 3339 in UTC with milliseconds, so that texts sort as times do.
  std::string event, camera, label, previous_label, reason, stranger;
  bool named = false;  ///< Whether `label` is somebody's name.
};

/// Follows the files that tripletjson writes events into, and keeps the last ones. A file may be appended to,
/// be begun anew, be replaced by another one, and come later. Lines of frames are skipped. Thread-safe.
class EventLog {
 public:
  /// So many are kept, and of each text so many bytes.
  static constexpr std::size_t kMost = 100'000, kMostText = 300;

  explicit EventLog(std::vector<std::string> files);
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  bool follows_any() const noexcept { return !files_.empty(); }

  /// Which events are wanted; what is empty leaves all in.
  struct Filter {
    std::string label;           ///< The name, or what stands for a stranger.
    std::string from, to;        ///< As Event::utc, `to` itself not.
    std::uint64_t before = ~0U;  ///< Numbers below this one.
  };
  /// The last `most` of them, the newest first.
  std::vector<std::shared_ptr<const Event>> last(const Filter& filter, std::size_t most) const;
  /// Those with a number above `seen`, the oldest first, at most `most`: the last ones. Waits for one until
  /// then; empty when none has come.
  std::vector<std::shared_ptr<const Event>> since(std::uint64_t seen, std::size_t most,
                                                  std::chrono::steady_clock::time_point until) const;
  /// Waits until then, or until close().
  void wait(std::chrono::steady_clock::time_point until) const;
  /// The number of the newest one.
  std::uint64_t newest() const;
  /// Lines that were no events of ours and no frames either, since the start.
  std::uint64_t bad_lines() const noexcept { return bad_lines_; }
  /// Ends all waiting, at once and from now on.
  void close();

 private:
  struct File;
  void follow();
  bool look(File& file);
  bool read_on(File& file);
  void take(File& file, const std::string& bytes);
  void take_line(const std::string& line);

  std::vector<std::string> files_;
  std::atomic<std::uint64_t> bad_lines_{0};

  mutable std::mutex mutex_;  // Guards what follows.
  mutable std::condition_variable changed_;
  std::deque<std::shared_ptr<const Event>> events_;
  std::uint64_t newest_ = 0;
  bool closing_ = false;

  std::thread follower_;
};

}  // namespace serve
