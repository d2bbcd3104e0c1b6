// SPDX-License-Identifier: LGPL-2.1-or-later
// The parts of a face's quality, on a drawn face that is made worse step by step.
#include "embed/quality.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "embed/preprocess.h"

namespace {

using embed::FaceQuality;
using embed::FaceRegion;
using embed::ImageView;
using embed::InputSpec;
using embed::Landmarks;
using embed::QualityFlaw;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr int kSide = 80;

using Grey = std::vector<float>;  // [kSide, kSide], 0 to 255.

void ellipse(Grey& face, float cx, float cy, float rx, float ry, float level) {
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const float u = (static_cast<float>(x) - cx) / rx, v = (static_cast<float>(y) - cy) / ry;
      if (u * u + v * v < 1) face[static_cast<std::size_t>(y * kSide + x)] = level;
    }
  }
}

Grey drawn_face() {
  Grey face(kSide * kSide, 70);
  ellipse(face, 40, 40, 34, 42, 150);
  for (const float x : {25.0F, 55.0F}) {
    ellipse(face, x, 15, 10, 2, 95);
    ellipse(face, x, 22, 7, 4, 180);
    ellipse(face, x, 22, 3, 3, 60);
    ellipse(face, x < 40 ? 37 : 43, 44, 2, 2, 100);
  }
  ellipse(face, 40, 36, 3, 9, 170);
  ellipse(face, 40, 58, 13, 4, 115);
  ellipse(face, 40, 58, 12, 1.2F, 80);
  return face;
}

/// The mean over `across` × `down` pixels around each.
Grey blurred(const Grey& face, int across, int down) {
  Grey out(face.size());
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      float sum = 0;
      for (int v = 0; v < down; ++v) {
        for (int u = 0; u < across; ++u) {
          const int sx = std::clamp(x + u - across / 2, 0, kSide - 1);
          const int sy = std::clamp(y + v - down / 2, 0, kSide - 1);
          sum += face[static_cast<std::size_t>(sy * kSide + sx)];
        }
      }
      out[static_cast<std::size_t>(y * kSide + x)] = sum / static_cast<float>(across * down);
    }
  }
  return out;
}

Grey scaled(const Grey& face, float gain) {
  Grey out = face;
  for (float& value : out) value = std::min(255.0F, value * gain);
  return out;
}

/// As a crop of `side` pixels with `channels`.
std::vector<std::uint8_t> crop_of(const Grey& face, int side = kSide, int channels = 3) {
  std::vector<std::uint8_t> crop;
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      const int at = y * kSide / side * kSide + x * kSide / side;
      const auto level = static_cast<std::uint8_t>(std::lround(face[static_cast<std::size_t>(at)]));
      crop.insert(crop.end(), static_cast<std::size_t>(channels), level);
    }
  }
  return crop;
}

InputSpec input_of(int side = kSide, int channels = 3) {
  InputSpec input;
  input.width = input.height = side;
  input.channels = channels;
  return input;
}

FaceRegion region_of(float side = 100) {
  FaceRegion region;
  region.box = {200, 100, side, side};
  return region;
}

ImageView frame(float pixel_aspect = 1) {
  ImageView image;
  image.width = 640;
  image.height = 480;
  image.pixel_aspect = pixel_aspect;
  return image;
}

FaceQuality quality_of(const Grey& face) {
  return embed::face_quality(frame(), region_of(), input_of(), crop_of(face).data());
}

/// A head turned by so many degrees to the side and up, seen from far away.
Landmarks turned(float yaw, float pitch = 0) {
  const float head[5][3] = {
      {-0.5F, 0, 0}, {0.5F, 0, 0}, {0, 0.62F, 0.45F}, {-0.42F, 1.1F, 0.05F}, {0.42F, 1.1F, 0.05F}};
  const float a = yaw * 3.14159265F / 180, b = pitch * 3.14159265F / 180;
  Landmarks points;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const float x = head[i][0], y = head[i][1], z = head[i][2];
    points[i] = {250 + 40 * (std::cos(a) * x + std::sin(a) * z),
                 140 + 40 * (std::cos(b) * y - std::sin(b) * (std::cos(a) * z - std::sin(a) * x))};
  }
  return points;
}

