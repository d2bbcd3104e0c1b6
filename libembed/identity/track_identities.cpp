// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/track_identities.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "identity/held_track.h"

namespace embed {
namespace {

using identity::HeldTrack;
using identity::News;

constexpr std::size_t kMostTracks = 1024;
constexpr std::chrono::seconds kLongestAbsence{10};
// Of the threshold: by so much nearer a face must be to take a name from the one that has it.
constexpr float kTakingShare = 0.5F;

bool same(const MatchOptions& a, const MatchOptions& b) {
  return a.metric == b.metric && a.threshold == b.threshold && a.margin == b.margin && a.k == b.k;
}

bool finite(const Embedding& embedding) {
  return std::isfinite(std::inner_product(embedding.begin(), embedding.end(), embedding.begin(), 0.0F));
}

}  // namespace

struct TrackIdentities::State {
  std::unordered_map<int, HeldTrack> tracks;
  std::shared_ptr<const Gallery> gallery;
  MatchOptions rule;
  std::uint64_t revision = 0, frame = 0;
  std::chrono::nanoseconds latest{0};  // When the last frame was.

  // Of the frame that is taken now.
  struct Question {
    HeldTrack* track;
    const TrackFace* face;
    const EmbeddingMean* mean;
    News news;
    bool anew;  // Because gallery or rule are others.
  };
  std::vector<HeldTrack*> seen;  // Of each face; null where none is known.
  std::vector<Question> questions;
  std::vector<Embedding> queries;
  std::vector<Match> answers;
  std::vector<TrackDecision> told;

  bool away(const HeldTrack& track, std::chrono::nanoseconds now) const {
    return track.frame != frame && std::chrono::abs(now - track.seen) > kLongestAbsence;
  }
  bool make_room(std::chrono::nanoseconds now);
  HeldTrack* hold(int id, std::chrono::nanoseconds now);
  void ask(const TrackFace* faces);
  void answer();
  HeldTrack& weaker(HeldTrack& a, HeldTrack& b) const;
  void part(const TrackFace* faces);
  void tell();
};

bool TrackIdentities::State::make_room(std::chrono::nanoseconds now) {
  if (tracks.size() < kMostTracks) return true;
  auto longest = tracks.end();
  for (auto at = tracks.begin(); at != tracks.end();) {
    if (away(at->second, now)) {
      at = tracks.erase(at);
      continue;
    }
    if (at->second.frame != frame && (longest == tracks.end() || at->second.frame < longest->second.frame))
      longest = at;
    ++at;
  }
  if (tracks.size() < kMostTracks) return true;
  if (longest == tracks.end()) return false;
  tracks.erase(longest);
  return true;
}

/// The track with that id, a new one where there is none; null where there is no room, and the second time on
/// a frame.
HeldTrack* TrackIdentities::State::hold(int id, std::chrono::nanoseconds now) {
  if (id <= 0) return nullptr;
  auto at = tracks.find(id);
  if (at == tracks.end()) {
    if (!make_room(now)) return nullptr;
    at = tracks.emplace(id, HeldTrack()).first;
  } else if (at->second.frame == frame) {
    return nullptr;
  } else if (away(at->second, now)) {
    at->second = HeldTrack();
  }
  at->second.frame = frame;
  at->second.seen = now;
  at->second.fresh = false;
  return &at->second;
}

void TrackIdentities::State::ask(const TrackFace* faces) {
  questions.clear();
  queries.clear();
  for (std::size_t i = 0; i < seen.size(); ++i) {
    HeldTrack* track = seen[i];
    if (track == nullptr) continue;
    const Embedding* embedding = faces[i].embedding;
    const bool learns = embedding != nullptr && finite(*embedding);
    const News news = learns ? track->learn(*embedding, faces[i].quality) : News::None;
    const bool anew = track->revision != revision;
    track->revision = revision;
    if (track->evidence.count() == 0 || (news == News::None && !anew)) continue;
    const bool doubt = news == News::Break || (news == News::Doubt && !anew);
    const EmbeddingMean& mean = doubt                    ? track->doubt
                                : anew && track->named() ? track->support
                                                         : track->evidence.recent();
    questions.push_back({track, &faces[i], &mean, news, anew});
    queries.push_back(mean.values());
  }
}

void TrackIdentities::State::answer() {
  answers.resize(queries.size());
  gallery->match(queries.data(), queries.size(), rule, answers.data());
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const Question& question = questions[i];
    HeldTrack& track = *question.track;
    const Match verdict = identity::judged(answers[i], *question.mean, rule);
    const bool named = track.named();
    // The name's id is another gallery's.
    if (question.anew) track.decision.match.label_id = -1;
    if (question.news == News::Break) {
      track.turn(verdict, *question.face, rule);
    } else if (question.news == News::Doubt && !question.anew) {
      track.doubt_name(verdict, rule);
    } else if (named && !question.anew) {
      track.weigh(verdict, *question.face, rule);
    } else {
      track.decide(verdict, *question.mean);
      // A name that another gallery leaves is no new claim.
      if (named) track.fresh = false;
    }
  }
}

