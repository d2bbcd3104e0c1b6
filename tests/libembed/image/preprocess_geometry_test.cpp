// SPDX-License-Identifier: LGPL-2.1-or-later
// Where a crop lies: boxes, landmarks, whole images and the context around them.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "crop_reference.h"
#include "embed/preprocess.h"
#include "error_matchers.h"
#include "fixtures.h"

namespace {

using embed::AffineMap;
using embed::Alignment;
using embed::ErrorCode;
using embed::FaceRegion;
using embed::ImageView;
using embed::InputSpec;
using embed::Landmarks;
using embed::PixelFormat;
using fixtures::Pixels;
using testing_errors::expect_error;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

InputSpec input_of(Alignment alignment, int side = 64) {
  InputSpec input;
  input.width = input.height = side;
  input.crop.alignment = alignment;
  return input;
}

FaceRegion box(float x, float y, float width, float height) {
  FaceRegion region;
  region.box = {x, y, width, height};
  return region;
}

/// The template's points in crop pixels, turned, scaled and shifted.
Landmarks placed(const InputSpec& input, double angle, double scale, double x, double y) {
  Landmarks points{};
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double u = (static_cast<double>(input.crop.five_points[i].x) - 0.5) * input.width;
    const double v = (static_cast<double>(input.crop.five_points[i].y) - 0.5) * input.height;
    points[i] = {static_cast<float>(x + scale * (std::cos(angle) * u - std::sin(angle) * v)),
                 static_cast<float>(y + scale * (std::sin(angle) * u + std::cos(angle) * v))};
  }
  return points;
}

FaceRegion face(const Landmarks& points) {
  FaceRegion region = box(10, 10, 20, 20);
  region.landmarks = points;
  return region;
}

std::vector<std::uint8_t> crop(const ImageView& image, const FaceRegion& region, const InputSpec& input) {
  std::vector<std::uint8_t> out(embed::crop_bytes(input), 0xEE);
  embed::crop_face(image, region, input, out.data());
  return out;
}

void expect_map(const AffineMap& map, const reference::Map& expected) {
  EXPECT_NEAR(map.a, expected.a, 1e-4);
  EXPECT_NEAR(map.b, expected.b, 1e-4);
  EXPECT_NEAR(map.c, expected.c, 1e-2);
  EXPECT_NEAR(map.d, expected.d, 1e-4);
  EXPECT_NEAR(map.e, expected.e, 1e-4);
  EXPECT_NEAR(map.f, expected.f, 1e-2);
}

const Pixels& picture() {
  static const Pixels image = fixtures::make_image(PixelFormat::Rgb, 320, 240, 0, 11);
  return image;
}

TEST(CropMap, LaysTheTemplateOnTheLandmarks) {
  for (const int side : {64, 112}) {
    const InputSpec input = input_of(Alignment::FivePoint, side);
    for (const double angle : {0.0, 0.3, -1.2, 1.5707963, 3.0, -2.4}) {
      for (const double scale : {0.05, 0.7, 3.0}) {
        const Landmarks points = placed(input, angle, scale, 150, 120);
        const AffineMap map = embed::crop_map(picture().view(), face(points), input);
        for (std::size_t i = 0; i < points.size(); ++i) {
          const float u = input.crop.five_points[i].x * static_cast<float>(side);
          const float v = input.crop.five_points[i].y * static_cast<float>(side);
          EXPECT_NEAR(map.a * u + map.b * v + map.c, points[i].x, 1e-2);
          EXPECT_NEAR(map.d * u + map.e * v + map.f, points[i].y, 1e-2);
        }
      }
    }
  }
}

TEST(CropMap, IsTheLeastSquaresSimilarity) {
  const InputSpec input = input_of(Alignment::FivePoint);
  Landmarks from{};
  for (std::size_t i = 0; i < 5; ++i) {
    from[i] = {input.crop.five_points[i].x * 64, input.crop.five_points[i].y * 64};
  }
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const auto noise = fixtures::random_embedding(seed, false);
    Landmarks points =
        placed(input, 0.2 * static_cast<double>(seed), 0.5 + 0.1 * static_cast<double>(seed), 100, 90);
    for (std::size_t i = 0; i < 5; ++i) points[i].x += 4 * noise[2 * i], points[i].y += 4 * noise[2 * i + 1];
    expect_map(embed::crop_map(picture().view(), face(points), input),
               reference::least_squares_similarity(from, points));
  }
}

