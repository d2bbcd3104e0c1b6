// SPDX-License-Identifier: LGPL-2.1-or-later
#include "publish/retained_topics.h"

namespace embed::gst {

void RetainedTopics::mark(const std::string& topic, State& state) {
  if (state.dirty) return;
  state.dirty = true;
  dirty_.push_back(topic);
}

bool RetainedTopics::set(const std::string& topic, const std::string& payload) {
  const auto found = states_.find(topic);
  if (found == states_.end() && states_.size() >= kMost) return false;
  State& state = states_[topic];
  if (found != states_.end() && state.payload == payload) return true;
  state.payload = payload;
  mark(topic, state);
  return true;
}

const std::string* RetainedTopics::find(const std::string& topic) const {
  const auto found = states_.find(topic);
  return found != states_.end() ? &found->second.payload : nullptr;
}

std::optional<std::pair<std::uint64_t, Message>> RetainedTopics::next() {
  if (dirty_.empty()) return std::nullopt;
  const std::string topic = dirty_.front();
  dirty_.pop_front();
  State& state = states_.at(topic);
  state.dirty = false;
  sent_.emplace(next_id_, topic);
  return std::make_pair(next_id_++, Message{topic, {}, state.payload, true});
}

void RetainedTopics::delivered(std::uint64_t id) {
  sent_.erase(id);
}

void RetainedTopics::resend(std::uint64_t id) {
  const auto found = sent_.find(id);
  if (found == sent_.end()) return;
  mark(found->second, states_.at(found->second));
  sent_.erase(found);
}

void RetainedTopics::resend_all() {
  sent_.clear();
  for (auto& [topic, state] : states_) mark(topic, state);
}

}  // namespace embed::gst
