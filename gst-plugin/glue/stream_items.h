// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <memory>
#include <variant>

#include "embed/presence.h"
#include "glue/face_meta.h"
#include "sessions/embed_session.h"

namespace embed::gst {

struct Unref {
  void operator()(gpointer object) const { gst_mini_object_unref(GST_MINI_OBJECT_CAST(object)); }
};
using EventPtr = std::unique_ptr<GstEvent, Unref>;

/// A frame between tripletembed's pads.
struct Frame {
  std::unique_ptr<GstBuffer, Unref> buffer;
  int width = 0, height = 0;
  RoiList list;
  FramePlan plan;
  PresenceTime time;  ///< When it came.
  std::shared_ptr<const EmbedSettings> settings;
};

/// What leaves tripletembed in the order in which it came.
using StreamItem = std::variant<EventPtr, Frame>;

}  // namespace embed::gst
