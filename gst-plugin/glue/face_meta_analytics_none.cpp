// SPDX-License-Identifier: LGPL-2.1-or-later
// GStreamer below 1.24, which has no analytics metadata.
#include "glue/face_meta_analytics.h"

namespace embed::gst::analytics {

bool same_box(const PixelRect&, const PixelRect&) noexcept {
  return false;
}
bool is_at(const Detection&, const Place&) {
  return false;
}
bool has_detections(GstBuffer*) {
  return false;
}
std::vector<Detection> read_detections(GstBuffer*) {
  return {};
}
int track_of(GstBuffer*, guint) {
  return 0;
}
std::optional<Identity> identity_of(GstBuffer*, guint) {
  return std::nullopt;
}
void add_detection(GstBuffer*, const Place&, std::optional<double>) {}
void move_detection(GstBuffer*, const Place&, const PixelRect&, std::optional<double>) {}
void remove_detection(GstBuffer*, const Place&) {}
void write_track(GstBuffer*, const Place&, std::optional<double>, int) {}
void write_identity(GstBuffer*, const Place&, std::optional<double>, const Identity&, double) {}

}  // namespace embed::gst::analytics
