// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/presence.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

namespace embed {
namespace {

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

/// What makes the faces of two frames one. Without a track it is the name, or the group of strangers.
struct KeyView {
  int track = 0;
  bool group = false;
  std::string_view person;
};
struct Key {
  int track = 0;
  bool group = false;
  std::string person;
};
struct KeyLess {
  using is_transparent = void;
  template <typename A, typename B>
  bool operator()(const A& a, const B& b) const noexcept {
    return std::make_tuple(a.track, a.group, std::string_view(a.person)) <
           std::make_tuple(b.track, b.group, std::string_view(b.person));
  }
};

KeyView key_of(const PresenceFace& face) noexcept {
  if (face.track != 0) return {face.track, false, {}};
  return face.named ? KeyView{0, false, face.label} : KeyView{0, true, face.stranger};
}

struct Person {
  int told_track = 0;
  bool told = false;
  bool seen = false;  // On this frame.
  std::uint64_t frames = 0;
  PresenceTime first, last;

  bool decided = false;  // On some frame something was said of the name.
  bool named = false;
  bool was_named = false;
  std::string label;
  int label_id = -1;
  std::string offered;  // A name that does not count yet.
  int offered_id = -1;
  int offers = 0;                          // On so many frames in a row.
  std::optional<std::uint64_t> bare_from;  // When a face without a name was seen first, with none since.

  std::string reason, stranger, bare_label;
  std::optional<float> distance, threshold, quality;
};

}  // namespace

const char* to_string(PresenceChange change) noexcept {
  switch (change) {
    case PresenceChange::Appeared:
      return "appeared";
    case PresenceChange::Named:
      return "named";
    case PresenceChange::Renamed:
      return "renamed";
    case PresenceChange::Lost:
      break;
  }
  return "lost";
}

struct Presence::State {
  using People = std::map<Key, Person, KeyLess>;

  explicit State(const PresenceOptions& o) : options(o) {}

  void start_frame(PresenceTime& time);
  void see(const PresenceFace* faces, std::size_t count);
  People::iterator welcome(const PresenceFace& face);
  bool make_room();
  void take(People::iterator found, const PresenceFace& face);
  void take_name(Person& person, const PresenceFace& face) const;
  void tell_of(People::iterator found);
  void tell_name(Person& person);
  bool is_awaited(const Person& person) const;
  People::iterator missing_as(const Person& person);
  void tell_absent();
  void tell(PresenceChange change, const Person& person, const std::string& previous = {});

