// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "embed/embedding.h"
#include "embed/gallery.h"
#include "embed/track_evidence.h"

namespace embed {

/// A face of a frame, as a tracker knows it.
struct TrackFace {
  int track =
      0;  ///< ≥ 1; of two faces of a frame with the same one, the first has it. 0: no tracker knows it.
  bool found = true;  ///< Somebody found it on this frame; else it is only carried on.
  /// Borrowed for the call; null where it was not embedded on this frame.
  const Embedding* embedding = nullptr;
  float quality = 1;  ///< Of the embedding's face, 0 to 1.
};

enum class IdentityState {
  Undecided,  ///< There is too little evidence yet.
  Named,      ///< Somebody of the gallery.
  Unknown,    ///< Nobody of the gallery, or somebody who is seen elsewhere on the frame.
};

/// Who a track is.
struct TrackDecision {
  IdentityState state = IdentityState::Undecided;
  /// What the gallery said of the evidence last; with a name, when it last spoke for it. `label_id` is the
  /// name's. Distances are such as the rule's threshold judges (see EmbeddingMean::as_of_one).
  Match match;
  /// The name that the evidence gives belongs to another track of the frame.
  bool taken = false;
  /// More embeddings would tell more: it is undecided, or the latest speak against the name.
  bool open = true;
};

/// Decides for each track of a stream who it is, one person for all of its frames. docs/decisions/0005 has
/// the rule and what it was measured on.
///
/// - The recent mean of a track's embeddings is compared with the gallery by the nearest-identity rule, once
///   there are two of them and they weigh enough.
/// - A name stays. It changes when the recent embeddings have named somebody else for a while, and goes when
///   they have been far from the person for longer.
/// - An embedding that is unlike those before, and not of the named person either, leaves its frame
/// undecided.
///   Three in a row are another person's: the track went over to them, and is decided anew. Of poor faces it
///   takes more for either.
/// - Two faces of a frame are not one person: the nearer one has the name.
/// - Another gallery or rule decides anew, and a name stays where the embeddings that gave it still do.
///
/// A track that has been away for ten seconds is forgotten. Of more than 1,024 the one that has been away
/// longest is. One thread at a time.
class TrackIdentities {
 public:
  TrackIdentities();
  ~TrackIdentities();
  TrackIdentities(TrackIdentities&&) noexcept;
  TrackIdentities& operator=(TrackIdentities&&) noexcept;

  /// The faces of the next frame, `count` of them, which is at `now` on any clock. Returns a decision for
  /// each, in their order, valid until the next call; one without a track is undecided. `gallery` is kept
  /// until the next call. Throws as Gallery::match does.
  const std::vector<TrackDecision>& take(const TrackFace* faces, std::size_t count,
                                         const std::shared_ptr<const Gallery>& gallery,
                                         const MatchOptions& rule, std::chrono::nanoseconds now);

  /// What is known of a track; null where nothing is. Valid until the next take() or clear().
  const TrackEvidence* evidence(int track) const noexcept;
  /// How many tracks are known.
  std::size_t size() const noexcept;
  /// Forgets all tracks.
  void clear() noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// So much evidence is enough to decide by.
inline constexpr std::uint64_t kLeastEmbeddings = 2;
inline constexpr float kLeastEvidence = 0.5F;

}  // namespace embed
