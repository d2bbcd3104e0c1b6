// SPDX-License-Identifier: LGPL-2.1-or-later
#include "image/quality_cover.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace embed {
namespace {

/// A part of a face, in eye distances from the middle between the eyes: x to the right, y down.
struct Area {
  float left, top, right, bottom;
};

constexpr Area kLeftEye = {-0.80F, -0.18F, -0.27F, 0.19F};
constexpr Area kRightEye = {0.26F, -0.18F, 0.79F, 0.19F};
constexpr Area kLeftCheek = {-0.69F, 0.24F, -0.32F, 0.51F};
constexpr Area kRightCheek = {0.37F, 0.24F, 0.74F, 0.51F};
constexpr Area kMouth = {-0.21F, 0.88F, 0.26F, 1.54F};
constexpr Area kLowerFace = {-0.53F, 0.93F, 0.58F, 1.72F};
constexpr Area kFace = {-0.80F, -0.45F, 0.79F, 1.67F};

// Chosen on LFW's training people, with painted masks and sunglasses: docs/quality.md.
constexpr float kDarkEyes = 0.36F, kPlainEyes = 0.06F;
constexpr float kNoMouth = 0.06F, kOtherColour = 0.12F, kMuchDarker = -0.8F, kMuchBrighter = 0.15F;
/// Grey levels that are added to both sides of a ratio, so that black has one.
constexpr float kBlack = 8;

/// Half-open, in cells of the grid.
struct Cells {
  int x0, y0, x1, y1;
};

struct Colour {
  float red = 0, green = 0, blue = 0;
  float grey() const noexcept { return (red + 2 * green + blue) / 4; }
};

/// Where the parts of the face lie in crops of a rule.
class Places {
 public:
  explicit Places(const CropRule& rule) noexcept {
    const Point &left = rule.five_points[0], &right = rule.five_points[1];
    const auto in_crop = [&](float value) {
      return ((value - 0.5F) / rule.context + 0.5F) * static_cast<float>(QualityGrid::kSide);
    };
    x_ = in_crop((left.x + right.x) / 2);
    y_ = in_crop((left.y + right.y) / 2);
    eyes_ = in_crop(right.x) - in_crop(left.x);
  }

  Cells cells(const Area& area) const noexcept {
    const auto cell = [](float value) { return static_cast<int>(std::lround(value)); };
    return {cell(x_ + area.left * eyes_), cell(y_ + area.top * eyes_), cell(x_ + area.right * eyes_),
            cell(y_ + area.bottom * eyes_)};
  }

  /// Whether all parts lie inside the crop and have some cells.
  bool visible() const noexcept {
    const auto inside = [&](const Area& area) {
      const Cells c = cells(area);
      return c.x0 >= 0 && c.y0 >= 0 && c.x1 <= QualityGrid::kSide && c.y1 <= QualityGrid::kSide;
    };
    return eyes_ > 10 && inside(kFace) && inside(kLowerFace);
  }

 private:
  float x_, y_, eyes_;  // In cells.
};

/// That share of the cells is no brighter. At most kSide² cells, one at least.
float percentile(const QualityGrid& grid, const Cells& cells, float share) noexcept {
  std::array<float, static_cast<std::size_t>(QualityGrid::kSide) * QualityGrid::kSide> values{};
  std::size_t count = 0;
  for (int y = cells.y0; y < cells.y1; ++y)
    for (int x = cells.x0; x < cells.x1; ++x) values[count++] = grid.at(x, y);
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<float>(count - 1));
  std::nth_element(values.begin(), middle, values.begin() + static_cast<std::ptrdiff_t>(count));
  return *middle;
}

float deviation(const QualityGrid& grid, const Cells& cells) noexcept {
  float sum = 0, squares = 0, count = 0;
  for (int y = cells.y0; y < cells.y1; ++y) {
    for (int x = cells.x0; x < cells.x1; ++x) {
      sum += grid.at(x, y);
      squares += grid.at(x, y) * grid.at(x, y);
      ++count;
    }
  }
  return std::sqrt(std::max(0.0F, squares / count - sum / count * (sum / count)));
}