FaceQuality quality_of(const Landmarks& landmarks, float pixel_aspect = 1) {
  FaceRegion region = region_of();
  region.landmarks = landmarks;
  return embed::face_quality(frame(pixel_aspect), region, input_of(), crop_of(drawn_face()).data());
}

TEST(Quality, AGoodPictureIsGood) {
  FaceRegion region = region_of();
  region.landmarks = turned(0);
  const FaceQuality quality =
      embed::face_quality(frame(), region, input_of(), crop_of(drawn_face()).data(), 0.94F);
  EXPECT_EQ(quality.size, 1);
  EXPECT_GT(quality.sharpness, 0.9F);
  EXPECT_GT(quality.light, 0.9F);
  EXPECT_EQ(quality.pose, 1);
  EXPECT_EQ(quality.score, 1);
  EXPECT_GT(quality.overall, 0.85F);
  EXPECT_EQ(quality.flaw, QualityFlaw::None);
}

TEST(Quality, IsThatOfTheParts) {
  FaceRegion region = region_of(20);
  region.landmarks = turned(40);
  const FaceQuality quality =
      embed::face_quality(frame(), region, input_of(), crop_of(drawn_face()).data(), 0.88F);
  EXPECT_FLOAT_EQ(quality.overall, std::min(quality.size, quality.sharpness) * quality.light * quality.pose *
                                       quality.visible * quality.score);
  EXPECT_LT(quality.overall, quality.size);
}

TEST(Quality, ASmallFaceIsSmall) {
  const std::vector<std::uint8_t> crop = crop_of(drawn_face());
  float before = 0;
  for (const float side : {1.0F, 10.0F, 14.0F, 18.0F, 22.0F, 28.0F, 40.0F, 300.0F}) {
    const FaceQuality quality = embed::face_quality(frame(), region_of(side), input_of(), crop.data());
    EXPECT_GE(quality.size, before) << side;
    EXPECT_EQ(quality.flaw, side < 19 ? QualityFlaw::Small : QualityFlaw::None) << side;
    before = quality.size;
  }
  EXPECT_EQ(before, 1);
}

TEST(Quality, ABlurredFaceIsBlurred) {
  float before = 1;
  for (const int width : {3, 5, 7, 9, 13}) {
    const FaceQuality quality = quality_of(blurred(blurred(drawn_face(), width, width), width, width));
    EXPECT_LE(quality.sharpness, before) << width;
    before = quality.sharpness;
    EXPECT_EQ(quality.flaw == QualityFlaw::Blurred, quality.sharpness < 0.5F) << width;
  }
  EXPECT_LT(before, 0.1F);
}

TEST(Quality, MotionInOneDirectionIsBlurToo) {
  EXPECT_LT(quality_of(blurred(drawn_face(), 19, 1)).sharpness, 0.5F);
  EXPECT_LT(quality_of(blurred(drawn_face(), 1, 19)).sharpness, 0.5F);
}

TEST(Quality, ASmallFaceIsNotCalledBlurred) {
  const std::vector<std::uint8_t> crop = crop_of(blurred(drawn_face(), 11, 11));
  EXPECT_EQ(embed::face_quality(frame(), region_of(), input_of(), crop.data()).flaw, QualityFlaw::Blurred);
  EXPECT_EQ(embed::face_quality(frame(), region_of(12), input_of(), crop.data()).flaw, QualityFlaw::Small);
}

TEST(Quality, ADarkFaceIsDark) {
  float before = 1;
  for (const float gain : {1.0F, 0.5F, 0.3F, 0.2F, 0.08F, 0.04F, 0.0F}) {
    const FaceQuality quality = quality_of(scaled(drawn_face(), gain));
    EXPECT_LE(quality.light, before) << gain;
    before = quality.light;
    EXPECT_EQ(quality.flaw, gain < 0.1F ? QualityFlaw::Dark : QualityFlaw::None) << gain;
  }
  EXPECT_EQ(before, 0);
}

