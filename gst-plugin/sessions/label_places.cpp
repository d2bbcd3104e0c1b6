// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessions/label_places.h"

#include <algorithm>
#include <utility>

namespace embed::gst {
namespace {

/// Beyond them the time that grows with the square of the faces would be felt; nobody reads so many labels.
constexpr std::size_t kMostHeeded = 256;
/// A name that is hidden is worse than a face, the label's own one too, of which a corner is.
constexpr double kOfFace = 0.1;

double overlap(const PixelRect& a, const PixelRect& b) {
  const auto width = std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x);
  const auto height = std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y);
  return width > 0 && height > 0 ? static_cast<double>(width) * static_cast<double>(height) : 0;
}

}  // namespace

LabelPlaces::LabelPlaces(std::int64_t frame_width, std::int64_t frame_height, std::vector<PixelRect> boxes)
    : frame_width_(frame_width), frame_height_(frame_height), boxes_(std::move(boxes)) {
  if (boxes_.size() > kMostHeeded) boxes_.resize(kMostHeeded);
}

double LabelPlaces::cost(const PixelRect& place) const {
  double hidden = 0;
  for (const PixelRect& label : taken_) hidden += overlap(place, label);
  for (const PixelRect& face : boxes_) hidden += kOfFace * overlap(place, face);
  return hidden;
}

PixelRect LabelPlaces::place(const PixelRect& box, std::int64_t width, std::int64_t height,
                             std::int64_t gap) {
  const std::int64_t left = box.x, flush_right = box.x + box.width - width, middle = (left + flush_right) / 2;
  const std::int64_t above = box.y - height - gap, below = box.y + box.height + gap;
  const std::int64_t before = box.x - width - gap, behind = box.x + box.width + gap;
  const std::int64_t at_top = box.y + gap, at_bottom = box.y + box.height - height - gap;
  const std::pair<std::int64_t, std::int64_t> corners[] = {
      {left, above},   {flush_right, above}, {middle, above},        {left, below},
      {middle, below}, {flush_right, below}, {behind, box.y},        {before, box.y},
      {left, at_top},  {left, at_bottom},    {left, above - height}, {left, below + height}};
  const auto last_x = std::max<std::int64_t>(0, frame_width_ - width);
  const auto last_y = std::max<std::int64_t>(0, frame_height_ - height);
  const PixelRect inside{std::clamp<std::int64_t>(left, 0, last_x),
                         std::clamp<std::int64_t>(at_top, 0, last_y), width, height};
  PixelRect best = inside;
  double least = -1;
  for (const auto& [x, y] : corners) {
    if (y < 0 || y > last_y) continue;
    const PixelRect candidate{std::clamp<std::int64_t>(x, 0, last_x), y, width, height};
    const double hidden = cost(candidate);
    if (least < 0 || hidden < least) {
      best = candidate;
      least = hidden;
    }
    if (hidden == 0) break;
  }
  if (taken_.size() < kMostHeeded) taken_.push_back(best);
  return best;
}

}  // namespace embed::gst