TEST(CropMap, BoxesMakeSquaresAroundTheirCentre) {
  InputSpec input = input_of(Alignment::Box);
  input.crop.box_scale = 1.5F;
  input.crop.box_shift_x = 0.25F;
  input.crop.box_shift_y = -0.1F;
  for (const auto& region : {box(30, 40, 60, 80), box(30, 40, 80, 60), box(-50, -60, 300, 20)}) {
    const double longer = std::max(region.box.width, region.box.height);
    const auto expected =
        reference::square_map(region.box.x + region.box.width / 2 + 0.25 * longer,
                              region.box.y + region.box.height / 2 - 0.1 * longer, 1.5 * longer, 64);
    expect_map(embed::crop_map(picture().view(), region, input), expected);
    // Without landmarks the five-point rule falls back on the same square.
    InputSpec aligned = input;
    aligned.crop.alignment = Alignment::FivePoint;
    expect_map(embed::crop_map(picture().view(), region, aligned), expected);
    // And the box rule does not look at landmarks.
    FaceRegion with_points = region;
    with_points.landmarks = placed(input, 1, 1, 100, 100);
    expect_map(embed::crop_map(picture().view(), with_points, input), expected);
  }
}

TEST(CropMap, WholeStretchesTheImageAndIgnoresRegions) {
  const InputSpec input = input_of(Alignment::Whole);
  expect_map(embed::crop_map(picture().view(), box(5, 5, 7, 9), input), {320.0 / 64, 0, 0, 0, 240.0 / 64, 0});
  std::vector<std::uint8_t> whole(embed::crop_bytes(input));
  embed::crop_whole(picture().view(), input, whole.data());
  EXPECT_EQ(crop(picture().view(), box(5, 5, 7, 9), input), whole);
  EXPECT_EQ(crop(picture().view(), box(0, 0, 0, 0), input), whole);
  const auto expected = reference::crop(picture().view(), {5, 0, 0, 0, 3.75, 0}, input);
  const auto difference = reference::compare(whole, expected, std::vector<bool>(64 * 64, true));
  EXPECT_LE(difference.mean, 1.0);
  EXPECT_LE(difference.largest, 90);  // the rim mixes with the black outside
}

TEST(CropGeometry, ATurnedFaceGivesTheUprightCrop) {
  const InputSpec input = input_of(Alignment::FivePoint);
  const auto upright_points = placed(input, 0, 1.4, 160, 120);
  const auto expected = crop(picture().view(), face(upright_points), input);
  for (const double angle : {0.2, 0.8, -0.5, 1.5707963, 3.1415926, -2.2}) {
    // The same pattern, painted turned about the picture's centre.
    std::vector<std::uint8_t> rgb;
    for (int y = 0; y < 240; ++y) {
      for (int x = 0; x < 320; ++x) {
        const double dx = x + 0.5 - 160, dy = y + 0.5 - 120;
        const auto colour =
            fixtures::pattern(160 + std::cos(angle) * dx + std::sin(angle) * dy,
                              120 - std::sin(angle) * dx + std::cos(angle) * dy, 320, 240, 11);
        for (const double value : colour) rgb.push_back(static_cast<std::uint8_t>(std::lround(value)));
      }
    }
    const Pixels turned = fixtures::from_rgb(rgb, 320, 240, PixelFormat::Rgb);
    const auto got = crop(turned.view(), face(placed(input, angle, 1.4, 160, 120)), input);
    const std::vector<double> wanted(expected.begin(), expected.end());
    const auto difference = reference::compare(got, wanted, std::vector<bool>(64 * 64, true));
    EXPECT_LE(difference.mean, 0.8) << angle;
    EXPECT_LE(difference.largest, 4) << angle;
  }
}

