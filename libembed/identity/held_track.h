// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstdint>

#include "embed/track_identities.h"

namespace embed::identity {

/// What the gallery says of a mean, judged as if it were one embedding: also what it accepted may be too far
/// then.
Match judged(const Match& match, const EmbeddingMean& mean, const MatchOptions& rule) noexcept;

/// What an embedding is to its track.
enum class News {
  None,   ///< There is none.
  More,   ///< One more of the kind.
  Doubt,  ///< It is unlike the others, and alone so far.
  Break,  ///< The last ones, three or more, are unlike those before: mostly another person, after a cut.
};

/// A track, what is known of it and who it is. A value type.
struct HeldTrack {
  TrackEvidence evidence;
  TrackDecision decision;
  /// The mean that spoke most clearly for the name, and its distance to the person.
  EmbeddingMean support;
  float support_distance = 0;
  /// The latest embeddings that are unlike those before, and how many they are.
  EmbeddingMean doubt;
  std::uint64_t doubts = 0;
  /// These are not the named person's, for all that the gallery says of them.
  bool suspended = false;
  Match doubted;
  /// Whom the latest embeddings named instead, −1 for nobody, and how much of them in a row.
  std::int64_t rival = -1;
  float rival_weight = 0;
  /// How much in a row was far from the person.
  float refuted_weight = 0;
  /// The name is of this frame.
  bool fresh = false;
  /// Of the gallery and rule that decided last.
  std::uint64_t revision = 0;
  /// The latest one with the track, and when that was.
  std::uint64_t frame = 0;
  std::chrono::nanoseconds seen{0};

  /// Whether it has a name.
  bool named() const noexcept { return decision.state == IdentityState::Named; }
  /// Whether it is the one of the frame that has it.
  bool claims() const noexcept { return named() && !suspended; }
  /// Takes an embedding, of finite values.
  News learn(const Embedding& embedding, float quality) noexcept;
  /// Decides by the gallery's verdict on the evidence, or on the support of a name.
  void decide(const Match& verdict, const EmbeddingMean& mean) noexcept;
  /// Holds the verdict on a new embedding, of this face, against the name.
  void weigh(const Match& verdict, const TrackFace& face, const MatchOptions& rule) noexcept;
  /// Holds the gallery's verdict on embeddings in doubt against the name.
  void doubt_name(const Match& verdict, const MatchOptions& rule) noexcept;
  /// After a break: by the gallery's verdict on the embeddings since, the last of which is this face's, they
  /// are the named person's from another side, or somebody else's.
  void turn(const Match& verdict, const TrackFace& face, const MatchOptions& rule) noexcept;
  /// What there is to be told on this frame.
  TrackDecision told() const noexcept;
  /// Leaves the name to another track.
  void yield() noexcept;

 private:
  void settle() noexcept;
  bool refuted_by(const Match& verdict, const MatchOptions& rule) const noexcept;
  void give(const Match& verdict, const EmbeddingMean& mean) noexcept;
  void confirm(const Match& verdict) noexcept;
};

}  // namespace embed::identity