/// The one that is farther from the person; who has had the name before is so only by a good deal.
HeldTrack& TrackIdentities::State::weaker(HeldTrack& a, HeldTrack& b) const {
  const auto distance = [this](const HeldTrack& track) {
    const float handicap = track.fresh ? kTakingShare * rule.threshold.value_or(0) : 0;
    return track.decision.match.distance + handicap;
  };
  return distance(b) < distance(a) ? a : b;
}

void TrackIdentities::State::part(const TrackFace* faces) {
  for (std::size_t i = 0; i < seen.size(); ++i) {
    for (std::size_t j = 0; j < i && seen[i] != nullptr && seen[i]->claims() && faces[i].found; ++j) {
      if (seen[j] == nullptr || !seen[j]->claims() || !faces[j].found) continue;
      if (seen[i]->decision.match.label_id == seen[j]->decision.match.label_id)
        weaker(*seen[j], *seen[i]).yield();
    }
  }
}

void TrackIdentities::State::tell() {
  told.clear();
  for (const HeldTrack* track : seen) told.push_back(track != nullptr ? track->told() : TrackDecision());
}

TrackIdentities::TrackIdentities() : state_(std::make_unique<State>()) {}
TrackIdentities::~TrackIdentities() = default;
TrackIdentities::TrackIdentities(TrackIdentities&&) noexcept = default;
TrackIdentities& TrackIdentities::operator=(TrackIdentities&&) noexcept = default;

const std::vector<TrackDecision>& TrackIdentities::take(const TrackFace* faces, std::size_t count,
                                                        const std::shared_ptr<const Gallery>& gallery,
                                                        const MatchOptions& rule,
                                                        std::chrono::nanoseconds now) {
  State& s = *state_;
  ++s.frame;
  s.latest = now;
  if (s.gallery != gallery || !same(s.rule, rule)) {
    ++s.revision;
    s.gallery = gallery;
    s.rule = rule;
  }
  s.seen.clear();
  for (std::size_t i = 0; i < count; ++i) s.seen.push_back(s.hold(faces[i].track, now));
  s.ask(faces);
  s.answer();
  s.part(faces);
  s.tell();
  return s.told;
}

const TrackEvidence* TrackIdentities::evidence(int track) const noexcept {
  const auto at = state_->tracks.find(track);
  if (at == state_->tracks.end() || state_->away(at->second, state_->latest)) return nullptr;
  return at->second.evidence.count() > 0 ? &at->second.evidence : nullptr;
}

std::size_t TrackIdentities::size() const noexcept {
  return state_->tracks.size();
}

void TrackIdentities::clear() noexcept {
  state_->tracks.clear();
}

}  // namespace embed
