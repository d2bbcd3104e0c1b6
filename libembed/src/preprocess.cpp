// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/preprocess.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "embed/error.h"
#include "pixel_rows.h"

namespace embed {

namespace {

/// The crop's geometry with the origin at the crop's *centre*: x' = a·u + b·v + centre_x, and alike for y'.
/// Kept so because the centre does not move when the context grows: the middle of a wider crop samples the
/// very same points.
struct CentredMap {
  double a, b, d, e, centre_x, centre_y;
};

/// Largest side of an averaging cell: 4096² × 255 still fits a 32-bit sum.
constexpr double kLargestCell = 4096;

/// Pixels that may be read: the image, or the part of it that the box covers. Half-open.
struct Window {
  int x0, y0, x1, y1;
};

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

CentredMap centred_map(const ImageView& image, const FaceRegion* region, const InputSpec& input) {
  const CropRule& rule = input.crop;
  // The rule's own crop, without the context around it, in output pixels.
  const double base_width = input.width / static_cast<double>(rule.context);
  const double base_height = input.height / static_cast<double>(rule.context);
  if (rule.alignment == Alignment::Whole || region == nullptr) {
    return {image.width / base_width, 0, 0, image.height / base_height, image.width / 2.0,
            image.height / 2.0};
  }
  check_region(*region);
  if (rule.alignment == Alignment::FivePoint && region->landmarks) {
    Landmarks from{};
    for (std::size_t i = 0; i < from.size(); ++i) {
      from[i] = {static_cast<float>((rule.five_points[i].x - 0.5) * base_width),
                 static_cast<float>((rule.five_points[i].y - 0.5) * base_height)};
    }
    return similarity(from, *region->landmarks);
  }
  const Rect& box = region->box;
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

Window readable(const ImageView& image, const FaceRegion* region, const InputSpec& input) {
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

/// Part of an image, averaged over whole cells of cell_x × cell_y pixels on a grid that starts at the image's
/// origin, as float [rows, columns, channels]. Cells at the rim count what lies outside the window as black.
struct Reduced {
  int cell_x = 1, cell_y = 1;
  int column0 = 0, row0 = 0, columns = 0, rows = 0;
  int channels = 3;
  std::vector<float> values;
};

struct Scratch {
  Reduced reduced;
  std::vector<std::uint8_t> pixels;
  std::vector<std::uint32_t> sums;
};

void add_row(const std::uint8_t* pixels, int x0, int x1, const Reduced& reduced, std::uint32_t* sums) {
  const int channels = reduced.channels;
  int left = reduced.cell_x - x0 % reduced.cell_x;
  std::uint32_t* cell = sums + static_cast<std::ptrdiff_t>(x0 / reduced.cell_x - reduced.column0) * channels;
  for (int x = x0; x < x1; ++x, pixels += channels) {
    for (int c = 0; c < channels; ++c) cell[c] += pixels[c];
    if (--left == 0) {
      left = reduced.cell_x;
      cell += channels;
    }
  }
}

void reduce(const ImageView& image, const InputSpec& input, const Window& window, Scratch& scratch) {
  Reduced& reduced = scratch.reduced;
  const RowConverter convert(image, reduced.channels, input.bgr);
  const int x0 = std::max(window.x0, reduced.column0 * reduced.cell_x);
  const int x1 = static_cast<int>(
      std::min<std::int64_t>(window.x1, std::int64_t{reduced.column0 + reduced.columns} * reduced.cell_x));
  const auto row_values =
      static_cast<std::size_t>(reduced.columns) * static_cast<std::size_t>(reduced.channels);
  reduced.values.resize(row_values * static_cast<std::size_t>(reduced.rows));
  scratch.pixels.resize(static_cast<std::size_t>(std::max(0, x1 - x0)) *
                        static_cast<std::size_t>(reduced.channels));
  scratch.sums.resize(row_values);
  const float share = 1.0F / (static_cast<float>(reduced.cell_x) * static_cast<float>(reduced.cell_y));
  for (int row = 0; row < reduced.rows; ++row) {
    std::fill(scratch.sums.begin(), scratch.sums.end(), 0U);
    const int y0 = std::max(window.y0, (reduced.row0 + row) * reduced.cell_y);
    const int y1 = static_cast<int>(
        std::min<std::int64_t>(window.y1, std::int64_t{reduced.row0 + row + 1} * reduced.cell_y));
    for (int y = y0; y < y1 && x0 < x1; ++y) {
      convert(y, x0, x1, scratch.pixels.data());
      add_row(scratch.pixels.data(), x0, x1, reduced, scratch.sums.data());
    }
    float* out = reduced.values.data() + row_values * static_cast<std::size_t>(row);
    for (std::size_t i = 0; i < row_values; ++i) out[i] = static_cast<float>(scratch.sums[i]) * share;
  }
}

/// Bilinear reading of a Reduced; black outside. Adds `weight` × the value to `sum`.
void sample(const Reduced& reduced, float x, float y, float weight, float* sum) {
  const float column = x - 0.5F - static_cast<float>(reduced.column0);
  const float row = y - 0.5F - static_cast<float>(reduced.row0);
  if (!(column > -1 && row > -1 && column < static_cast<float>(reduced.columns) &&
        row < static_cast<float>(reduced.rows))) {
    return;
  }
  const float left = std::floor(column), top = std::floor(row);
  const float right_share = column - left, bottom_share = row - top;
  const int c0 = static_cast<int>(left), r0 = static_cast<int>(top);
  for (int dr = 0; dr < 2; ++dr) {
    const int r = r0 + dr;
    if (r < 0 || r >= reduced.rows) continue;
    const float row_weight = weight * (dr == 0 ? 1.0F - bottom_share : bottom_share);
    for (int dc = 0; dc < 2; ++dc) {
      const int c = c0 + dc;
      if (c < 0 || c >= reduced.columns) continue;
      const float share = row_weight * (dc == 0 ? 1.0F - right_share : right_share);
      const float* value =
          reduced.values.data() + (static_cast<std::ptrdiff_t>(r) * reduced.columns + c) * reduced.channels;
      for (int k = 0; k < reduced.channels; ++k) sum[k] += share * value[k];
    }
  }
}

/// Which cells the crop touches, with one cell of room for the bilinear taps, cut to the window.
void lay_grid(const CentredMap& map, const InputSpec& input, const Window& window, Reduced& reduced) {
  const double scale_x = std::hypot(map.a, map.d), scale_y = std::hypot(map.b, map.e);
  const auto cell = [](double scale) {
    return static_cast<int>(std::clamp(std::floor(scale + 1e-6), 1.0, kLargestCell));
  };
  reduced.cell_x = cell(scale_x);
  reduced.cell_y = cell(scale_y);
  reduced.channels = input.channels;
  const double half_x = std::abs(map.a) * input.width / 2 + std::abs(map.b) * input.height / 2;
  const double half_y = std::abs(map.d) * input.width / 2 + std::abs(map.e) * input.height / 2;
  const auto first = [](double edge, int cell_size, int low, int high) {
    return static_cast<int>(
        std::floor(std::clamp<double>(edge / cell_size - 1, low / cell_size, high / cell_size)));
  };
  const auto count = [](double edge, int cell_size, int high, int begin) {
    // Brought into range before it becomes an int: a region may lie any distance away.
    const double last = std::clamp<double>(std::ceil(edge / cell_size) + 1, begin,
                                           std::max(begin, (high + cell_size - 1) / cell_size));
    return static_cast<int>(last) - begin;
  };
  reduced.column0 = first(map.centre_x - half_x, reduced.cell_x, window.x0, window.x1);
  reduced.row0 = first(map.centre_y - half_y, reduced.cell_y, window.y0, window.y1);
  reduced.columns = count(map.centre_x + half_x, reduced.cell_x, window.x1, reduced.column0);
  reduced.rows = count(map.centre_y + half_y, reduced.cell_y, window.y1, reduced.row0);
}

/// Reads the crop out of the reduced image: one bilinear tap a pixel, or four where one would skip cells.
void resample(const CentredMap& map, const InputSpec& input, const Reduced& reduced, std::uint8_t* out) {
  const double cells_x = 1.0 / reduced.cell_x, cells_y = 1.0 / reduced.cell_y;
  const double residual = std::max(std::hypot(map.a, map.d) * cells_x, std::hypot(map.b, map.e) * cells_y);
  const int taps = residual > 1.0 + 1e-6 ? 2 : 1;
  const float weight = 1.0F / static_cast<float>(taps * taps);
  for (int row = 0; row < input.height; ++row) {
    for (int column = 0; column < input.width; ++column) {
      std::array<float, 3> sum{};
      for (int tap = 0; tap < taps * taps; ++tap) {
        const double u = column + (tap % taps + 0.5) / taps - input.width / 2.0;
        const double v = row + (tap / taps + 0.5) / taps - input.height / 2.0;
        sample(reduced, static_cast<float>((map.a * u + map.b * v + map.centre_x) * cells_x),
               static_cast<float>((map.d * u + map.e * v + map.centre_y) * cells_y), weight, sum.data());
      }
      for (int c = 0; c < reduced.channels; ++c) {
        *out++ = static_cast<std::uint8_t>(std::clamp(sum[static_cast<std::size_t>(c)] + 0.5F, 0.0F, 255.0F));
      }
    }
  }
}

void crop(const ImageView& image, const FaceRegion* region, const InputSpec& input, std::uint8_t* out) {
  validate(image);
  const CentredMap map = centred_map(image, region, input);
  const Window window = readable(image, region, input);
  static thread_local Scratch scratch;
  lay_grid(map, input, window, scratch.reduced);
  if (scratch.reduced.columns == 0 || scratch.reduced.rows == 0) {
    std::memset(out, 0, crop_bytes(input));
    return;
  }
  reduce(image, input, window, scratch);
  resample(map, input, scratch.reduced, out);
}

}  // namespace

std::size_t crop_bytes(const InputSpec& input) noexcept {
  return static_cast<std::size_t>(input.width) * static_cast<std::size_t>(input.height) *
         static_cast<std::size_t>(input.channels);
}

AffineMap crop_map(const ImageView& image, const FaceRegion& region, const InputSpec& input) {
  const CentredMap map = centred_map(image, &region, input);
  const double u = input.width / 2.0, v = input.height / 2.0;
  return {static_cast<float>(map.a),
          static_cast<float>(map.b),
          static_cast<float>(map.centre_x - map.a * u - map.b * v),
          static_cast<float>(map.d),
          static_cast<float>(map.e),
          static_cast<float>(map.centre_y - map.d * u - map.e * v)};
}

void crop_face(const ImageView& image, const FaceRegion& region, const InputSpec& input, std::uint8_t* out) {
  crop(image, &region, input, out);
}

void crop_whole(const ImageView& image, const InputSpec& input, std::uint8_t* out) {
  crop(image, nullptr, input, out);
}

}  // namespace embed