TEST(CropGeometry, NotesPaddingIsRightAndBelow) {
  const Pixels white =
      fixtures::from_rgb(std::vector<std::uint8_t>(200 * 200 * 3, 255), 200, 200, PixelFormat::Rgb);
  InputSpec input = input_of(Alignment::Box);
  input.crop.pad_right_bottom = true;
  const auto at = [](const std::vector<std::uint8_t>& image, int x, int y) {
    return static_cast<int>(image[static_cast<std::size_t>(3 * (64 * y + x))]);
  };
  const auto tall = crop(white.view(), box(20, 20, 40, 80), input);
  for (int y = 1; y < 63; ++y) {
    for (int x = 1; x < 64; ++x) {
      if (x == 31 || x == 32) continue;
      EXPECT_EQ(at(tall, x, y), x < 31 ? 255 : 0) << x << ' ' << y;
    }
  }
  const auto wide = crop(white.view(), box(20, 20, 80, 40), input);
  for (int x = 1; x < 63; ++x) {
    EXPECT_EQ(at(wide, x, 30), 255);
    EXPECT_EQ(at(wide, x, 34), 0);
  }
  // The box reaches beyond the image: what is missing is black, not what lies outside the box.
  const auto cut = crop(white.view(), box(-20, 100, 40, 40), input);
  EXPECT_EQ(at(cut, 10, 30), 0);
  EXPECT_EQ(at(cut, 50, 30), 255);
  // Scale and shift of the other rule play no part.
  input.crop.box_scale = 3;
  input.crop.box_shift_x = 1;
  EXPECT_EQ(crop(white.view(), box(20, 20, 40, 80), input), tall);
}

/// The middle of a crop with context is bit for bit the crop without.
void check_context(const ImageView& image, const FaceRegion& region, InputSpec input, float context) {
  const auto expected = crop(image, region, input);
  const int side = input.width, wide = static_cast<int>(std::lround(static_cast<float>(side) * context));
  input.width = input.height = wide;
  input.crop.context = context;
  const auto got = crop(image, region, input);
  const int edge = (wide - side) / 2, channels = input.channels;
  for (int y = 0; y < side; ++y) {
    const auto row = got.begin() + (static_cast<std::ptrdiff_t>(y + edge) * wide + edge) * channels;
    const auto wanted = expected.begin() + static_cast<std::ptrdiff_t>(y) * side * channels;
    ASSERT_TRUE(std::equal(row, row + side * channels, wanted)) << "row " << y;
  }
}

TEST(CropGeometry, TheMiddleOfAWiderCropIsTheCrop) {
  for (const PixelFormat format : {PixelFormat::Rgb, PixelFormat::Nv12, PixelFormat::Gray8}) {
    const Pixels image = fixtures::make_image(format, 333, 251, 0, 21);
    for (const float context : {1.25F, 1.5F, 2.0F}) {
      for (const double scale : {0.4, 1.0, 2.6}) {
        SCOPED_TRACE(std::string(fixtures::format_name(format)) + " " + std::to_string(context) + " " +
                     std::to_string(scale));
        const InputSpec aligned = input_of(Alignment::FivePoint);
        check_context(image.view(), face(placed(aligned, 0.3, scale, 170, 130)), aligned, context);
        const auto side = static_cast<float>(64 * scale);
        check_context(image.view(), box(91.3F, 50.7F, side, side), input_of(Alignment::Box), context);
        InputSpec padded = input_of(Alignment::Box);
        padded.crop.pad_right_bottom = true;
        check_context(image.view(), box(30, 30, side, side / 2), padded, context);
      }
    }
  }
}

/// The largest mean difference of a byte between the crops of one picture with square pixels and with others,
/// by landmarks turned by `angle` and by box.
double aspect_difference(float aspect) {
  constexpr int kSide = 360;
  const auto stretched = [&](Landmarks points) {
    for (auto& point : points) point.x /= aspect;
    return points;
  };
  static const Pixels square = fixtures::make_image(PixelFormat::I420, kSide, kSide, 0, 5);
  const Pixels other = fixtures::make_image(
      PixelFormat::I420, static_cast<int>(std::lround(static_cast<float>(kSide) / aspect)), kSide, 0, 5);
  ImageView view = other.view();
  view.pixel_aspect = aspect;
  double most = 0;
  const auto compare = [&](const InputSpec& input, const FaceRegion& a, const FaceRegion& b) {
    const auto expected = crop(square.view(), a, input);
    const std::vector<double> wanted(expected.begin(), expected.end());
    const std::vector<bool> everywhere(expected.size() / 3, true);
    most = std::max(most, reference::compare(crop(view, b, input), wanted, everywhere).mean);
  };
  for (const double scale : {0.9, 2.2, 3.4}) {
    const InputSpec aligned = input_of(Alignment::FivePoint);
    for (const double angle : {0.0, 0.4, -1.3}) {
      const Landmarks points = placed(aligned, angle, scale, 190, 170);
      compare(aligned, face(points), face(stretched(points)));
    }
    const auto width = static_cast<float>(60 * scale), height = static_cast<float>(80 * scale);
    compare(input_of(Alignment::Box), box(90, 70, width, height),
            box(90 / aspect, 70, width / aspect, height));
  }
  return most;
}

