// SPDX-License-Identifier: LGPL-2.1-or-later
// Some hundreds of seeded crops of noise, against the definition and of every set of kernels against the
// others.
#include "image/crop_engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "crop_reference.h"
#include "embed/preprocess.h"
#include "embed/safetensors.h"
#include "fixtures.h"

namespace {

using embed::Alignment;
using embed::CropEngine;
using embed::CropKernels;
using embed::FaceRegion;
using embed::InputSpec;
using embed::Landmarks;
using embed::PixelFormat;
using embed::PixelRange;
using fixtures::Pixels;

/// One crop, with the map and the part of the image by which the reference makes it.
struct Case {
  Pixels image;
  FaceRegion region;
  InputSpec input;
  reference::Map map;
  reference::Part part;
  std::string name;
};

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : generator_(seed) {}
  int upto(int most) { return std::uniform_int_distribution<int>(0, most)(generator_); }
  double between(double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(generator_);
  }

 private:
  std::mt19937_64 generator_;
};

/// Noise, which shows every error of a position or weight; every fourth picture is black and white only.
Pixels noise(Dice& dice) {
  const PixelFormat format = fixtures::all_formats()[static_cast<std::size_t>(dice.upto(8))];
  const int width = 1 + dice.upto(220), height = 1 + dice.upto(160);
  // One after the other: compilers for other machines throw the dice of an expression in another order.
  const auto range = static_cast<PixelRange>(dice.upto(2));
  const auto matrix = fixtures::all_matrices()[static_cast<std::size_t>(dice.upto(4))];
  const bool padded = dice.upto(1) == 1;
  const int padding = dice.upto(40);
  Pixels image = fixtures::make_image(format, width, height, padded ? padding : 0, 1, matrix, range);
  const bool extreme = dice.upto(3) == 0;
  for (auto& plane : image.planes) {
    for (auto& byte : plane) byte = static_cast<std::uint8_t>(extreme ? 255 * dice.upto(1) : dice.upto(255));
  }
  return image;
}

/// From a tenth of the crop's size to forty times it, most near it; now and then a whole number of pixels.
double any_scale(Dice& dice) {
  const double scale = std::exp(dice.between(-1, 2));
  if (dice.upto(7) == 0) return std::ceil(scale);
  return dice.upto(9) == 0 ? scale * dice.between(0.3, 5.4) : scale;
}

void place_landmarks(Dice& dice, double x, double y, Case& made) {
  made.input.crop.alignment = Alignment::FivePoint;
  const double angle = dice.upto(2) == 0 ? dice.between(-3.2, 3.2) : dice.between(-0.4, 0.4);
  const double scale = any_scale(dice);
  Landmarks from{}, to{};
  for (std::size_t i = 0; i < to.size(); ++i) {
    const auto& point = made.input.crop.five_points[i];
    const double u = (static_cast<double>(point.x) - 0.5) * made.input.width;
    const double v = (static_cast<double>(point.y) - 0.5) * made.input.height;
    // The crop's own origin is its corner.
    from[i] = {static_cast<float>(u + made.input.width / 2.0),
               static_cast<float>(v + made.input.height / 2.0)};
    to[i] = {static_cast<float>(x + scale * (std::cos(angle) * u - std::sin(angle) * v)),
             static_cast<float>(y + scale * (std::sin(angle) * u + std::cos(angle) * v))};
  }
  made.region.box = {0, 0, 10, 10};
  made.region.landmarks = to;
  made.map = reference::least_squares_similarity(from, to);
}

void place_box(Dice& dice, double x, double y, Case& made) {
  InputSpec& input = made.input;
  input.crop.alignment = Alignment::Box;
  input.height = input.width;
  input.crop.box_scale = 1;
  input.crop.box_shift_x = input.crop.box_shift_y = 0;
  const auto side = static_cast<float>(any_scale(dice) * input.width);
  auto& box = made.region.box;
  box = {static_cast<float>(x) - side / 2, static_cast<float>(y) - side / 2, side, side};
  if (dice.upto(3) == 0) {
    input.crop.pad_right_bottom = true;
    box.height = side * static_cast<float>(dice.between(0.3, 1));
    const auto inside = [](float value, int limit) {
      return static_cast<int>(std::lround(std::clamp(value, 0.0F, static_cast<float>(limit))));
    };
    made.part = {inside(box.x, made.image.width), inside(box.y, made.image.height),
                 inside(box.x + box.width, made.image.width), inside(box.y + box.height, made.image.height)};
  }
  made.map = reference::square_map(double{box.x} + side / 2.0, double{box.y} + side / 2.0, side, input.width);
}

Case make_case(std::uint64_t seed) {
  Dice dice(seed);
  Case made;
  made.image = noise(dice);
  made.part = {0, 0, made.image.width, made.image.height};
  InputSpec& input = made.input;
  input.width = 16 + dice.upto(40);
  input.height = 16 + dice.upto(40);
  input.channels = dice.upto(3) == 0 ? 1 : 3;
  input.bgr = dice.upto(2) == 0;
  // A third of the faces hang over the rim, or are beside the image.
  const double x = dice.between(-0.3, 1.3) * made.image.width,
               y = dice.between(-0.1, 1.1) * made.image.height;
  const int kind = dice.upto(9);
  if (kind == 0) {
    input.crop.alignment = Alignment::Whole;
    made.map = {static_cast<double>(made.image.width) / input.width,   0, 0, 0,
                static_cast<double>(made.image.height) / input.height, 0};
    made.region.box = {0, 0, 1, 1};
  } else if (kind <= 6) {
    place_landmarks(dice, x, y, made);
  } else {
    place_box(dice, x, y, made);
  }
  made.name = std::string(fixtures::format_name(made.image.format)) + " " + std::to_string(made.image.width) +
              "x" + std::to_string(made.image.height) + " seed " + std::to_string(seed);
  return made;
}