  PresenceOptions options;
  People people;
  PresenceTime now;
  bool begun = false;
  // Of those with a name or a group who are missing, when the first one was seen last.
  std::uint64_t missing_since = kNever;
  std::vector<People::iterator> present;  // In the order of the frame's faces.
  std::vector<std::size_t> fresh;         // Faces of this frame that nobody is known for.
  std::vector<PresenceEvent> events;
  std::uint64_t unheeded = 0;
};

void Presence::State::tell(PresenceChange change, const Person& person, const std::string& previous) {
  PresenceEvent event;
  event.change = change;
  event.track = person.told_track;
  event.named = person.named;
  event.label = person.named ? person.label : person.bare_label;
  event.label_id = person.named ? person.label_id : -1;
  if (!person.named) {
    event.reason = person.reason;
    event.stranger = person.stranger;
  }
  event.distance = person.distance;
  event.threshold = person.threshold;
  event.quality = person.quality;
  event.previous_label = previous;
  event.at = now;
  event.first_seen = person.first;
  event.last_seen = person.last;
  events.push_back(std::move(event));
}

void Presence::State::start_frame(PresenceTime& time) {
  events.clear();
  if (begun && time.running < now.running) {
    if (now.running - time.running > options.lost_after) {
      for (const auto& [key, person] : people) {
        if (person.told) tell(PresenceChange::Lost, person);
      }
      people.clear();
    } else {
      time.running = now.running;
    }
  }
  begun = true;
  now = time;
  for (auto& [key, person] : people) person.seen = false;
}

// Nobody looked for faces on a frame whose boxes are all carried on. On another one, such a face was missed.
void Presence::State::see(const PresenceFace* faces, std::size_t count) {
  const bool looked =
      !std::all_of(faces, faces + count, [](const PresenceFace& face) { return face.predicted; });
  present.clear();
  fresh.clear();
  for (std::size_t i = 0; i < count; ++i) {
    const PresenceFace& face = faces[i];
    if (looked && face.predicted) continue;
    if (face.track == 0 && !face.named && face.stranger.empty()) continue;
    const auto found = people.find(key_of(face));
    if (found != people.end()) {
      take(found, face);
    } else {
      fresh.push_back(i);
    }
  }
  for (const std::size_t i : fresh) {
    if (const auto found = welcome(faces[i]); found != people.end()) take(found, faces[i]);
  }
}

// Somebody who is followed by another track may be back on the one with which they appeared. While they are
// here on both, nobody else is told of under that track.
Presence::State::People::iterator Presence::State::welcome(const PresenceFace& face) {
  const KeyView key = key_of(face);
  const auto found = people.find(key);  // Of an earlier face of this frame with the same track.
  if (found != people.end()) return found;
  const auto before = std::find_if(people.begin(), people.end(), [&key](const auto& entry) {
    return key.track != 0 && entry.second.told && entry.second.told_track == key.track;
  });
  if (before != people.end()) {
    if (before->second.seen) return people.end();
    auto node = people.extract(before);
    node.key() = {key.track, false, {}};
    return people.insert(std::move(node)).position;
  }
  if (people.size() >= options.most && !make_room()) {
    ++unheeded;
    return people.end();
  }
  const auto made = people.try_emplace(Key{key.track, key.group, std::string(key.person)}).first;
  made->second.first = now;
  made->second.told_track = key.track;
  return made;
}

// Who has not been told of goes first, then who is missing longest.
bool Presence::State::make_room() {
  auto out = people.end();
  const auto rank = [](const Person& person) { return std::make_pair(person.told, person.last.running); };
  for (auto it = people.begin(); it != people.end(); ++it) {
    if (!it->second.seen && (out == people.end() || rank(it->second) < rank(out->second))) out = it;
  }
  if (out == people.end()) return false;
  if (out->second.told) tell(PresenceChange::Lost, out->second);
  people.erase(out);
  return true;
}

void Presence::State::take(People::iterator found, const PresenceFace& face) {
  Person& person = found->second;
  if (person.seen) return;
  person.seen = true;
  person.last = now;
  ++person.frames;
  present.push_back(found);
  if (face.quality) person.quality = face.quality;
  if (!face.named && (face.decided || !person.decided)) {
    person.bare_label = face.label;
    person.reason = face.reason;
    person.stranger = face.stranger;
  }
  if (face.decided) take_name(person, face);
}

void Presence::State::take_name(Person& person, const PresenceFace& face) const {
  person.decided = true;
  person.distance = face.distance;
  person.threshold = face.threshold;
  if (!face.named) {
    person.offers = 0;
    if (!person.bare_from) person.bare_from = now.running;
    return;
  }
  person.bare_from.reset();
  if (person.named && person.label == face.label) {
    person.label_id = face.label_id;
    person.offers = 0;
    return;
  }
  if (person.offered != face.label) person.offers = 0;
  person.offered = face.label;
  person.offered_id = face.label_id;
  ++person.offers;
}

// A name that counts from now on, or one that does no longer.
void Presence::State::tell_name(Person& person) {
  const bool given = person.offers >= options.name_frames;
  const bool taken_back =
      person.named && person.bare_from && now.running - *person.bare_from >= options.lost_after;
  if (!given && !taken_back) return;
  const std::string previous = person.named ? person.label : std::string();
  person.named = given;
  person.offers = 0;
  if (given) {
    person.label = person.offered;
    person.label_id = person.offered_id;
  }
  if (!person.told) return;
  tell(std::exchange(person.was_named, true) ? PresenceChange::Renamed : PresenceChange::Named, person,
       previous);
}

bool Presence::State::is_awaited(const Person& person) const {
  return !person.named && missing_since < person.first.running &&
         now.running - person.first.running < options.lost_after + options.appear_after;
}

Presence::State::People::iterator Presence::State::missing_as(const Person& person) {
  return std::find_if(people.begin(), people.end(), [&](const auto& entry) {
    const Person& other = entry.second;
    if (!other.told || other.seen || other.last.running >= person.first.running) return false;
    if (person.named) return other.named && other.label == person.label;
    return !other.named && !person.stranger.empty() && other.stranger == person.stranger;
  });
}

void Presence::State::tell_of(People::iterator found) {
  Person& person = found->second;
  tell_name(person);
  const auto enough = static_cast<std::uint64_t>(std::max(options.appear_frames, 1));
  if (person.told || person.frames < enough || now.running - person.first.running < options.appear_after)
    return;
  if (const auto missing = missing_as(person); missing != people.end()) {
    Person& known = missing->second;
    known.seen = true;
    known.last = now;
    known.frames += person.frames;
    known.label_id = person.label_id;
    known.distance = person.distance;
    known.threshold = person.threshold;
    known.quality = person.quality;
    known.bare_from.reset();
    auto node = people.extract(missing);
    node.key() = found->first;
    people.erase(found);
    people.insert(std::move(node));
    return;
  }
  if (is_awaited(person)) return;
  person.told = true;
  tell(PresenceChange::Appeared, person);
  if (!person.named) return;
  person.was_named = true;
  tell(PresenceChange::Named, person);
}

void Presence::State::tell_absent() {
  for (auto it = people.begin(); it != people.end();) {
    const Person& person = it->second;
    const std::uint64_t patience = person.told ? options.lost_after : options.forget_after;
    if (person.seen || now.running - person.last.running < patience) {
      ++it;
      continue;
    }
    if (person.told) tell(PresenceChange::Lost, person);
    it = people.erase(it);
  }
}

Presence::Presence(const PresenceOptions& options) : state_(std::make_unique<State>(options)) {
  state_->options.most = std::max<std::size_t>(state_->options.most, 1);
}
Presence::~Presence() = default;
Presence::Presence(Presence&&) noexcept = default;
Presence& Presence::operator=(Presence&&) noexcept = default;

const std::vector<PresenceEvent>& Presence::update(const PresenceFace* faces, std::size_t count,
                                                   PresenceTime now) {
  State& state = *state_;
  state.start_frame(now);
  state.see(faces, count);
  state.tell_absent();
  state.missing_since = kNever;
  for (const auto& [key, person] : state.people) {
    if (person.told && !person.seen && (person.named || !person.stranger.empty()))
      state.missing_since = std::min(state.missing_since, person.last.running);
  }
  for (const auto& found : state.present) state.tell_of(found);
  return state.events;
}

const std::vector<PresenceEvent>& Presence::end() {
  State& state = *state_;
  state.events.clear();
  for (const auto& [key, person] : state.people) {
    if (person.told) state.tell(PresenceChange::Lost, person);
  }
  state.people.clear();
  state.begun = false;
  return state.events;
}

std::size_t Presence::size() const noexcept {
  return state_->people.size();
}

std::uint64_t Presence::unheeded() const noexcept {
  return state_->unheeded;
}

}  // namespace embed