TEST(Quality, DarkSkinInGoodLightIsGood) {
  const FaceQuality quality = quality_of(scaled(drawn_face(), 0.45F));
  EXPECT_GT(quality.light, 0.9F);
  EXPECT_EQ(quality.flaw, QualityFlaw::None);
}

TEST(Quality, TooMuchLightIsHarsh) {
  const FaceQuality quality = quality_of(scaled(drawn_face(), 3.5F));
  EXPECT_LT(quality.light, 0.3F);
  EXPECT_EQ(quality.flaw, QualityFlaw::Harsh);
}

TEST(Quality, ATurnedFaceIsTurned) {
  for (const int way : {-1, 1}) {
    float before = 1;
    for (const float degrees : {0.0F, 20.0F, 40.0F, 50.0F, 60.0F, 75.0F, 90.0F}) {
      const FaceQuality quality = quality_of(turned(static_cast<float>(way) * degrees));
      EXPECT_LE(quality.pose, before) << way * degrees;
      before = quality.pose;
      EXPECT_EQ(quality.flaw, degrees > 50 ? QualityFlaw::Turned : QualityFlaw::None) << way * degrees;
    }
    EXPECT_EQ(before, 0);
  }
  EXPECT_LT(quality_of(turned(0, 60)).pose, 0.5F);
  EXPECT_LT(quality_of(turned(0, -60)).pose, 0.5F);
}

/// As a crop by five points of a face that looks into the camera.
FaceQuality of_portrait(const std::vector<std::uint8_t>& crop) {
  InputSpec input = input_of();
  input.crop.alignment = embed::Alignment::FivePoint;
  input.crop.five_points = {{{0.31F, 0.27F}, {0.69F, 0.27F}, {0.5F, 0.51F}, {0.34F, 0.7F}, {0.66F, 0.7F}}};
  FaceRegion region = region_of();
  region.landmarks = turned(0);
  return embed::face_quality(frame(), region, input, crop.data());
}

FaceQuality of_portrait(const Grey& face) {
  return of_portrait(crop_of(face));
}

TEST(Quality, AFaceWithoutAnythingInFrontIsNotCovered) {
  EXPECT_EQ(of_portrait(drawn_face()).visible, 1);
  Grey beard = drawn_face();
  ellipse(beard, 40, 66, 26, 18, 40);
  ellipse(beard, 40, 58, 13, 4, 115);
  EXPECT_EQ(of_portrait(beard).visible, 1);
  Grey glasses = drawn_face();
  for (const float x : {25.0F, 55.0F}) {
    ellipse(glasses, x, 22, 11, 9, 40);
    ellipse(glasses, x, 22, 9, 7, 150);
    ellipse(glasses, x, 22, 7, 4, 180);
    ellipse(glasses, x, 22, 3, 3, 60);
  }
  EXPECT_EQ(of_portrait(glasses).visible, 1);
}

TEST(Quality, SunglassesCover) {
  Grey face = drawn_face();
  for (const float x : {25.0F, 55.0F}) ellipse(face, x, 22, 14, 9, 20);
  const FaceQuality quality = of_portrait(face);
  EXPECT_LT(quality.visible, 0.5F);
  EXPECT_EQ(quality.flaw, QualityFlaw::Covered);
}

TEST(Quality, MasksCover) {
  for (const float level : {20.0F, 235.0F}) {
    Grey face = drawn_face();
    ellipse(face, 40, 66, 34, 26, level);
    EXPECT_EQ(of_portrait(face).flaw, QualityFlaw::Covered) << level;
  }
  // As bright as the skin, but blue.
  Grey face = drawn_face();
  ellipse(face, 40, 66, 34, 26, 150);
  EXPECT_EQ(of_portrait(face).flaw, QualityFlaw::None) << "nothing tells it from skin";
  std::vector<std::uint8_t> crop = crop_of(face);
  for (std::size_t i = kSide * 45 * 3; i < crop.size(); i += 3) {
    crop[i] = static_cast<std::uint8_t>(crop[i] * 2 / 3);
    crop[i + 2] = static_cast<std::uint8_t>(crop[i + 2] * 4 / 3);
  }
  EXPECT_EQ(of_portrait(crop).flaw, QualityFlaw::Covered);
}

