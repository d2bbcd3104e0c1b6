// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <mutex>

namespace embed::gst {

/// What downstream has answered to the frames of an element that pushes from a thread of its own. The rules
/// are those of GStreamer's `queue`: the first answer that is not OK stays until a flush or a change of
/// state, and nothing more is pushed. But NOT_LINKED ends when the source pad is linked anew, and EOS with
/// the next segment. Thread-safe; no other lock is taken under its mutex.
class DownstreamFlow {
 public:
  /// As after a flush or a change of state: nothing has been answered.
  void reset();

  /// What a frame from upstream is told, before it is taken. Other than OK counts as told.
  GstFlowReturn ask();
  /// A new segment or stream came from upstream: frames behind it are taken where downstream had its end.
  void segment_comes();

  /// Whether what is in line is pushed.
  bool is_open() const;
  /// A new segment or stream is next in line.
  void segment_leaves();
  /// The answer to a frame. `posted`: it stands for an error of this element, which is on the bus already.
  void take(GstFlowReturn flow, bool posted = false);
  /// At the end of the stream: the error that no frame is left to tell upstream of and that nobody has
  /// posted, else OK. It is then for the caller to post.
  GstFlowReturn untold_error();

  /// The source pad asks for negotiation, as it does when it was linked.
  void relinked();

 private:
  mutable std::mutex mutex_;  // Guards what follows.
  GstFlowReturn flow_ = GST_FLOW_OK;
  bool told_ = false;  // Upstream knows, or the application does.
  int segments_ = 0;   // On their way from upstream to downstream.
};

}  // namespace embed::gst
