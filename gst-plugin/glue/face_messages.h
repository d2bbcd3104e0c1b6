// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include "glue/camera_name.h"
#include "glue/stream_items.h"
#include "sessions/face_events.h"

namespace embed::gst {

/// The element messages `triplet-face` of a stream: who appeared, was named, was renamed or was lost. Their
/// fields are those of PresenceEvent; docs/metadata.md lists them. One thread at a time, without the object
/// lock.
class FaceMessages {
 public:
  /// Posts what has changed with a frame whose identities are known, in the name of the element that has
  /// `sink_pad`; nothing where the frame's settings do not want it.
  void see(GstPad* sink_pad, const Frame& frame);
  /// The stream has ended: posts who is lost by that.
  void end(GstElement* element);

 private:
  void post(GstElement* element, const std::vector<PresenceEvent>& events) const;

  FaceEvents events_;
  CameraName camera_;
  std::string name_;  // Of the camera, for the messages at the end.
};

}  // namespace embed::gst
