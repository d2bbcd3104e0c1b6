// SPDX-License-Identifier: LGPL-2.1-or-later
#include "glue/frame_time.h"

#include <optional>

namespace embed::gst {
namespace {

// From 1900, where NTP counts from, to 1970.
constexpr std::int64_t kNtpEpoch = 2208988800LL * static_cast<std::int64_t>(GST_SECOND);

std::optional<std::int64_t> reference_time(GstBuffer* buffer) {
  gpointer state = nullptr;
  while (GstMeta* meta =
             gst_buffer_iterate_meta_filtered(buffer, &state, GST_REFERENCE_TIMESTAMP_META_API_TYPE)) {
    const auto* reference = reinterpret_cast<GstReferenceTimestampMeta*>(meta);
    const GstStructure* clock = gst_caps_get_structure(reference->reference, 0);
    const bool ntp = gst_structure_has_name(clock, "timestamp/x-ntp") != FALSE;
    if (!ntp && gst_structure_has_name(clock, "timestamp/x-unix") == FALSE) continue;
    const auto time = static_cast<std::int64_t>(reference->timestamp) - (ntp ? kNtpEpoch : 0);
    if (time >= 0) return time;  // A camera whose clock was never set tells of 1900, others of no time.
  }
  return std::nullopt;
}

std::uint64_t running_time(GstElement* element, const GstSegment& segment, GstBuffer* buffer) {
  GstClockTime running = GST_CLOCK_TIME_NONE;
  if (segment.format == GST_FORMAT_TIME && GST_BUFFER_PTS_IS_VALID(buffer))
    running = gst_segment_to_running_time(&segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  if (!GST_CLOCK_TIME_IS_VALID(running)) running = gst_element_get_current_running_time(element);
  return GST_CLOCK_TIME_IS_VALID(running) ? running : 0;
}

}  // namespace

PresenceTime time_of(GstElement* element, const GstSegment& segment, GstBuffer* buffer) {
  const std::int64_t now = g_get_real_time() * 1000;
  return {running_time(element, segment, buffer), reference_time(buffer).value_or(now)};
}

}  // namespace embed::gst