/// Standard deviation from row to row, each the mean of its cells: lips make it large.
float deviation_of_rows(const QualityGrid& grid, const Cells& cells) noexcept {
  float sum = 0, squares = 0;
  for (int y = cells.y0; y < cells.y1; ++y) {
    float row = 0;
    for (int x = cells.x0; x < cells.x1; ++x) row += grid.at(x, y);
    row /= static_cast<float>(cells.x1 - cells.x0);
    sum += row;
    squares += row * row;
  }
  const auto rows = static_cast<float>(cells.y1 - cells.y0);
  return std::sqrt(std::max(0.0F, squares / rows - sum / rows * (sum / rows)));
}

/// The mean over those cells, of a grey crop in all three. Red and blue may be swapped.
Colour mean_colour(const InputSpec& input, const std::uint8_t* crop, const Cells& cells) noexcept {
  const auto pixel = [](int cell, int size) { return cell * size / QualityGrid::kSide; };
  const int channels = input.channels;
  const std::ptrdiff_t green = channels == 3 ? 1 : 0, blue = channels == 3 ? 2 : 0;
  Colour sum;
  float count = 0;
  for (int y = pixel(cells.y0, input.height); y < pixel(cells.y1, input.height); ++y) {
    for (int x = pixel(cells.x0, input.width); x < pixel(cells.x1, input.width); ++x) {
      const std::uint8_t* p = crop + (static_cast<std::ptrdiff_t>(y) * input.width + x) * channels;
      sum.red += p[0], sum.green += p[green], sum.blue += p[blue];
      ++count;
    }
  }
  return {sum.red / count, sum.green / count, sum.blue / count};
}

/// Distance of two colours whatever their brightness.
float chroma_distance(const Colour& a, const Colour& b) noexcept {
  const float sum_a = a.red + a.green + a.blue + 1, sum_b = b.red + b.green + b.blue + 1;
  return std::hypot((a.red - a.green) / sum_a - (b.red - b.green) / sum_b,
                    (a.blue - a.green) / sum_a - (b.blue - b.green) / sum_b);
}

bool eyes_covered(const QualityGrid& grid, const Places& places) noexcept {
  const float skin = percentile(grid, places.cells(kFace), 0.9F) + kBlack;
  const Cells left = places.cells(kLeftEye), right = places.cells(kRightEye);
  const float brightest = std::max(percentile(grid, left, 0.8F), percentile(grid, right, 0.8F));
  if (brightest >= kDarkEyes * skin) return false;
  return std::max(deviation(grid, left), deviation(grid, right)) < kPlainEyes * skin;
}

bool mouth_covered(const InputSpec& input, const std::uint8_t* crop, const QualityGrid& grid,
                   const Places& places) noexcept {
  const Colour left = mean_colour(input, crop, places.cells(kLeftCheek));
  const Colour right = mean_colour(input, crop, places.cells(kRightCheek));
  const Colour cheeks = {(left.red + right.red) / 2, (left.green + right.green) / 2,
                         (left.blue + right.blue) / 2};
  if (deviation_of_rows(grid, places.cells(kMouth)) >= kNoMouth * (cheeks.grey() + kBlack)) return false;
  const Colour lower = mean_colour(input, crop, places.cells(kLowerFace));
  const float brighter = std::log((lower.grey() + kBlack) / (cheeks.grey() + kBlack));
  return brighter < kMuchDarker || brighter > kMuchBrighter || chroma_distance(cheeks, lower) > kOtherColour;
}

}  // namespace

bool is_covered(const InputSpec& input, const std::uint8_t* crop, const QualityGrid& grid) noexcept {
  const Places places(input.crop);
  if (!places.visible()) return false;
  return eyes_covered(grid, places) || mouth_covered(input, crop, grid, places);
}

}  // namespace embed
