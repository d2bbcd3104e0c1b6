// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/video/video.h>

#include <string>

#include "embed/image_view.h"
#include "glue/checked_map.h"

namespace embed::gst {

/// Caps of what embed::ImageView can show: pixel_layouts(), any size and rate.
std::string video_caps();

/// Takes GstVideoCropMeta out of what the answer to an ALLOCATION query offers: whoever asks then crops by
/// itself.
void withhold_crop(GstQuery* query);
/// Raises the buffers of every pool in the answer to an ALLOCATION query, for an element that holds so many
/// frames beside those that downstream wants.
void ask_for_more_buffers(GstQuery* query, std::size_t held);

/// Throws Error(Unsupported) for a buffer of whose frame a GstVideoCropMeta shows a part: faces would be
/// looked for, and marked, beside where they are seen.
void refuse_crop(const GstVideoInfo& info, GstBuffer* buffer);

/// A pixel's width over its height, brought into 1/16 to 16: no camera has pixels of a shape beyond, and
/// where caps say so, what is nearest is nearer to the truth than an error.
float pixel_aspect(const GstVideoInfo& info);

/// A read-only mapping of a frame, with its strides and offsets (GstVideoMeta), for as long as the object
/// lives. Needs only a readable buffer; never copies pixels.
class MappedFrame {
 public:
  /// Throws Error(Unsupported) for another format, and as refuse_crop and CheckedMap.
  MappedFrame(const GstVideoInfo& info, GstBuffer* buffer);

  /// Borrows from this object.
  const ImageView& view() const noexcept { return view_; }

 private:
  CheckedMap map_;
  ImageView view_;
};

}  // namespace embed::gst
