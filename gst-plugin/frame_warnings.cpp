// SPDX-License-Identifier: LGPL-2.1-or-later
#include "frame_warnings.h"

#include "detector_query.h"

namespace embed::gst {

namespace {

constexpr guint kFramesBeforeWarning = 100;
constexpr gint64 kPause = 5 * G_TIME_SPAN_SECOND;

}  // namespace

void FrameWarnings::see(GstPad* sink_pad, bool bare) {
  if (!watching_) return;
  if (!bare) {
    watching_ = false;
    return;
  }
  if (++bare_frames_ < kFramesBeforeWarning) return;
  watching_ = false;
  if (detector_upstream(sink_pad)) return;
  GST_ELEMENT_WARNING(
      GST_PAD_PARENT(sink_pad), STREAM, FAILED,
      ("%u frames have come without a region of interest: tripletembed needs a face detector upstream, "
       "for example tripletdetect",
       kFramesBeforeWarning),
      (nullptr));
}

bool FrameWarnings::due(std::size_t rejected) {
  const gint64 now = g_get_monotonic_time();
  if (rejected == 0 || (last_ != 0 && now - last_ < kPause)) return false;
  last_ = now;
  return true;
}

void FrameWarnings::restart() noexcept {
  bare_frames_ = 0;
  watching_ = true;
}

}  // namespace embed::gst