TEST(CropGeometry, AFaceKeepsItsShapeWhateverThatOfThePixels) {
  for (const float aspect : {0.5F, 2.0F, 4.0F / 3, 1.5F, 16.0F / 15, 12.0F / 11}) {
    EXPECT_LE(aspect_difference(aspect), 1.5) << aspect;
  }
}

TEST(CropGeometry, TinyAndHugeRegionsAreServed) {
  const InputSpec input = input_of(Alignment::Box);
  const auto one_pixel = crop(picture().view(), box(100.4F, 100.4F, 0.01F, 0.01F), input);
  for (std::size_t i = 3; i < one_pixel.size(); ++i) EXPECT_NEAR(one_pixel[i], one_pixel[i - 3], 1);
  const auto from_afar = crop(picture().view(), box(-4e5F, -4e5F, 8e5F, 8e5F), input);
  double sum = 0;
  for (const std::uint8_t value : from_afar) sum += value;
  EXPECT_LE(sum / static_cast<double>(from_afar.size()), 1);
}

TEST(CropGeometry, RefusesRegionsThatAreNone) {
  const FaceRegion bad[] = {box(0, 0, 0, 0),         box(0, 0, 10, 0),        box(0, 0, 0, 10),
                            box(0, 0, -5, 10),       box(0, 0, 10, -5),       box(kNan, 0, 10, 10),
                            box(0, kNan, 10, 10),    box(0, 0, kNan, 10),     box(0, 0, 10, kNan),
                            box(kInfinity, 0, 1, 1), box(0, 0, kInfinity, 1), box(0, -kInfinity, 1, 1),
                            box(0, 0, 2e6F, 10),     box(3e6F, 0, 10, 10),    box(0, -3e38F, 10, 10)};
  for (const Alignment alignment : {Alignment::Box, Alignment::FivePoint}) {
    for (const FaceRegion& region : bad) {
      const InputSpec input = input_of(alignment);
      expect_error(ErrorCode::InvalidArgument, {"face region"},
                   [&] { crop(picture().view(), region, input); });
      expect_error(ErrorCode::InvalidArgument, {"face region"},
                   [&] { embed::crop_map(picture().view(), region, input); });
    }
  }
}

TEST(CropGeometry, RefusesLandmarksThatAreNone) {
  const InputSpec input = input_of(Alignment::FivePoint);
  const auto refuse = [&](const Landmarks& points) {
    expect_error(ErrorCode::InvalidArgument, {"landmarks"},
                 [&] { crop(picture().view(), face(points), input); });
  };
  refuse({});
  Landmarks same{};
  same.fill({50, 60});
  refuse(same);
  for (const float bad : {kNan, kInfinity, -kInfinity, 3e38F}) {
    Landmarks points = placed(input, 0, 1, 100, 100);
    points[2].y = bad;
    refuse(points);
  }
}

TEST(CropGeometry, LandmarksFarAwayAreBlackOrRefused) {
  for (const int side : {16, 64, 1024}) {
    const InputSpec input = input_of(Alignment::FivePoint, side);
    for (const float away : {1e6F, -1e9F, 1e11F, -1e12F, 1e20F}) {
      Landmarks points = placed(input, 0, 1, 0, 0);
      for (auto& point : points) point.x += away, point.y -= away;
      points[0].x = std::nextafter(points[0].x, -kInfinity);
      try {
        EXPECT_EQ(crop(picture().view(), face(points), input),
                  std::vector<std::uint8_t>(embed::crop_bytes(input), 0));
      } catch (const embed::Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::InvalidArgument) << error.what();
      }
    }
  }
}

}  // namespace
