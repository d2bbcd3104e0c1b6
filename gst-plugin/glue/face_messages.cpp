// SPDX-License-Identifier: LGPL-2.1-or-later
#include "glue/face_messages.h"

#include <cmath>

#include "embed/utc_time.h"
#include "glue/tensor_params.h"

namespace embed::gst {
namespace {

void set_number(GstStructure* message, const char* field, const std::optional<float>& value) {
  if (value && std::isfinite(*value))
    gst_structure_set(message, field, G_TYPE_DOUBLE, static_cast<double>(*value), nullptr);
}

void set_text(GstStructure* message, const char* field, const std::string& value) {
  if (!value.empty())
    gst_structure_set(message, field, G_TYPE_STRING, valid_text(value.c_str()).c_str(), nullptr);
}

GstStructure* message_of(const PresenceEvent& event, const std::string& camera) {
  GstStructure* message = gst_structure_new(
      "triplet-face", "event", G_TYPE_STRING, to_string(event.change), "camera", G_TYPE_STRING,
      valid_text(camera.c_str()).c_str(), "label", G_TYPE_STRING, valid_text(event.label.c_str()).c_str(),
      "label_id", G_TYPE_INT, event.label_id, "running-time", G_TYPE_UINT64,
      static_cast<guint64>(event.at.running), "utc", G_TYPE_STRING, utc_text(event.at.utc).c_str(),
      "first-seen", G_TYPE_UINT64, static_cast<guint64>(event.first_seen.running), "last-seen", G_TYPE_UINT64,
      static_cast<guint64>(event.last_seen.running), nullptr);
  if (event.track != 0) gst_structure_set(message, "track", G_TYPE_INT, event.track, nullptr);
  set_number(message, "distance", event.distance);
  set_number(message, "threshold", event.threshold);
  set_number(message, "quality", event.quality);
  set_text(message, "previous-label", event.previous_label);
  set_text(message, "reason", event.reason);
  set_text(message, "stranger", event.stranger);
  return message;
}

}  // namespace

void FaceMessages::post(GstElement* element, const std::vector<PresenceEvent>& events) const {
  for (const PresenceEvent& event : events)
    gst_element_post_message(element, gst_message_new_element(GST_OBJECT(element), message_of(event, name_)));
}

void FaceMessages::see(GstPad* sink_pad, const Frame& frame) {
  if (!frame.settings->post_messages) {
    events_.end();  // Whoever is there then appears anew once messages are wanted again.
    return;
  }
  name_ = camera_.of(sink_pad, frame.settings->camera);
  post(GST_PAD_PARENT(sink_pad), events_.see(frame.list.rois, frame.plan.identities, frame.time));
}

void FaceMessages::end(GstElement* element) {
  post(element, events_.end());
  camera_ = {};
}

}  // namespace embed::gst
