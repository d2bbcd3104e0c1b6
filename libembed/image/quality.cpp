// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/quality.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "image/quality_cover.h"
#include "image/quality_grid.h"

namespace embed {
namespace {

struct CurvePoint {
  float x, y;
};

/// Straight lines between the points, which are in order of x; flat beyond them. What is not a number counts
/// as the first point.
template <std::size_t N>
float curve(const std::array<CurvePoint, N>& points, float x) noexcept {
  if (!(x > points.front().x)) return points.front().y;
  for (std::size_t i = 1; i < N; ++i) {
    const CurvePoint &a = points[i - 1], &b = points[i];
    if (x < b.x) return a.y + (b.y - a.y) * (x - a.x) / (b.x - a.x);
  }
  return points.back().y;
}

// Measured with the default weights on LFW's training people (view 1), by making good pictures worse step by
// step, or by sorting the pictures as they are: docs/quality.md.

constexpr std::array<CurvePoint, 7> kSize = {
    {{8, 0}, {12, 0.1F}, {16, 0.36F}, {20, 0.62F}, {24, 0.82F}, {32, 0.96F}, {48, 1}}};
constexpr std::array<CurvePoint, 8> kSharpness = {{{0.18F, 0},
                                                   {0.25F, 0.1F},
                                                   {0.32F, 0.3F},
                                                   {0.38F, 0.5F},
                                                   {0.45F, 0.7F},
                                                   {0.52F, 0.85F},
                                                   {0.63F, 0.96F},
                                                   {0.75F, 1}}};
constexpr std::array<CurvePoint, 11> kContrast = {{{1, 0},
                                                   {2, 0.15F},
                                                   {3.2F, 0.5F},
                                                   {4.8F, 0.75F},
                                                   {6.3F, 0.86F},
                                                   {8, 0.92F},
                                                   {12, 1},
                                                   {40, 1},
                                                   {47, 0.88F},
                                                   {60, 0.68F},
                                                   {100, 0.2F}}};
constexpr std::array<CurvePoint, 6> kWhite = {
    {{0, 1}, {0.12F, 0.8F}, {0.35F, 0.58F}, {0.57F, 0.41F}, {0.75F, 0.2F}, {1, 0}}};
constexpr std::array<CurvePoint, 6> kPose = {
    {{0.19F, 1}, {0.21F, 0.96F}, {0.25F, 0.8F}, {0.29F, 0.6F}, {0.38F, 0.25F}, {0.5F, 0}}};
constexpr std::array<CurvePoint, 5> kScore = {
    {{0.6F, 0.5F}, {0.88F, 0.7F}, {0.907F, 0.87F}, {0.92F, 0.95F}, {0.935F, 1}}};

/// What is left of the true matches behind painted masks (0.08 to 0.46) and sunglasses (0.32 to 0.34).
constexpr float kCovered = 0.25F;
/// Half of the true matches are lost.
constexpr float kLow = 0.5F;
/// A face that is no brighter, in grey levels, is dark and not hazy.
constexpr float kDark = 50;

/// The landmarks of a face that looks into the camera, as the crop rule of the default weights has them.
constexpr Landmarks kFrontal = {
    {{0.3330F, 0.2948F}, {0.6692F, 0.2966F}, {0.4934F, 0.5110F}, {0.3588F, 0.6807F}, {0.6401F, 0.6821F}}};

Landmarks centred(Landmarks points) noexcept {
  Point mean;
  for (const Point& p : points) mean.x += p.x / 5, mean.y += p.y / 5;
  for (Point& p : points) p.x -= mean.x, p.y -= mean.y;
  return points;
}

/// How far the landmarks are from those of a face that looks into the camera, wherever it is, of any size and
/// turned in the plane in any way: the sine of the angle between the two shapes (Procrustes, Kendall 1984).
float turn_of(Landmarks points, float pixel_aspect) noexcept {
  for (Point& p : points) p.x *= pixel_aspect;
  const Landmarks a = centred(points), b = centred(kFrontal);
  float along = 0, across = 0, spread_a = 0, spread_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    along += a[i].x * b[i].x + a[i].y * b[i].y;
    across += a[i].x * b[i].y - a[i].y * b[i].x;
    spread_a += a[i].x * a[i].x + a[i].y * a[i].y;
    spread_b += b[i].x * b[i].x + b[i].y * b[i].y;
  }
  const float cosine2 = (along * along + across * across) / (spread_a * spread_b);
  return cosine2 >= 0 ? std::sqrt(std::max(0.0F, 1 - cosine2)) : 1;
}

QualityFlaw flaw_of(const FaceQuality& quality, float brightness) noexcept {
  const float least =
      std::min({quality.size, quality.sharpness, quality.light, quality.pose, quality.visible});
  if (!(least < kLow)) return QualityFlaw::None;
  // A face of few pixels is not sharp either, and a face without light is dark before it is anything else.
  if (least == quality.light) return brightness <= kDark ? QualityFlaw::Dark : QualityFlaw::Harsh;
  if (least == quality.pose) return QualityFlaw::Turned;
  if (least == quality.visible) return QualityFlaw::Covered;
  return quality.size < kLow ? QualityFlaw::Small : QualityFlaw::Blurred;
}

}  // namespace

const char* to_string(QualityFlaw flaw) noexcept {
  switch (flaw) {
    case QualityFlaw::None:
      break;
    case QualityFlaw::Small:
      return "small";
    case QualityFlaw::Blurred:
      return "blurred";
    case QualityFlaw::Dark:
      return "dark";
    case QualityFlaw::Harsh:
      return "harsh";
    case QualityFlaw::Turned:
      return "turned";
    case QualityFlaw::Covered:
      return "covered";
  }
  return "";
}

FaceQuality face_quality(const ImageView& image, const FaceRegion& region, const InputSpec& input,
                         const std::uint8_t* crop, std::optional<float> score) noexcept {
  const QualityGrid grid(input, crop);
  const FaceLight light = grid.light();
  FaceQuality quality;
  quality.size = curve(kSize, std::min(region.box.width, region.box.height));
  const bool resolved = std::min(input.width, input.height) >= QualityGrid::kSide;
  if (resolved) quality.sharpness = curve(kSharpness, grid.detail());
  quality.light = curve(kContrast, light.contrast) * curve(kWhite, light.white);
  if (region.landmarks) quality.pose = curve(kPose, turn_of(*region.landmarks, image.pixel_aspect));
  if (score) quality.score = curve(kScore, *score);
  const bool aligned = region.landmarks && input.crop.alignment == Alignment::FivePoint;
  if (resolved && aligned && quality.pose >= kLow && is_covered(input, crop, grid))
    quality.visible = kCovered;
  quality.overall = std::min(quality.size, quality.sharpness) * quality.light * quality.pose *
                    quality.visible * quality.score;
  quality.flaw = flaw_of(quality, light.mean);
  return quality;
}

}  // namespace embed
