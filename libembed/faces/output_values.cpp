// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faces/output_values.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "embed/error.h"

namespace embed::faces {

const float* output_values(const cv::Mat& output, std::size_t count, const char* name) {
  if (output.type() != CV_32F || !output.isContinuous() || output.total() != count) {
    throw Error(ErrorCode::Format, std::string("output ") + name + ": expected " + std::to_string(count) +
                                       " float32 values, found " + std::to_string(output.total()));
  }
  return output.ptr<float>();
}

bool is_usable(const DetectedFace& face) noexcept {
  const Rect& box = face.region.box;
  const auto is_finite = [](const Point& point) { return std::isfinite(point.x) && std::isfinite(point.y); };
  if (!is_finite({box.x, box.y}) || !is_finite({box.width, box.height})) return false;
  if (!(box.width > 0 && box.height > 0)) return false;
  const auto& points = face.region.landmarks;
  return !points || std::all_of(points->begin(), points->end(), is_finite);
}

}  // namespace embed::faces
