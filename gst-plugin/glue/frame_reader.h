// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/base/gstbasetransform.h>
#include <gst/gst.h>

#include <string>
#include <vector>

#include "glue/camera_name.h"
#include "sessions/face_types.h"
#include "sessions/json_lines.h"

namespace embed::gst {

/// What an element that makes lines reads off its frames. One thread at a time.
class FrameReader {
 public:
  void set_caps(const GstCaps* caps);
  /// What there is to say of the frame beside its faces; valid until the next call. `camera`: the property.
  const FrameFacts& facts_of(GstBaseTransform* trans, GstBuffer* buffer, const std::string& camera);
  /// Call it after set_caps().
  std::vector<Face> faces_of(GstBuffer* buffer) const;

 private:
  FrameFacts facts_;
  CameraName camera_;
};

}  // namespace embed::gst