TEST(Quality, OfATurnedFaceNobodyKnowsWhetherItIsCovered) {
  Grey face = drawn_face();
  ellipse(face, 40, 66, 34, 26, 20);
  FaceRegion region = region_of();
  region.landmarks = turned(70);
  InputSpec input = input_of();
  input.crop.alignment = embed::Alignment::FivePoint;
  const FaceQuality quality = embed::face_quality(frame(), region, input, crop_of(face).data());
  EXPECT_EQ(quality.visible, 1);
  EXPECT_EQ(quality.flaw, QualityFlaw::Turned);
}

TEST(Quality, TurningInThePlaneIsNoPose) {
  Landmarks lying = turned(0);
  for (embed::Point& point : lying) point = {500 - point.y, point.x};
  EXPECT_FLOAT_EQ(quality_of(lying).pose, 1);
}

TEST(Quality, LandmarksOfPixelsThatAreNotSquare) {
  Landmarks wide = turned(0);
  for (embed::Point& point : wide) point.x /= 2;
  EXPECT_LT(quality_of(wide).pose, 0.9F);
  EXPECT_FLOAT_EQ(quality_of(wide, 2).pose, 1);
}

TEST(Quality, TheDetectorsScoreCountsForHalfAtMost) {
  const std::vector<std::uint8_t> crop = crop_of(drawn_face());
  const auto score = [&](float value) {
    return embed::face_quality(frame(), region_of(), input_of(), crop.data(), value).score;
  };
  EXPECT_EQ(score(0), 0.5F);
  EXPECT_GT(score(0.9F), score(0.85F));
  EXPECT_EQ(score(1), 1);
  EXPECT_EQ(score(kNan), 0.5F);
}

TEST(Quality, DoesNotDependOnTheSizeOfTheCrop) {
  const FaceQuality expected = quality_of(drawn_face());
  for (const int side : {40, 160}) {
    for (const int channels : {1, 3}) {
      const std::vector<std::uint8_t> crop = crop_of(drawn_face(), side, channels);
      const FaceQuality got =
          embed::face_quality(frame(), region_of(), input_of(side, channels), crop.data());
      EXPECT_NEAR(got.sharpness, expected.sharpness, 0.1F) << side;
      EXPECT_NEAR(got.light, expected.light, 0.02F) << side;
    }
  }
  const std::vector<std::uint8_t> tiny(16 * 16 * 3, 90);
  EXPECT_EQ(embed::face_quality(frame(), region_of(), input_of(16), tiny.data()).sharpness, 1);
}

TEST(Quality, WhatIsNotANumberIsTheWorst) {
  FaceRegion region = region_of(kNan);
  region.landmarks = turned(0);
  (*region.landmarks)[2].x = kNan;
  const FaceQuality quality = embed::face_quality(frame(), region, input_of(), crop_of(drawn_face()).data());
  EXPECT_EQ(quality.size, 0);
  EXPECT_EQ(quality.pose, 0);
  EXPECT_EQ(quality.overall, 0);
  region.landmarks = Landmarks{};  // All in one place.
  EXPECT_EQ(embed::face_quality(frame(), region, input_of(), crop_of(drawn_face()).data()).pose, 0);
}

TEST(Quality, NamesOfFlaws) {
  EXPECT_STREQ(to_string(QualityFlaw::None), "");
  EXPECT_STREQ(to_string(QualityFlaw::Small), "small");
  EXPECT_STREQ(to_string(QualityFlaw::Blurred), "blurred");
  EXPECT_STREQ(to_string(QualityFlaw::Dark), "dark");
  EXPECT_STREQ(to_string(QualityFlaw::Harsh), "harsh");
  EXPECT_STREQ(to_string(QualityFlaw::Turned), "turned");
  EXPECT_STREQ(to_string(QualityFlaw::Covered), "covered");
}

}  // namespace
