// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "embed/presence.h"
#include "fixtures.h"
#include "publish/publisher.h"
#include "sessions/json_lines.h"

/// What the tests of publishers share.
namespace publishtest {

/// The warnings of a publisher.
class Warnings {
 public:
  auto take() {
    return [this](const std::string& text) {
      const std::lock_guard<std::mutex> lock(mutex_);
      all_.push_back(text);
    };
  }
  std::vector<std::string> all() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return all_;
  }
  /// How many of them hold this text.
  std::size_t count(const std::string& text) const {
    std::size_t found = 0;
    for (const std::string& warning : all()) found += warning.find(text) != std::string::npos ? 1 : 0;
    return found;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> all_;
};

/// Publishes the line of event `number`, whose `track` is one more.
inline void publish(embed::gst::Publisher& publisher, int number, const std::string& camera = "door") {
  embed::PresenceEvent event;
  event.change = embed::PresenceChange::Lost;
  event.track = number + 1;
  event.label = "???";
  const std::string text = embed::gst::event_to_json(event, camera);
  publisher.write({text, camera, &event});
}

/// The numbers in lines of publish().
inline int number_of(const std::string& payload) {
  const std::size_t at = payload.find("\"track\":");
  return at == std::string::npos ? -1 : std::stoi(payload.substr(at + 8)) - 1;
}

inline std::string new_spool() {
  static int number = 0;
  return fixtures::temp_dir() + "/kept" + std::to_string(++number);
}

}  // namespace publishtest
