// SPDX-License-Identifier: LGPL-2.1-or-later
#include "publish/presence_topics.h"

#include <algorithm>
#include <utility>

#include "publish/home_assistant.h"
#include "publish/topic_names.h"

namespace embed::gst {
namespace {

// Most people get their name within a second, and are not to ring as unknown before.
constexpr std::uint64_t kNamelessFor = 2'000'000'000;

}  // namespace

PresenceTopics::PresenceTopics(std::string base, std::string status_topic, bool homeassistant, Set set)
    : base_(std::move(base)),
      status_topic_(std::move(status_topic)),
      homeassistant_(homeassistant),
      set_(std::move(set)) {}

std::string PresenceTopics::filter(const std::string& base, const std::string& camera) {
  return base + "/presence/" + topic_level(camera) + "/+";
}

void PresenceTopics::begin(const std::string& camera) {
  camera_ = camera;
  const std::string topic = base_ + "/unknown/" + topic_level(camera_);
  discover({}, topic);
  set_(topic, kAbsent);
}

void PresenceTopics::discover(const std::string& person, const std::string& state_topic) {
  if (!homeassistant_) return;
  const Discovery sensor = discover_sensor({base_, camera_, person, state_topic, status_topic_});
  set_(sensor.topic, sensor.payload);
}

void PresenceTopics::change(const std::string& person, int by) {
  const auto found = people_.find(person);
  if (found == people_.end() && by < 0) return;
  const std::string topic = base_ + "/presence/" + topic_level(camera_) + "/" + topic_level(person);
  if (found == people_.end()) discover(person, topic);
  int& count = people_[person];
  count = std::max(count + by, 0);
  set_(topic, count > 0 ? kPresent : kAbsent);
  if (count == 0) people_.erase(person);
}

void PresenceTopics::tell_unknown(bool present) {
  if (present == unknown_) return;
  unknown_ = present;
  set_(base_ + "/unknown/" + topic_level(camera_), present ? kPresent : kAbsent);
}

void PresenceTopics::unnamed(const PresenceEvent& event) {
  if (event.track != 0) nameless_since_.emplace(event.track, event.at.running);
}

void PresenceTopics::see(const PresenceEvent& event) {
  switch (event.change) {
    case PresenceChange::Appeared:
      // Who has a name already is told of by Named, which follows.
      unnamed(event);
      break;
    case PresenceChange::Named:
      nameless_since_.erase(event.track);
      change(event.label, 1);
      break;
    case PresenceChange::Renamed:
      nameless_since_.erase(event.track);
      if (!event.previous_label.empty()) change(event.previous_label, -1);
      event.named ? change(event.label, 1) : unnamed(event);
      break;
    case PresenceChange::Lost:
      nameless_since_.erase(event.track);
      if (event.named) change(event.label, -1);
      break;
  }
  tick(event.at.running);
}

void PresenceTopics::tick(std::uint64_t running) {
  tell_unknown(std::any_of(nameless_since_.begin(), nameless_since_.end(),
                           [running](const auto& track) { return running >= track.second + kNamelessFor; }));
}

}  // namespace embed::gst