std::vector<std::uint8_t> cut(CropEngine& engine, const Case& made) {
  std::vector<std::uint8_t> out(embed::crop_bytes(made.input), 0xEE);
  engine.crop(made.image.view(), &made.region, made.input, out.data());
  return out;
}

constexpr std::uint64_t kCases = 400;

TEST(CropEngine, RandomCropsAreTheDefinedOnes) {
  CropEngine engine(embed::crop_kernels());
  for (std::uint64_t seed = 0; seed < kCases; ++seed) {
    const Case made = make_case(seed);
    SCOPED_TRACE(made.name);
    const auto got = cut(engine, made);
    const auto expected = reference::defined_crop(made.image.view(), made.part, made.map, made.input);
    const auto all = std::vector<bool>(static_cast<std::size_t>(made.input.width * made.input.height), true);
    // Half a level for rounding the result, and what the steps before it round to 64ths. Where colours become
    // grey each pixel is rounded to a level too, which averages out.
    const auto difference = reference::compare(got, expected, all);
    EXPECT_LE(difference.largest, made.input.channels == 3 ? 0.57 : 1.05);
    EXPECT_LE(difference.mean, 0.32);
  }
}

// The digest is of what an x86-64 machine cut; that this is right is for the tests around.
TEST(CropEngine, EveryMachineGivesTheSameBytes) {
  CropEngine engine(embed::crop_kernels());
  std::vector<std::uint8_t> all;
  for (std::uint64_t seed = 0; seed < kCases; ++seed) {
    const auto crop = cut(engine, make_case(seed));
    all.insert(all.end(), crop.begin(), crop.end());
  }
  EXPECT_EQ(embed::sha256_hex(all.data(), all.size()),
            "5e8d93c58664c88c748738af76eaac76743812f5733c8b9663527b19a1830685");
}

TEST(CropEngine, EverySetOfKernelsGivesTheSameBytes) {
  const CropKernels* const sets[] = {embed::avx2_crop_kernels(), embed::avx512_crop_kernels(),
                                     embed::neon_crop_kernels()};
  if (&embed::crop_kernels() == &embed::portable_crop_kernels())
    GTEST_SKIP() << "portable kernels alone run here";
  CropEngine plain(embed::portable_crop_kernels());
  for (const CropKernels* fast : sets) {
    if (fast == nullptr) continue;
    CropEngine quick(*fast);
    for (std::uint64_t seed = 0; seed < kCases; ++seed) {
      const Case made = make_case(seed);
      ASSERT_EQ(cut(quick, made), cut(plain, made)) << fast->name << ' ' << made.name;
    }
  }
}

TEST(CropEngine, WhatWasCutBeforeDoesNotShow) {
  const Pixels white =
      fixtures::from_rgb(std::vector<std::uint8_t>(300 * 300 * 3, 255), 300, 300, PixelFormat::Rgb);
  FaceRegion everywhere;
  everywhere.box = {-30, -30, 360, 360};
  for (const CropKernels* kernels : {embed::avx512_crop_kernels(), embed::avx2_crop_kernels(),
                                     embed::neon_crop_kernels(), &embed::portable_crop_kernels()}) {
    if (kernels == nullptr) continue;
    CropEngine used(*kernels);
    for (std::uint64_t seed = 0; seed < kCases; seed += 8) {
      // Large and white: what a crop reads outside its outline would be bright.
      InputSpec input;
      input.width = input.height = 256;
      std::vector<std::uint8_t> out(embed::crop_bytes(input));
      used.crop(white.view(), &everywhere, input, out.data());
      const Case made = make_case(seed);
      CropEngine fresh(*kernels);
      ASSERT_EQ(cut(used, made), cut(fresh, made)) << kernels->name << ' ' << made.name;
    }
  }
}

TEST(CropEngine, CropsMillionsOfPixelsWideAreBlack) {
  const Pixels image = fixtures::make_image(PixelFormat::Nv12, 64, 64);
  Case made;
  made.image = image;
  made.input.crop.alignment = Alignment::FivePoint;
  // A template of a hair's breadth makes the crop a billion pixels wide.
  for (std::size_t i = 0; i < 5; ++i) {
    const std::size_t right = i % 2, down = i / 2;
    made.input.crop.five_points[i] = {0.5F + 1e-6F * static_cast<float>(right),
                                      0.5F + 1e-6F * static_cast<float>(down)};
  }
  made.region.box = {0, 0, 10, 10};
  made.region.landmarks = Landmarks{{{0, 0}, {9e4F, 0}, {0, 9e4F}, {9e4F, 9e4F}, {0, 1.8e5F}}};
  CropEngine engine(embed::crop_kernels());
  EXPECT_EQ(cut(engine, made), std::vector<std::uint8_t>(embed::crop_bytes(made.input), 0));
}

}  // namespace
