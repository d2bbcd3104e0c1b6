// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "sessions/face_types.h"

namespace embed::gst {

/// When the face of a track is to be embedded again, so that a network need not see the same face on every
/// frame. Thread-safe: one thread asks for the frames to come while another tells of those that are done.
class TrackSchedule {
 public:
  /// Whether the track's face, which was found on this frame in that box, is to be embedded: until there are
  /// embeddings enough to decide by, while more of them would tell more (see TrackDecision::open), when the
  /// box has grown by a third since the last one, and when that was `interval` frames ago. On `may` false it
  /// is not, whatever the reasons. Every frame of the track counts, those too on which it was not found.
  bool due(int track, const PixelRect& box, std::uint64_t frame, std::uint64_t interval, bool may);
  /// Whether pictures of the track that are clearly better than those embedded so far are there to be had.
  bool may_improve(int track);
  /// Whether a face of that quality, 0 to 1, which was not due, is to be embedded because it is clearly
  /// better.
  bool improves(int track, float quality);
  /// A face that was due is of that quality.
  void embeds(int track, float quality);
  /// A face that was due, or was better, has been embedded.
  void done(int track, bool open);
  /// As at the start of a stream.
  void clear();

 private:
  struct Entry {
    std::uint64_t embeddings = 0;  // That were due.
    std::uint64_t waiting = 0;     // Of these: not done yet.
    std::uint64_t last = 0;        // The frame of the latest.
    std::uint64_t seen = 0;        // The latest frame with the track.
    std::int64_t side = 0;         // Of the box that was embedded last, in pixels.
    float quality = 0;             // The best so far.
    bool open = true;
  };
  Entry& entry_of(int track, std::uint64_t frame);

  std::mutex mutex_;  // No other lock is taken under it.
  std::unordered_map<int, Entry> entries_;
};

}  // namespace embed::gst
