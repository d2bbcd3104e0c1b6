// SPDX-License-Identifier: LGPL-2.1-or-later
#include "image/crop_geometry.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "embed/error.h"

namespace embed {

namespace {

/// Largest side of an averaging cell: 4096² × 255 still fits a 32-bit sum.
constexpr double kLargestCell = 4096;

/// Cells from one bilinear tap to the next, up to which one a pixel is enough: at this spacing the finest
/// pattern that could fold into a coarser one comes through at half its contrast.
constexpr double kWidestSpacing = 4.0 / 3;

/// A crop more cells across than this sees less than a tap's spacing of any image: it is black. So positions
/// in cells stay small enough for fixed point.
constexpr double kLargestExtent = 16'000;

bool finite(const Rect& box) {
  return std::isfinite(box.x) && std::isfinite(box.y) && std::isfinite(box.width) &&
         std::isfinite(box.height);
}

void check_region(const FaceRegion& region) {
  const Rect& box = region.box;
  constexpr float kLargest = 1e6F;
  if (!finite(box) || !(box.width > 0) || !(box.height > 0)) {
    throw Error(ErrorCode::InvalidArgument, "face region has no area");
  }
  if (box.width > kLargest || box.height > kLargest || std::abs(box.x) > kLargest ||
      std::abs(box.y) > kLargest) {
    throw Error(ErrorCode::InvalidArgument, "face region is more than a million pixels large or away");
  }
}

/// Least-squares similarity from `from` to `to` (Umeyama 1991, without reflection), which in two dimensions
/// has a closed form.
CentredMap similarity(const Landmarks& from, const Landmarks& to) {
  double fx = 0, fy = 0, tx = 0, ty = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    fx += from[i].x, fy += from[i].y, tx += to[i].x, ty += to[i].y;
  }
  const auto n = static_cast<double>(from.size());
  fx /= n, fy /= n, tx /= n, ty /= n;
  double spread = 0, target_spread = 0, along = 0, across = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const double px = from[i].x - fx, py = from[i].y - fy;
    const double qx = to[i].x - tx, qy = to[i].y - ty;
    spread += px * px + py * py;
    target_spread += qx * qx + qy * qy;
    along += px * qx + py * qy;
    across += px * qy - py * qx;
  }
  if (!std::isfinite(target_spread) || target_spread < 1e-3 || target_spread > 1e12 || spread <= 0 ||
      along * along + across * across < 1e-9) {
    throw Error(ErrorCode::InvalidArgument, "face landmarks coincide or are not finite");
  }
  const double cosine = along / spread, sine = across / spread;
  return {cosine, -sine, sine, cosine, tx - (cosine * fx - sine * fy), ty - (sine * fx + cosine * fy)};
}

/// The region as it is shown: with square pixels as high as the image's.
FaceRegion shown(const FaceRegion& region, float aspect) {
  FaceRegion wide = region;
  wide.box.x *= aspect;
  wide.box.width *= aspect;
  if (wide.landmarks) {
    for (Point& point : *wide.landmarks) point.x *= aspect;
  }
  return wide;
}

/// The map of a face in an image of square pixels. base_width × base_height: the rule's own crop, without the
/// context around it, in output pixels.
CentredMap face_map(const FaceRegion& region, const CropRule& rule, double base_width, double base_height) {
  if (rule.alignment == Alignment::FivePoint && region.landmarks) {
    Landmarks from{};
    for (std::size_t i = 0; i < from.size(); ++i) {
      from[i] = {static_cast<float>((rule.five_points[i].x - 0.5) * base_width),
                 static_cast<float>((rule.five_points[i].y - 0.5) * base_height)};
    }
    return similarity(from, *region.landmarks);
  }
  const Rect& box = region.box;
  const double longer = std::max(box.width, box.height);
  if (rule.pad_right_bottom) {
    const double scale = longer / std::max(base_width, base_height);
    return {scale, 0, 0, scale, box.x + longer / 2, box.y + longer / 2};
  }
  const double scale = rule.box_scale * longer / std::max(base_width, base_height);
  return {scale,
          0,
          0,
          scale,
          box.x + box.width / 2.0 + rule.box_shift_x * longer,
          box.y + box.height / 2.0 + rule.box_shift_y * longer};
}

}  // namespace

CentredMap centred_map(const ImageView& image, const FaceRegion* region, const InputSpec& input) {
  const double base_width = input.width / static_cast<double>(input.crop.context);
  const double base_height = input.height / static_cast<double>(input.crop.context);
  if (input.crop.alignment == Alignment::Whole || region == nullptr) {
    return {image.width / base_width, 0, 0, image.height / base_height, image.width / 2.0,
            image.height / 2.0};
  }
  check_region(*region);
  CentredMap map = face_map(shown(*region, image.pixel_aspect), input.crop, base_width, base_height);
  const double aspect = image.pixel_aspect;
  map.a /= aspect;
  map.b /= aspect;
  map.centre_x /= aspect;
  return map;
}

