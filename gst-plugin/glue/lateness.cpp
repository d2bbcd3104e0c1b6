// SPDX-License-Identifier: LGPL-2.1-or-later
#include "glue/lateness.h"

namespace embed::gst {

void Lateness::observe(GstEvent* event) {
  gdouble proportion = 1.0;
  GstClockTimeDiff diff = 0;
  GstClockTime timestamp = GST_CLOCK_TIME_NONE;
  gst_event_parse_qos(event, nullptr, &proportion, &diff, &timestamp);
  const std::lock_guard<std::mutex> lock(mutex_);
  proportion_ = proportion;
  // Of an early sink `diff` is negative, but never beyond the timestamp.
  earliest_ =
      GST_CLOCK_TIME_IS_VALID(timestamp) ? timestamp + static_cast<GstClockTime>(diff) : GST_CLOCK_TIME_NONE;
}

void Lateness::reset() {
  const std::lock_guard<std::mutex> lock(mutex_);
  earliest_ = GST_CLOCK_TIME_NONE;
  proportion_ = 1.0;
}

bool Lateness::is_late(const GstSegment& segment, GstBuffer* buffer) const {
  if (segment.format != GST_FORMAT_TIME || !GST_BUFFER_PTS_IS_VALID(buffer)) return false;
  const GstClockTime running = gst_segment_to_running_time(&segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  const std::lock_guard<std::mutex> lock(mutex_);
  return GST_CLOCK_TIME_IS_VALID(running) && GST_CLOCK_TIME_IS_VALID(earliest_) && running <= earliest_;
}

void Lateness::post(GstElement* element, const GstSegment& segment, GstBuffer* buffer, guint64 processed,
                    guint64 dropped) const {
  const GstClockTime pts = GST_BUFFER_PTS(buffer);
  const GstClockTime running = gst_segment_to_running_time(&segment, GST_FORMAT_TIME, pts);
  const GstClockTime stream = gst_segment_to_stream_time(&segment, GST_FORMAT_TIME, pts);
  GstMessage* message =
      gst_message_new_qos(GST_OBJECT(element), FALSE, running, stream, pts, GST_BUFFER_DURATION(buffer));
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    gst_message_set_qos_values(message, GST_CLOCK_DIFF(running, earliest_), proportion_, 1000000);
  }
  gst_message_set_qos_stats(message, GST_FORMAT_BUFFERS, processed, dropped);
  gst_element_post_message(element, message);
}

}  // namespace embed::gst
