// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/video/video.h>

namespace embed::gst {

/// A mapping of a video frame whose planes are known to lie inside the memory that was mapped, unlike those
/// of gst_video_frame_map(), which believes what a GstVideoMeta says of strides and offsets.
class CheckedMap {
 public:
  /// `flags`: GST_MAP_READ, for which a readable buffer is enough, or GST_MAP_READWRITE. Throws Error(Format)
  /// when a GstVideoMeta contradicts the caps or a plane reaches beyond its memory, Error(Io) when the memory
  /// cannot be mapped or is smaller than the caps say.
  CheckedMap(const GstVideoInfo& info, GstBuffer* buffer, GstMapFlags flags);
  ~CheckedMap() { gst_video_frame_unmap(&frame_); }
  CheckedMap(const CheckedMap&) = delete;
  CheckedMap& operator=(const CheckedMap&) = delete;

  /// Valid while this object lives; the pixels are the buffer's.
  GstVideoFrame* frame() noexcept { return &frame_; }

 private:
  GstVideoFrame frame_{};
};

}  // namespace embed::gst
