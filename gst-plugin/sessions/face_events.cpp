// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessions/face_events.h"

#include <cstddef>

namespace embed::gst {

void FaceEvents::add(int track, bool predicted, const Identity& identity) {
  PresenceFace face;
  face.track = track;
  face.predicted = predicted;
  face.decided = identity.reason != Reason::Skipped && identity.reason != Reason::Undecided;
  face.named = identity.reason == Reason::None;
  face.label = identity.label;
  face.label_id = identity.label_id;
  face.reason = to_string(identity.reason);
  face.stranger = identity.stranger;
  face.distance = identity.distance;
  face.threshold = identity.threshold;
  face.quality = identity.quality;
  faces_.push_back(face);
}

const std::vector<PresenceEvent>& FaceEvents::see(const std::vector<Roi>& rois,
                                                  const std::vector<Identity>& identities,
                                                  PresenceTime time) {
  faces_.clear();
  for (std::size_t i = 0; i < rois.size(); ++i) add(rois[i].track, rois[i].predicted, identities[i]);
  return presence_.update(faces_.data(), faces_.size(), time);
}

const std::vector<PresenceEvent>& FaceEvents::see(const std::vector<Face>& faces, PresenceTime time) {
  faces_.clear();
  for (const Face& face : faces) {
    if (face.identity) add(face.track, face.predicted, *face.identity);
  }
  return presence_.update(faces_.data(), faces_.size(), time);
}

}  // namespace embed::gst
