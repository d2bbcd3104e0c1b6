// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstdint>

#include "embed/track_identities.h"

namespace embed::identity {

/// What the gallery says of a mean, judged as if it were one embedding: also what it accepted may be too far
/// then.
Match judged(const Match& match, const EmbeddingMean& mean, const MatchOptions& rule) noexcept;

/// A track, what is known of it and who it is. A value type.
struct HeldTrack {
  TrackEvidence evidence;
  TrackDecision decision;
  EmbeddingMean support;       // The mean that spoke most clearly for the name.
  float support_distance = 0;  // Its distance to the person.
  std::int64_t rival = -1;     // Whom the latest embeddings named instead,
  float rival_weight = 0;      // and how much of them in a row.
  float refuted_weight = 0;    // How much in a row was far from the person.
  bool fresh = false;          // The name is of this frame.
  std::uint64_t revision = 0;  // Of the gallery and rule that decided last.
  std::uint64_t frame = 0;     // The latest one with the track.
  std::chrono::nanoseconds seen{0};

  /// Whether it has a name.
  bool named() const noexcept { return decision.state == IdentityState::Named; }
  /// Decides by the gallery's verdict on the evidence, or on the support of a name.
  void decide(const Match& verdict, const EmbeddingMean& mean) noexcept;
  /// Holds the verdict on a new embedding, of this face, against the name.
  void weigh(const Match& verdict, const TrackFace& face, const MatchOptions& rule) noexcept;
  /// Leaves the name to another track.
  void yield() noexcept;

 private:
  void give(const Match& verdict, const EmbeddingMean& mean) noexcept;
  void confirm(const Match& verdict) noexcept;
};

}  // namespace embed::identity
