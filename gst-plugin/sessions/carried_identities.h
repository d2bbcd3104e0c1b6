// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sessions/face_types.h"

namespace embed::gst {

/// What tells a face of one frame from those of the next.
struct FacePlace {
  PixelRect box;
  int track = 0;           ///< 0: no tracker knows it.
  bool predicted = false;  ///< Nobody found it on this frame.
};

/// The last results of a stream's faces without a track, for the frames on which they are skipped. A face is
/// the one whose box it overlaps most, by at least three tenths of their union. One thread at a time.
class CarriedIdentities {
 public:
  /// Takes a frame in its turn: `places` and `identities` run in parallel, `embedded` are the places of those
  /// whose identity is of this frame. An identity with the reason `skipped` becomes the last one of the face
  /// in that place, marked as predicted and without its embedding, when that was given fewer than `interval`
  /// frames before; `frame` counts them. Faces of tracks are left alone.
  void carry(const std::vector<FacePlace>& places, const std::vector<std::size_t>& embedded,
             std::uint64_t frame, std::uint64_t interval, std::vector<Identity>& identities);
  /// As at the start of a stream.
  void clear() noexcept { faces_.clear(); }

 private:
  struct Carried {
    PixelRect box;  // On the latest frame with it.
    Identity identity;
    std::uint64_t frame = 0;  // When it was embedded.
    bool used = false;        // On this frame.
  };
  void fill(const std::vector<FacePlace>& places, std::vector<Identity>& identities);

  std::vector<Carried> faces_;
};

}  // namespace embed::gst
