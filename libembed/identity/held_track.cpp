// SPDX-License-Identifier: LGPL-2.1-or-later
#include "identity/held_track.h"

namespace embed::identity {
namespace {

// Weights of embeddings in a row. The recent mean, over ten of them, has to have gone over to somebody else
// before the first of these counts.
constexpr float kRenaming = 10;
constexpr float kRefuting = 60;
// A head that turns or a hand before the face leave the threshold, by this factor hardly ever.
constexpr float kRefutingFactor = 2;

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
  const bool refuted = verdict.nearest_id != name || verdict.unknown == Unknown::Rejected ||
                       too_far(verdict, rule, kRefutingFactor);
  refuted_weight = refuted ? refuted_weight + weight : 0;
  decision.open = rival_weight > 0 || refuted_weight > 0;
  if (rival_weight < kRenaming && refuted_weight < kRefuting) return;
  evidence.keep_recent(*face.embedding, face.quality);
  decide(verdict, evidence.recent());
}

void HeldTrack::yield() noexcept {
  decision.state = IdentityState::Unknown;
  decision.match.label_id = -1;
  decision.taken = true;
  decision.open = false;
}

}  // namespace embed::identity
