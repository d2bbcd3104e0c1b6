// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessions/carried_identities.h"

#include <algorithm>
#include <cstddef>

namespace embed::gst {
namespace {

constexpr float kLeastOverlap = 0.3F;
constexpr std::size_t kMostFaces = 256;  // Comparing all with all of a crowd costs their square.

}  // namespace

/// The best pairs first, and each face once.
void CarriedIdentities::fill(const std::vector<FacePlace>& places, std::vector<Identity>& identities) {
  struct Pair {
    float overlap;
    std::size_t roi, face;
  };
  std::vector<Pair> pairs;
  for (std::size_t roi = 0; roi < places.size(); ++roi) {
    if (places[roi].track != 0 || identities[roi].reason != Reason::Skipped) continue;
    for (std::size_t face = 0; face < faces_.size(); ++face) {
      const float overlap = intersection_over_union(rect_of(places[roi].box), rect_of(faces_[face].box));
      if (overlap >= kLeastOverlap) pairs.push_back({overlap, roi, face});
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Pair& a, const Pair& b) { return a.overlap > b.overlap; });
  for (const Pair& pair : pairs) {
    Carried& face = faces_[pair.face];
    if (face.used || identities[pair.roi].predicted) continue;
    face.used = true;
    identities[pair.roi] = face.identity;
    identities[pair.roi].predicted = true;
    face.box = places[pair.roi].box;
  }
}

void CarriedIdentities::carry(const std::vector<FacePlace>& places, const std::vector<std::size_t>& embedded,
                              std::uint64_t frame, std::uint64_t interval,
                              std::vector<Identity>& identities) {
  faces_.erase(std::remove_if(faces_.begin(), faces_.end(),
                              [=](const Carried& face) { return frame - face.frame >= interval; }),
               faces_.end());
  for (Carried& face : faces_) face.used = false;
  if (!faces_.empty()) fill(places, identities);
  for (const std::size_t i : embedded) {
    if (faces_.size() >= kMostFaces) return;
    if (places[i].track != 0) continue;
    faces_.push_back({places[i].box, identities[i], frame});
    faces_.back().identity.embedding.reset();
  }
}

}  // namespace embed::gst
