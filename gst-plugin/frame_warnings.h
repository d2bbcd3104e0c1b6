// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <cstddef>

namespace embed::gst {

/// When to speak of frames that tripletembed cannot do its work on: once of a stream without any detector,
/// and now and then of regions that are no faces. Of the thread that holds the sink pad's stream lock.
class FrameWarnings {
 public:
  /// Takes note of a frame, `bare` of regions of interest. After a hundred of them and none else, without a
  /// tripletdetect upstream of `sink_pad`, its element posts a warning.
  void see(GstPad* sink_pad, bool bare);
  /// Whether regions that were rejected are to be logged: not when that was done a moment ago.
  bool due(std::size_t rejected);
  /// A stream begins: bare frames are counted anew.
  void restart() noexcept;

 private:
  guint bare_frames_ = 0;  // Without any ROI so far.
  bool watching_ = true;   // Until the first ROI, or the warning.
  gint64 last_ = 0;        // Monotonic time when rejected ROIs were last logged.
};

}  // namespace embed::gst
