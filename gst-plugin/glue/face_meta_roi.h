// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/video/video.h>

#include <optional>
#include <string>

#include "sessions/face_types.h"

/// A single ROI meta; only the files of face_meta include this.
namespace embed::gst {

/// A number from 1 on that no region of the process has had lately.
int fresh_id();
std::string type_of(const GstVideoRegionOfInterestMeta* meta);
PixelRect box_of(const GstVideoRegionOfInterestMeta* meta);
/// What face_meta.h says of `detection`; the caller's.
GstStructure* detection_param(const Rect& box, std::optional<double> confidence, int frame_width,
                              int frame_height);
/// The region with what its params say of it.
Roi read_roi(const GstVideoRegionOfInterestMeta* meta, int frame_width, int frame_height);

}  // namespace embed::gst
