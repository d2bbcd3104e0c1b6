// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include "embed/presence.h"

namespace embed::gst {

/// When a frame was taken. Its running time is that of its PTS in `segment`, else the element's running time
/// now, else 0. UTC is what a GstReferenceTimestampMeta with the caps `timestamp/x-unix` or `timestamp/x-ntp`
/// says, as rtspsrc adds it with add-reference-timestamp-meta, else the clock's time now.
PresenceTime time_of(GstElement* element, const GstSegment& segment, GstBuffer* buffer);

}  // namespace embed::gst
