// SPDX-License-Identifier: LGPL-2.1-or-later
#include "glue/stream_events.h"

namespace embed::gst {

bool begins_segment(GstEvent* event) {
  return GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT || GST_EVENT_TYPE(event) == GST_EVENT_STREAM_START;
}

bool begins_pictures(GstEvent* event) {
  return GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT || GST_EVENT_TYPE(event) == GST_EVENT_CAPS;
}

void keep_sticky(GstPad* source, GstEvent* event) {
  const GstEventType type = GST_EVENT_TYPE(event);
  if (!GST_EVENT_IS_STICKY(event) || type == GST_EVENT_SEGMENT || type == GST_EVENT_EOS) return;
  gst_pad_store_sticky_event(source, event);
}

gboolean answer_latency(GstPad* sink, GstQuery* query, GstClockTime wait, GstClockTime held) {
  if (gst_pad_peer_query(sink, query) == FALSE) return FALSE;
  gboolean live = FALSE;
  GstClockTime least = 0, most = 0;
  gst_query_parse_latency(query, &live, &least, &most);
  least += wait;
  if (GST_CLOCK_TIME_IS_VALID(most)) most += MAX(wait, held);
  gst_query_set_latency(query, live, least, most);
  return TRUE;
}

}  // namespace embed::gst
