// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <opencv2/videoio.hpp>
#include <string>

#include "embed/image_view.h"

/// The frames of a test's clip in BGR, by OpenCV: for tests of detectors, in builds with GStreamer and
/// without.
class Clip {
 public:
  explicit Clip(const std::string& path) : capture_(path, cv::CAP_FFMPEG) {}
  /// Valid until the next call; false at the end, and for what is no clip.
  bool next(embed::ImageView& frame) {
    if (!capture_.read(frame_) || frame_.empty()) return false;
    frame.format = embed::PixelFormat::Bgr;
    frame.width = frame_.cols;
    frame.height = frame_.rows;
    frame.planes[0] = frame_.data;
    frame.strides[0] = static_cast<std::ptrdiff_t>(frame_.step[0]);
    return true;
  }

 private:
  cv::VideoCapture capture_;
  cv::Mat frame_;
};
