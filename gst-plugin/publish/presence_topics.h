// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "embed/presence.h"

namespace embed::gst {

/// What the retained topics of a camera say: who is there. One thread at a time.
class PresenceTopics {
 public:
  /// Sets what a retained topic says.
  using Set = std::function<void(const std::string& topic, const std::string& payload)>;

  /// `base`: what the topics begin with. `status_topic`: where it is said whether the publisher is there.
  PresenceTopics(std::string base, std::string status_topic, bool homeassistant, Set set);

  /// `<base>/presence/<camera>/+`: the topics of all people of a camera.
  static std::string filter(const std::string& base, const std::string& camera);

  /// The camera whose frames come, before its first event.
  void begin(const std::string& camera);
  void see(const PresenceEvent& event);
  /// The frames' time: who has had no name for two seconds is an unknown person.
  void tick(std::uint64_t running);

 private:
  void change(const std::string& person, int by);
  void tell_unknown(bool present);
  void discover(const std::string& person, const std::string& state_topic);
  void unnamed(const PresenceEvent& event);

  std::string base_, status_topic_;
  bool homeassistant_;
  Set set_;
  std::string camera_;
  std::map<std::string, int> people_;            // How many tracks have each name.
  std::map<int, std::uint64_t> nameless_since_;  // By track.
  bool unknown_ = false;                         // What was told last.
};

}  // namespace embed::gst
