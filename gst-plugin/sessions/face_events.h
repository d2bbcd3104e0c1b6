// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <vector>

#include "embed/presence.h"
#include "sessions/face_types.h"

namespace embed::gst {

/// Who comes and goes, by the faces that tripletembed has looked at. One thread at a time; what is returned
/// stays valid until the next call.
class FaceEvents {
 public:
  /// The next frame: `rois` and `identities` run in parallel.
  const std::vector<PresenceEvent>& see(const std::vector<Roi>& rois, const std::vector<Identity>& identities,
                                        PresenceTime time);
  /// The same of a frame as it is read. Faces that tripletembed has not looked at are left out.
  const std::vector<PresenceEvent>& see(const std::vector<Face>& faces, PresenceTime time);
  /// The stream has ended.
  const std::vector<PresenceEvent>& end() { return presence_.end(); }

 private:
  void add(int track, bool predicted, const Identity& identity);

  Presence presence_;
  std::vector<PresenceFace> faces_;
};

}  // namespace embed::gst
