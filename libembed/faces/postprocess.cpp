// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faces/postprocess.h"

#include <algorithm>
#include <utility>

namespace embed::faces {

namespace {

/// Least standard deviation of a face's pixels, in grey levels. On a black picture 2022mar is 0.8 sure of a
/// face.
constexpr double kLeastContrast = 2;

}  // namespace

void drop_even(std::vector<DetectedFace>& faces, const cv::Mat& picture) {
  const auto is_even = [&](const DetectedFace& face) {
    const Rect& box = face.region.box;
    const cv::Rect2f found(box.x, box.y, box.width, box.height);
    const cv::Rect inside = cv::Rect(found) & cv::Rect(cv::Point(0, 0), picture.size());
    if (inside.empty()) return true;
    cv::Scalar mean, deviation;
    cv::meanStdDev(picture(inside), mean, deviation);
    return std::max({deviation[0], deviation[1], deviation[2]}) < kLeastContrast;
  };
  faces.erase(std::remove_if(faces.begin(), faces.end(), is_even), faces.end());
}

void suppress_overlaps(std::vector<DetectedFace>& faces, float threshold) {
  std::stable_sort(faces.begin(), faces.end(),
                   [](const DetectedFace& a, const DetectedFace& b) { return a.confidence > b.confidence; });
  std::vector<DetectedFace> kept;
  for (const DetectedFace& face : faces) {
    const bool overlaps = std::any_of(kept.begin(), kept.end(), [&](const DetectedFace& other) {
      return intersection_over_union(face.region.box, other.region.box) > threshold;
    });
    if (!overlaps) kept.push_back(face);
  }
  faces = std::move(kept);
}

void scale_faces(std::vector<DetectedFace>& faces, float x, float y) noexcept {
  for (DetectedFace& face : faces) {
    Rect& box = face.region.box;
    box = {box.x * x, box.y * y, box.width * x, box.height * y};
    if (!face.region.landmarks) continue;
    for (Point& point : *face.region.landmarks) point = {point.x * x, point.y * y};
  }
}

void select_faces(std::vector<DetectedFace>& faces, const DetectorOptions& options) {
  const auto smallest = static_cast<float>(options.min_face_size);
  faces.erase(std::remove_if(faces.begin(), faces.end(),
                             [smallest](const DetectedFace& face) {
                               return std::min(face.region.box.width, face.region.box.height) < smallest;
                             }),
              faces.end());
  std::stable_sort(faces.begin(), faces.end(), [](const DetectedFace& a, const DetectedFace& b) {
    return a.region.box.width * a.region.box.height > b.region.box.width * b.region.box.height;
  });
  if (options.max_faces > 0 && faces.size() > static_cast<std::size_t>(options.max_faces)) {
    faces.resize(static_cast<std::size_t>(options.max_faces));
  }
}

}  // namespace embed::faces
