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
  constexpr float kFarthest = 1e6F;
  const Rect& box = face.region.box;
  // So written that what is not a number is refused.
  const auto is_near = [](const Point& point) {
    return std::abs(point.x) <= kFarthest && std::abs(point.y) <= kFarthest;
  };
  if (!is_near({box.x, box.y}) || !is_near({box.width, box.height})) return false;
  if (!(box.width > 0 && box.height > 0)) return false;
  const auto& points = face.region.landmarks;
  return !points || std::all_of(points->begin(), points->end(), is_near);
}

}  // namespace embed::faces
