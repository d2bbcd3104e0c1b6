// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "embed/embedding.h"
#include "embed/image_view.h"

namespace embed {

/// How faces are followed from frame to frame. A value type.
struct TrackerOptions {
  /// Detections with at least this score start tracks and are assigned first; weaker ones only carry on the
  /// tracks that are left over. 0 to 1.
  float confident_score = 0.6F;
  /// A track that was missed ends after so many frames, ≥ 0.
  int max_lost = 30;
  /// Cosine distance of two embeddings, 0 to 2, up to which a lost track is taken up again by a face that no
  /// track overlaps. 0 never does.
  float max_cosine_distance = 0.2F;
};

/// A face that a detector found on this frame.
struct TrackerDetection {
  Rect box;         ///< Pixels. One without area, or beyond a million pixels, is left out.
  float score = 1;  ///< The detector's confidence, 0 to 1.
  int kind = 0;     ///< What it is a box of; a track only ever has boxes of one kind.
  /// Of this face, any length but 0, borrowed for the call; null where there is none.
  const Embedding* embedding = nullptr;
};

enum class TrackState {
  Tentative,  ///< Found once. It ends when the next look misses it.
  Confirmed,  ///< Found twice or more, and by the latest look.
  Lost,       ///< Confirmed before, and missed by the latest look.
};

/// One face over time.
struct Track {
  int id = 0;  ///< ≥ 1, and never given to another track by the same Tracker.
  int kind = 0;
  TrackState state = TrackState::Tentative;
  Rect box;             ///< Pixels: as it was found on this frame, else where its motion takes it.
  int detection = -1;   ///< Which detection of this frame it is; −1 where it was not found.
  int hits = 0;         ///< How often it was found.
  int missed = 0;       ///< How many looks in a row have missed it.
  int lost_frames = 0;  ///< Frames since the one that missed it first; 0 unless it is lost.
};

/// Gives the faces of a video identities over time, in the manner of ByteTrack (Zhang et al., ECCV 2022). A
/// Kalman filter with constant velocity says where each track is to be looked for. Confident detections are
/// assigned to the tracks first, then the weak ones to tracks that were found on the look before. Each
/// assignment is the one with the largest sum of overlaps (IoU). What is left of the confident detections and
/// of the tracks that were found on the look before is assigned by boxes that are twice as wide and high
/// (Yang et al., WACV 2023), for faces that moved by up to their own size between two looks before their
/// velocity was known. What is left of the confident detections takes up lost tracks with a similar
/// embedding, where both have one, and otherwise starts tracks.
///
/// Overlap is not believed where the embeddings of both say clearly that they are two people.
///
/// The time of a frame grows with tracks × detections × the smaller of them: bound the detections of frames
/// from elsewhere.
///
/// The same calls give the same tracks. Once warm, a frame allocates no memory unless there are more faces
/// than before. One thread at a time.
class Tracker {
 public:
  explicit Tracker(const TrackerOptions& options = {});
  ~Tracker();
  Tracker(Tracker&&) noexcept;
  Tracker& operator=(Tracker&&) noexcept;

  /// Takes effect with the next frame.
  void set_options(const TrackerOptions& options) noexcept;

  /// The next frame, on which faces were looked for: `detections` are all that were found, `count` of them.
  /// Returns the tracks that live on, the oldest first, which stay valid until the next call. At most 1,024
  /// tracks live at once; beyond them the one that was lost longest ends, and if none is lost, a new face
  /// gets no track.
  const std::vector<Track>& update(const TrackerDetection* detections, std::size_t count);
  /// The next frame, on which nobody looked: each track moves on.
  const std::vector<Track>& predict();
  /// Ends all tracks: the next frame has nothing to do with the last one. Ids go on.
  void clear() noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace embed
