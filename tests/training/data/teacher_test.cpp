// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data/teacher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "data/teacher_targets.h"
#include "embed/embedding.h"
#include "embed/preprocess.h"
#include "error_code.h"

namespace training {
namespace {

using ::testing::HasSubstr;

embed::InputSpec spec(int side, embed::Alignment alignment, float context = 1) {
  embed::InputSpec input;
  input.width = input.height = side;
  input.crop.alignment = alignment;
  input.crop.context = context;
  return input;
}

TeacherInfo teacher_of(const embed::InputSpec& input) {
  return {"t", "free", "", input};
}

/// Smooth, so that resizing it changes little.
std::vector<std::uint8_t> waves(int side) {
  std::vector<std::uint8_t> picture;
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      for (int c = 0; c < 3; ++c)
        picture.push_back(
            static_cast<std::uint8_t>(127 + 100 * std::sin(4.0 * (x + c) / side) * std::cos(5.0 * y / side)));
    }
  }
  return picture;
}

std::vector<std::uint8_t> cut(const TeacherCut& cutter, const std::vector<std::uint8_t>& picture) {
  std::vector<std::uint8_t> out(cutter.bytes());
  cutter.cut(picture.data(), out.data());
  return out;
}

TEST(TeacherCut, TheSameRuleAndSizeLeavePicturesAsTheyAre) {
  for (const embed::Alignment alignment : {embed::Alignment::Whole, embed::Alignment::FivePoint}) {
    const embed::InputSpec input = spec(40, alignment);
    EXPECT_EQ(cut(TeacherCut(input, teacher_of(input), "t.onnx"), waves(40)), waves(40));
  }
}

TEST(TeacherCut, WhatLiesAroundTheRulesPictureIsLeftOut) {
  const embed::InputSpec wide = spec(60, embed::Alignment::FivePoint, 1.5F);
  const TeacherCut cutter(wide, teacher_of(spec(40, embed::Alignment::FivePoint)), "t.onnx");
  const std::vector<std::uint8_t> all = waves(60), found = cut(cutter, all);
  for (std::size_t y = 0; y < 40; ++y) {
    for (std::size_t x = 0; x < 40 * 3; ++x)
      ASSERT_NEAR(found[y * 120 + x], all[(y + 10) * 180 + x + 30], 1) << y << ' ' << x;
  }
}

TEST(TeacherCut, RefusesPicturesOfAnotherRule) {
  const TeacherInfo faces = teacher_of(spec(40, embed::Alignment::FivePoint));
  for (const embed::Alignment alignment : {embed::Alignment::Whole, embed::Alignment::Box}) {
    EXPECT_THAT(
        error_of([&] { TeacherCut(spec(40, alignment), faces, "t.onnx"); }, embed::ErrorCode::Mismatch),
        HasSubstr("'five-point'"));
  }
  embed::InputSpec grey = faces.input;
  grey.channels = 1;
  EXPECT_THAT(error_of([&] { TeacherCut(grey, faces, "t.onnx"); }, embed::ErrorCode::Mismatch),
              HasSubstr("channels"));
}

TEST(Centring, TakesMostOfTheMeanAwayAndTheLength) {
  constexpr std::size_t kRows = 2, kDim = embed::kEmbeddingDim;
  std::vector<float> vectors(kRows * kDim, 0.0F);
  vectors[0] = 6;  // (6, 0, …) and (2, 4, …), whose mean is (4, 2, …).
  vectors[kDim] = 2;
  vectors[kDim + 1] = 4;
  Centring(vectors.data(), kRows).apply(vectors.data(), kRows);
  const double a = 6 - 4 * Centring::kShare, b = -2 * Centring::kShare;
  const double c = 2 - 4 * Centring::kShare, d = 4 - 2 * Centring::kShare;
  EXPECT_NEAR(vectors[0], a / std::hypot(a, b), 1e-6);
  EXPECT_NEAR(vectors[1], b / std::hypot(a, b), 1e-6);
  EXPECT_NEAR(vectors[kDim], c / std::hypot(c, d), 1e-6);
  EXPECT_NEAR(vectors[kDim + 1], d / std::hypot(c, d), 1e-6);
  std::vector<float> nothing(kDim, 0.0F);
  Centring(nothing.data(), 1).apply(nothing.data(), 1);
  EXPECT_EQ(nothing, std::vector<float>(kDim, 0.0F)) << "no direction, and no division by 0";
}

}  // namespace
}  // namespace training
