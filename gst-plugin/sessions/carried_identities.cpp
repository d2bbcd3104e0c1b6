// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessions/carried_identities.h"

#include <algorithm>
#include <cstddef>

namespace embed::gst {
namespace {

constexpr double kLeastOverlap = 0.3;
constexpr double kSameTrack = 2;         // More than any overlap.
constexpr std::size_t kMostFaces = 256;  // Comparing all with all of a crowd costs their square.

}  // namespace

/// At least kLeastOverlap where they may be one face.
double CarriedIdentities::likeness(const FacePlace& roi, const Carried& face) {
  const bool followed = roi.track != 0 && face.place.track != 0;
  if (followed) return roi.track == face.place.track && (roi.predicted || !face.old) ? kSameTrack : 0;
  return face.old ? 0 : intersection_over_union(rect_of(roi.box), rect_of(face.place.box));
}

/// The best pairs first, and each face once.
void CarriedIdentities::fill(const std::vector<FacePlace>& places, std::vector<Identity>& identities) {
  struct Pair {
    double likeness;
    std::size_t roi, face;
  };
  std::vector<Pair> pairs;
  for (std::size_t roi = 0; roi < places.size(); ++roi) {
    if (identities[roi].reason != Reason::Skipped) continue;
    for (std::size_t face = 0; face < faces_.size(); ++face) {
      const double like = likeness(places[roi], faces_[face]);
      if (like >= kLeastOverlap) pairs.push_back({like, roi, face});
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Pair& a, const Pair& b) { return a.likeness > b.likeness; });
  for (const Pair& pair : pairs) {
    Carried& face = faces_[pair.face];
    if (face.used || identities[pair.roi].predicted) continue;
    face.used = true;
    identities[pair.roi] = face.identity;
    identities[pair.roi].predicted = true;
    face.place = places[pair.roi];
  }
}

void CarriedIdentities::carry(const std::vector<FacePlace>& places, const std::vector<std::size_t>& embedded,
                              std::uint64_t frame, std::uint64_t interval,
                              std::vector<Identity>& identities) {
  for (Carried& face : faces_) {
    face.old = frame - face.frame >= interval;
    face.used = false;
  }
  if (!faces_.empty()) fill(places, identities);
  faces_.erase(std::remove_if(faces_.begin(), faces_.end(),
                              [](const Carried& face) { return face.old && !face.used; }),
               faces_.end());
  for (const std::size_t i : embedded) {
    if (faces_.size() >= kMostFaces) return;
    faces_.push_back({places[i], identities[i], frame});
    faces_.back().identity.embedding.reset();
  }
}

}  // namespace embed::gst