Window readable(const ImageView& image, const FaceRegion* region, const InputSpec& input) noexcept {
  Window window{0, 0, image.width, image.height};
  if (region != nullptr && input.crop.pad_right_bottom && input.crop.alignment != Alignment::Whole) {
    const auto inside = [](float value, int limit) {
      return static_cast<int>(std::lround(std::clamp(value, 0.0F, static_cast<float>(limit))));
    };
    window.x0 = inside(region->box.x, image.width);
    window.y0 = inside(region->box.y, image.height);
    window.x1 = inside(region->box.x + region->box.width, image.width);
    window.y1 = inside(region->box.y + region->box.height, image.height);
  }
  return window;
}

CellLayout lay_cells(const CentredMap& map, const InputSpec& input, const Window& window) noexcept {
  const auto cell = [](double scale) {
    return static_cast<int>(std::clamp(std::floor(scale + 1e-6), 1.0, kLargestCell));
  };
  CellLayout layout;
  layout.cell_x = cell(std::hypot(map.a, map.b));
  layout.cell_y = cell(std::hypot(map.d, map.e));
  const double half_x = std::abs(map.a) * input.width / 2 + std::abs(map.b) * input.height / 2;
  const double half_y = std::abs(map.d) * input.width / 2 + std::abs(map.e) * input.height / 2;
  if (!(half_x / layout.cell_x < kLargestExtent / 2 && half_y / layout.cell_y < kLargestExtent / 2)) {
    return layout;
  }
  const auto first = [](double edge, int cell_size, int low, int high) {
    const int least = low / cell_size, most = high / cell_size;
    return static_cast<int>(std::floor(std::clamp<double>(edge / cell_size - 1, least, most)));
  };
  const auto count = [](double edge, int cell_size, int high, int begin) {
    // Brought into range before it becomes an int: a region may lie any distance away.
    const double last = std::clamp<double>(std::ceil(edge / cell_size) + 1, begin,
                                           std::max(begin, (high + cell_size - 1) / cell_size));
    return static_cast<int>(last) - begin;
  };
  layout.column0 = first(map.centre_x - half_x, layout.cell_x, window.x0, window.x1);
  layout.row0 = first(map.centre_y - half_y, layout.cell_y, window.y0, window.y1);
  layout.columns = count(map.centre_x + half_x, layout.cell_x, window.x1, layout.column0);
  layout.rows = count(map.centre_y + half_y, layout.cell_y, window.y1, layout.row0);
  return layout;
}

int taps_of_pixel(const CentredMap& map, const CellLayout& layout) noexcept {
  const double spacing = std::max(std::hypot(map.a / layout.cell_x, map.d / layout.cell_y),
                                  std::hypot(map.b / layout.cell_x, map.e / layout.cell_y));
  return spacing > kWidestSpacing + 1e-6 ? 2 : 1;
}

CropOutline::CropOutline(const CentredMap& map, const InputSpec& input, const CellLayout& layout) noexcept
    : columns_(layout.columns) {
  // The crop's corners in cells of the layout, centres at integers, in order around it.
  double x[4], y[4];
  for (int i = 0; i < 4; ++i) {
    const double u = (i == 1 || i == 2 ? 0.5 : -0.5) * input.width, v = (i < 2 ? -0.5 : 0.5) * input.height;
    x[i] = (map.a * u + map.b * v + map.centre_x) / layout.cell_x - 0.5 - layout.column0;
    y[i] = (map.d * u + map.e * v + map.centre_y) / layout.cell_y - 0.5 - layout.row0;
  }
  for (int i = 0; i < 4; ++i) {
    const int j = (i + 1) % 4;
    const double rise = y[j] - y[i];
    // A level edge is met by its ends, which are ends of its neighbours too.
    const double slope = std::abs(rise) < 1e-9 ? 0 : (x[j] - x[i]) / rise;
    edges_[i] = {x[i], y[i], slope, std::min(y[i], y[j]), std::max(y[i], y[j])};
  }
}

std::pair<int, int> CropOutline::columns(int row) const noexcept {
  // A bilinear tap reads the rows above and below it; the rest is room for rounding to fixed point.
  constexpr double kRoom = 0.01;
  const double top = row - 1 - kRoom, bottom = row + 1 + kRoom;
  double least = columns_ + 1.0, most = -2;
  for (const Edge& edge : edges_) {
    const double low = std::max(top, edge.low), high = std::min(bottom, edge.high);
    if (low > high) continue;
    const double x0 = edge.x + (low - edge.y) * edge.slope, x1 = edge.x + (high - edge.y) * edge.slope;
    least = std::min(least, std::min(x0, x1));
    most = std::max(most, std::max(x0, x1));
  }
  if (least > most) return {0, 0};
  // Rounded down by the conversion, for none is negative: std::floor is a call on many machines.
  const double limit = columns_;
  const int begin = static_cast<int>(std::clamp(least - kRoom, 0.0, limit));
  const int end = static_cast<int>(std::clamp(most + kRoom + 2, 0.0, limit));
  return {begin, std::max(begin, end)};
}

}  // namespace embed
