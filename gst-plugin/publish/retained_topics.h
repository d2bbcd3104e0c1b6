// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "publish/message.h"

namespace embed::gst {

/// What retained topics are to say. Of each topic the last payload counts alone, so nothing of it needs a
/// spool: after a connection was lost all is sent anew, which also tells a broker that forgot. Not
/// thread-safe.
class RetainedTopics {
 public:
  /// Ids of its messages have this bit.
  static constexpr std::uint64_t kIdBit = std::uint64_t{1} << 62U;
  static constexpr std::size_t kMost = 10000;

  /// False where there are too many topics.
  bool set(const std::string& topic, const std::string& payload);
  /// What was set last; null for an unknown topic.
  const std::string* find(const std::string& topic) const;
  /// The next message to be sent.
  std::optional<std::pair<std::uint64_t, Message>> next();
  void delivered(std::uint64_t id);
  /// What was handed out could not be sent, and is to be handed out again.
  void resend(std::uint64_t id);
  /// All is to be sent again; what was said to be delivered, too.
  void resend_all();
  /// Whether something was set or is to be sent again, and is not delivered.
  bool pending() const { return !dirty_.empty() || !sent_.empty(); }
  std::size_t handed_out() const { return sent_.size(); }

 private:
  struct State {
    std::string payload;
    bool dirty = false;  // In dirty_.
  };
  void mark(const std::string& topic, State& state);

  std::map<std::string, State> states_;
  std::deque<std::string> dirty_;              // Topics.
  std::map<std::uint64_t, std::string> sent_;  // Topics by ids.
  std::uint64_t next_id_ = kIdBit;
};

}  // namespace embed::gst
