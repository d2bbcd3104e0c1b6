// SPDX-License-Identifier: LGPL-2.1-or-later
#include "identity/held_track.h"

#include <algorithm>

namespace embed::identity {
namespace {

// Weights of embeddings in a row. The recent mean, over ten of them, has to have gone over to somebody else
// before the first of these counts.
constexpr float kRenaming = 10;
constexpr float kRefuting = 60;
// So many embeddings, about, are in the recent mean.
constexpr std::uint64_t kRecentCount = 10;
// A head that turns or a hand before the face leave the threshold, by this factor hardly ever.
constexpr float kRefutingFactor = 2;
// Cosine distance of an embedding to the recent mean: within a track of the sample clips at most 0.34 also
// where each third or tenth frame alone is embedded; of two people of LFW 98 in a hundred are farther.
constexpr float kUnlike = 0.35F;
constexpr std::uint64_t kBreak = 3;

bool too_far(const Match& match, const MatchOptions& rule, float factor) noexcept {
  return rule.threshold && match.distance > factor * *rule.threshold;
}

}  // namespace

Match judged(const Match& match, const EmbeddingMean& mean, const MatchOptions& rule) noexcept {
  Match verdict = match;
  if (match.nearest_id < 0) return verdict;
  verdict.distance = mean.as_of_one(rule.metric, match.distance);
  if (match.runner_up_id >= 0)
    verdict.runner_up_distance = mean.as_of_one(rule.metric, match.runner_up_distance);
  if (match.label_id < 0) return verdict;
  if (too_far(verdict, rule, 1)) {
    verdict.unknown = Unknown::Far;
  } else if (rule.margin > 0 && verdict.runner_up_distance - verdict.distance < rule.margin) {
    verdict.unknown = Unknown::Ambiguous;
  }
  if (verdict.unknown != Unknown::No) verdict.label_id = -1;
  return verdict;
}

News HeldTrack::learn(const Embedding& embedding, float quality) noexcept {
  const bool unlike = evidence.count() >= kLeastEmbeddings &&
                      distance(Metric::Cosine, evidence.recent().values(), embedding) > kUnlike;
  if (!unlike) {
    settle();
    evidence.add(embedding, quality);
    return News::More;
  }
  doubt.add(embedding, weight_of(quality));
  decision.open = true;
  return ++doubts < kBreak || doubt.weight() < kLeastEvidence ? News::Doubt : News::Break;
}

void HeldTrack::settle() noexcept {
  doubt = EmbeddingMean();
  doubts = 0;
  suspended = false;
}

void HeldTrack::doubt_name(const Match& verdict, const MatchOptions& rule) noexcept {
  // Poor pictures may be unlike the person.
  suspended = named() && doubt.weight() >= kLeastEvidence && refuted_by(verdict, rule);
  doubted = verdict;
}

TrackDecision HeldTrack::told() const noexcept {
  if (!suspended) return decision;
  TrackDecision open;
  open.match = doubted;
  open.match.label_id = -1;
  return open;
}

void HeldTrack::decide(const Match& verdict, const EmbeddingMean& mean) noexcept {
  const bool enough = evidence.count() >= kLeastEmbeddings && evidence.weight() >= kLeastEvidence;
  decision.taken = false;
  if (verdict.label_id >= 0 && enough) return give(verdict, mean);
  decision.state =
      enough || verdict.unknown == Unknown::NoGallery ? IdentityState::Unknown : IdentityState::Undecided;
  decision.match = verdict;
  decision.match.label_id = -1;
  decision.open = !enough;
}

void HeldTrack::give(const Match& verdict, const EmbeddingMean& mean) noexcept {
  fresh = true;
  decision.state = IdentityState::Named;
  support = mean;
  support_distance = verdict.distance;
  confirm(verdict);
}

void HeldTrack::confirm(const Match& verdict) noexcept {
  decision.match = verdict;
  decision.open = false;
  rival = -1;
  rival_weight = refuted_weight = 0;
}

bool HeldTrack::refuted_by(const Match& verdict, const MatchOptions& rule) const noexcept {
  return verdict.nearest_id != decision.match.label_id || verdict.unknown == Unknown::Rejected ||
         too_far(verdict, rule, kRefutingFactor);
}

void HeldTrack::weigh(const Match& verdict, const TrackFace& face, const MatchOptions& rule) noexcept {
  const std::int64_t name = decision.match.label_id;
  if (verdict.label_id == name) {
    confirm(verdict);
    if (verdict.distance > support_distance) return;
    support = evidence.recent();
    support_distance = verdict.distance;
    return;
  }
  const float weight = weight_of(face.quality);
  if (verdict.label_id != rival) rival_weight = 0;
  rival = verdict.label_id;
  if (rival >= 0) rival_weight += weight;
  refuted_weight = refuted_by(verdict, rule) ? refuted_weight + weight : 0;
  decision.open = rival_weight > 0 || refuted_weight > 0;
  if (rival_weight < kRenaming && refuted_weight < kRefuting) return;
  const EmbeddingMean recent = evidence.recent();
  evidence.begin_anew(recent, std::min(evidence.count(), kRecentCount), *face.embedding, face.quality);
  decide(verdict, evidence.recent());
}

void HeldTrack::turn(const Match& verdict, const TrackFace& face, const MatchOptions& rule) noexcept {
  const EmbeddingMean latest = doubt;
  const std::uint64_t count = doubts;
  settle();
  if (named() && !refuted_by(verdict, rule)) {
    evidence.take_turn(latest, count);
    return weigh(verdict, face, rule);
  }
  evidence.begin_anew(latest, count, *face.embedding, face.quality);
  decide(verdict, evidence.recent());
}

void HeldTrack::yield() noexcept {
  decision.state = IdentityState::Unknown;
  decision.match.label_id = -1;
  decision.taken = true;
  decision.open = false;
}

}  // namespace embed::identity
