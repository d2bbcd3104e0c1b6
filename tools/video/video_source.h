// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace video {

/// What a user calls a video, as GStreamer takes it.
struct VideoSource {
  std::string uri;    ///< file://…, v4l2://… or what was given.
  std::string shown;  ///< For messages: without user, password and query.
  bool is_file = false;
  bool is_cut = false;  ///< An AVI or MP4 file that ends before a part of it that it begins.
};

/// Throws Error(NotFound | Io | Format) for what is neither a regular file with something in it, nor a
/// camera, nor a URL: a pipe would be waited for without end.
VideoSource video_source(const std::string& source);

}  // namespace video
