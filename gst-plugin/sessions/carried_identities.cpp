// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessions/carried_identities.h"

#include <algorithm>
#include <cstddef>

namespace embed::gst {
namespace {

constexpr double kLeastOverlap = 0.3;
constexpr std::size_t kMostFaces = 256;  // Comparing all with all of a crowd costs their square.

double overlap(const PixelRect& a, const PixelRect& b) {
  const auto common = [](std::int64_t p, std::int64_t p_length, std::int64_t q, std::int64_t q_length) {
    return static_cast<double>(
        std::max<std::int64_t>(0, std::min(p + p_length, q + q_length) - std::max(p, q)));
  };
  const auto area = [](const PixelRect& r) {
    return static_cast<double>(r.width) * static_cast<double>(r.height);
  };
  const double both = common(a.x, a.width, b.x, b.width) * common(a.y, a.height, b.y, b.height);
  const double either = area(a) + area(b) - both;
  return either > 0 ? both / either : 0;
}

}  // namespace

/// The best pairs first, and each face once.
void CarriedIdentities::fill(const std::vector<PixelRect>& boxes, std::vector<Identity>& identities) {
  struct Pair {
    double overlap;
    std::size_t roi, face;
  };
  std::vector<Pair> pairs;
  for (std::size_t roi = 0; roi < boxes.size(); ++roi) {
    if (identities[roi].reason != Reason::Skipped) continue;
    for (std::size_t face = 0; face < faces_.size(); ++face) {
      const double shared = overlap(boxes[roi], faces_[face].box);
      if (shared >= kLeastOverlap) pairs.push_back({shared, roi, face});
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Pair& a, const Pair& b) { return a.overlap > b.overlap; });
  std::vector<bool> taken(faces_.size(), false);
  for (const Pair& pair : pairs) {
    if (taken[pair.face] || identities[pair.roi].predicted) continue;
    taken[pair.face] = true;
    identities[pair.roi] = faces_[pair.face].identity;
    identities[pair.roi].predicted = true;
    faces_[pair.face].box = boxes[pair.roi];
  }
}

void CarriedIdentities::carry(const std::vector<PixelRect>& boxes, const std::vector<std::size_t>& embedded,
                              std::uint64_t frame, std::uint64_t interval,
                              std::vector<Identity>& identities) {
  faces_.erase(std::remove_if(faces_.begin(), faces_.end(),
                              [&](const Carried& carried) { return frame - carried.frame >= interval; }),
               faces_.end());
  if (!faces_.empty()) fill(boxes, identities);
  for (const std::size_t i : embedded) {
    if (faces_.size() >= kMostFaces) return;
    faces_.push_back({boxes[i], identities[i], frame});
    faces_.back().identity.embedding.reset();
  }
}

}  // namespace embed::gst
