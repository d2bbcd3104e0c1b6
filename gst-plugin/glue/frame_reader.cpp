// SPDX-License-Identifier: LGPL-2.1-or-later
#include "glue/frame_reader.h"

#include "glue/face_meta.h"
#include "glue/frame_time.h"

namespace embed::gst {

void FrameReader::set_caps(const GstCaps* caps) {
  const GstStructure* structure = gst_caps_get_structure(caps, 0);
  facts_.width = facts_.height = 0;
  gst_structure_get_int(structure, "width", &facts_.width);
  gst_structure_get_int(structure, "height", &facts_.height);
}

const FrameFacts& FrameReader::facts_of(GstBaseTransform* trans, GstBuffer* buffer,
                                        const std::string& camera) {
  facts_.source = camera_.of(GST_BASE_TRANSFORM_SINK_PAD(trans), camera);
  facts_.time = time_of(GST_ELEMENT(trans), trans->segment, buffer);
  facts_.timestamp.reset();
  if (GST_BUFFER_PTS_IS_VALID(buffer)) facts_.timestamp = GST_BUFFER_PTS(buffer);
  return facts_;
}

std::vector<Face> FrameReader::faces_of(GstBuffer* buffer) const {
  return read_faces(buffer, facts_.width, facts_.height);
}

}  // namespace embed::gst
