// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faces/two_scales.h"

#include <algorithm>

#include "faces/convert.h"
#include "faces/postprocess.h"

namespace embed::faces {

namespace {

/// The fine look has so many times the coarse one's side: of the face sizes that each finds, a good part is
/// common.
constexpr int kBetweenLooks = 4;
/// A picture so little larger than the coarse look is looked at once.
constexpr double kWorthASecond = 1.5;
/// The coarse look where the fine one is at full size.
constexpr int kUsualSide = 480;

/// Of a small face this share lies in a larger one: it is an eye or a mouth of that.
constexpr float kInside = 0.7F;
/// A face this many times as wide as another one is larger by far.
constexpr float kLargerByFar = 2.0F;

DetectorOptions with_side(DetectorOptions options, int side) {
  options.scales = 1;
  options.max_side = side;
  options.min_face_size = 0;
  options.max_faces = 0;
  return options;
}

float covered(const Rect& small, const Rect& large) {
  const float width = std::min(small.x + small.width, large.x + large.width) - std::max(small.x, large.x);
  const float height = std::min(small.y + small.height, large.y + large.height) - std::max(small.y, large.y);
  return width > 0 && height > 0 ? width * height / (small.width * small.height) : 0;
}

/// Drops what the fine look took for faces within a face of the coarse one.
void drop_parts(std::vector<DetectedFace>& fine, const std::vector<DetectedFace>& coarse) {
  const auto is_part = [&](const DetectedFace& face) {
    return std::any_of(coarse.begin(), coarse.end(), [&](const DetectedFace& whole) {
      return whole.region.box.width > kLargerByFar * face.region.box.width &&
             covered(face.region.box, whole.region.box) > kInside;
    });
  };
  fine.erase(std::remove_if(fine.begin(), fine.end(), is_part), fine.end());
}

}  // namespace

TwoScales::TwoScales(const DetectorOptions& options, const Make& make)
    : options_(options),
      make_(make),
      coarse_side_(options.max_side > 0 ? options.max_side : kUsualSide),
      fine_side_(options.max_side > 0 ? kBetweenLooks * options.max_side : 0),
      coarse_(make(with_side(options, coarse_side_))) {}

FaceDetector& TwoScales::fine() {
  if (!fine_) fine_ = make_(with_side(options_, fine_side_));
  return *fine_;
}

std::vector<DetectedFace> TwoScales::detect(const ImageView& image) {
  validate(image);
  // The looks' sides are of the picture as it is shown.
  const cv::Size shown = reduced_size(image, 0);
  const int side = std::max(shown.width, shown.height);
  if (side <= kWorthASecond * coarse_side_) {
    // One look, as large as the options allow.
    std::vector<DetectedFace> faces = options_.max_side > 0 ? coarse_->detect(image) : fine().detect(image);
    select_faces(faces, options_);
    return faces;
  }
  std::vector<DetectedFace> faces = coarse_->detect(image);
  std::vector<DetectedFace> far = fine().detect(image);
  drop_parts(far, faces);
  faces.insert(faces.end(), far.begin(), far.end());
  suppress_overlaps(faces, options_.nms_threshold);
  select_faces(faces, options_);
  return faces;
}

}  // namespace embed::faces
