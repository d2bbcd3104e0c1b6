// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessions/roi_crops.h"

#include <algorithm>
#include <cmath>

namespace embed::gst {
namespace {

constexpr std::int64_t kMaxSide = 65535;
constexpr std::int64_t kLeastShareInside = 10;  // One part in so many.

RoiCrop refuse(Reason reason, bool rejected) {
  RoiCrop crop;
  crop.reason = reason;
  crop.rejected = rejected;
  return crop;
}

// As the integer box: one that the frame's edge cuts, not one that has next to nothing in it.
bool plausible(const Rect& box, int frame_width, int frame_height) {
  constexpr auto kMost = static_cast<float>(kMaxSide);
  // So written that what is not a number is refused.
  if (!(box.width > 0 && box.width <= kMost && box.height > 0 && box.height <= kMost)) return false;
  if (!(std::abs(box.x) <= kMost && std::abs(box.y) <= kMost)) return false;
  const auto inside = [](float start, float length, int limit) {
    return std::max(0.0F, std::min(start + length, static_cast<float>(limit)) - std::max(start, 0.0F));
  };
  return inside(box.x, box.width, frame_width) * inside(box.y, box.height, frame_height) *
             static_cast<float>(kLeastShareInside) >=
         box.width * box.height;
}

std::int64_t overlap(std::int64_t start, std::int64_t length, std::int64_t limit) {
  return std::max<std::int64_t>(0, std::min(start + length, limit) - std::max<std::int64_t>(start, 0));
}

// The distance between the eyes of a face is some tenths of its box, and no landmark is a whole box away from
// it.
bool plausible(const Landmarks& points, const PixelRect& box) {
  const auto side = static_cast<float>(std::max(box.width, box.height));
  for (const Point& p : points) {
    if (!std::isfinite(p.x) || !std::isfinite(p.y)) return false;
    const float cx = static_cast<float>(box.x) + static_cast<float>(box.width) / 2;
    const float cy = static_cast<float>(box.y) + static_cast<float>(box.height) / 2;
    if (std::max(std::abs(p.x - cx), std::abs(p.y - cy)) > 1.5F * side) return false;
  }
  float spread = 0;
  for (const Point& p : points) spread = std::max(spread, std::hypot(p.x - points[0].x, p.y - points[0].y));
  return spread > 0.05F * side;
}

}  // namespace

RoiCrop check_roi(const Roi& roi, int frame_width, int frame_height, int min_face_size) {
  const PixelRect& box = roi.box;
  if (box.width <= 0 || box.height <= 0) return refuse(Reason::Small, true);
  if (box.width > kMaxSide || box.height > kMaxSide) return refuse(Reason::Outside, true);
  const std::int64_t inside =
      overlap(box.x, box.width, frame_width) * overlap(box.y, box.height, frame_height);
  if (inside * kLeastShareInside < box.width * box.height) return refuse(Reason::Outside, true);
  if (roi.exact_box && !plausible(*roi.exact_box, frame_width, frame_height))
    return refuse(Reason::Outside, true);
  if (std::min(box.width, box.height) < min_face_size) return refuse(Reason::Small, false);
  RoiCrop crop;
  FaceRegion region;
  region.box = roi.exact_box.value_or(rect_of(box));
  if (roi.landmarks && plausible(*roi.landmarks, box)) region.landmarks = roi.landmarks;
  region.id = roi.id;
  crop.region = region;
  return crop;
}

}  // namespace embed::gst
