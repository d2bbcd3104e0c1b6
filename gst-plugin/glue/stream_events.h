// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

namespace embed::gst {

/// Whether frames behind the event are wanted again where downstream had come to its end.
bool begins_segment(GstEvent* event);
/// Whether faces behind the event are not in the places of those before it.
bool begins_pictures(GstEvent* event);
/// Has an event that a flush keeps from being pushed wait on the source pad for the next frame, as `queue`
/// does: caps, tags and other sticky ones, but for segments and EOS. Other events are left alone.
void keep_sticky(GstPad* source, GstEvent* event);
/// Answers a latency query with that of upstream, `wait` more at least, and `held` more at most where that is
/// longer.
gboolean answer_latency(GstPad* sink, GstQuery* query, GstClockTime wait, GstClockTime held);

}  // namespace embed::gst
