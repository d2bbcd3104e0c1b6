// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <cstddef>
#include <set>
#include <string>

#include "glue/face_meta.h"

namespace embed::gst {

/// When to speak of frames that tripletembed cannot do its work on: once of a stream without any detector,
/// and now and then of regions that are no faces. Of the thread that holds the sink pad's stream lock.
class FrameWarnings {
 public:
  /// Takes note of a frame, `bare` of regions of interest. After a hundred of them and none else, without a
  /// tripletdetect upstream of `sink_pad`, its element posts a warning.
  void see(GstPad* sink_pad, bool bare);
  /// Takes note of the regions of a frame that has some. After a hundred frames with regions and none of the
  /// types asked for, `wanted`, the element posts a warning that names the types it saw.
  void see_types(GstElement* element, GstBuffer* buffer, const RoiList& found, const std::string& wanted);
  /// Takes note of a frame with more regions than the `most` that are embedded. The element posts a warning
  /// of the first one.
  void see_surplus(GstElement* element, std::size_t surplus, std::size_t most);
  /// The stream ends: where it was a short one, with ten frames at least, the warnings of see() and
  /// see_types() come now.
  void end(GstPad* sink_pad, const std::string& wanted);
  /// Whether regions that were rejected are to be logged: not when that was done a moment ago.
  bool due(std::size_t rejected);
  /// A stream begins: bare frames are counted anew.
  void restart() noexcept;

 private:
  void tell_of_none(GstPad* sink_pad);
  void tell_of_types(GstElement* element, const std::string& wanted);

  guint bare_frames_ = 0;        // Without any ROI so far.
  bool watching_ = true;         // Until the first ROI, or the warning.
  guint other_frames_ = 0;       // With ROIs of other types alone so far.
  bool watching_types_ = true;   // Until the first ROI that is wanted, or the warning.
  std::set<std::string> types_;  // That were seen; few of them.
  bool told_of_surplus_ = false;
  gint64 last_ = 0;  // Monotonic time when rejected ROIs were last logged.
};

/// Posts a warning of what Strangers::take_trouble() says, unless that is nothing.
void tell_of_strangers(GstElement* element, const std::string& trouble);

}  // namespace embed::gst
