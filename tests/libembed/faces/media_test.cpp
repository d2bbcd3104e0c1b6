// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/faces/media.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <opencv2/imgcodecs.hpp>

#include "embed/error.h"
#include "expect_error.h"
#include "fixtures.h"

namespace {

using embed::ErrorCode;
using embed::ImageView;
using embed::PixelFormat;
using embed::faces::load_image;
using embed::faces::save_image;

std::string in_temp(const std::string& name) {
  return fixtures::temp_dir() + "/" + name;
}

cv::Mat header(const ImageView& view) {
  return cv::Mat(view.height, view.width, view.format == PixelFormat::Gray8 ? CV_8UC1 : CV_8UC3,
                 const_cast<std::uint8_t*>(view.planes[0]), static_cast<std::size_t>(view.strides[0]));
}

/// A painted picture in a file of that name.
std::string painted(const std::string& name, int width = 40, int height = 24) {
  const std::string path = in_temp(name);
  save_image(path, fixtures::make_image(PixelFormat::Bgr, width, height).view());
  return path;
}

TEST(LoadImage, GivesBackWhatWasSaved) {
  const auto original = fixtures::make_image(PixelFormat::Bgr, 41, 23, 7);
  for (const char* name : {"a.png", "a.PPM", "a.bmp", "a.tif"}) {
    save_image(in_temp(name), original.view());
    const auto loaded = load_image(in_temp(name));
    ASSERT_EQ(loaded.view().format, PixelFormat::Bgr) << name;
    ASSERT_EQ(loaded.view().width, 41);
    ASSERT_EQ(loaded.view().height, 23);
    EXPECT_EQ(cv::norm(header(loaded.view()), header(original.view()), cv::NORM_INF), 0) << name;
  }
  for (const char* name : {"a.jpg", "a.webp"}) {
    save_image(in_temp(name), original.view());
    EXPECT_LT(cv::norm(header(load_image(in_temp(name)).view()), header(original.view()), cv::NORM_L1),
              12.0 * 3 * 41 * 23)
        << name;
  }
}

TEST(LoadImage, GreyStaysGrey) {
  const auto original = fixtures::make_image(PixelFormat::Gray8, 17, 9, 2);
  for (const char* name : {"g.png", "g.pgm"}) {
    save_image(in_temp(name), original.view());
    const auto loaded = load_image(in_temp(name));
    ASSERT_EQ(loaded.view().format, PixelFormat::Gray8) << name;
    EXPECT_EQ(cv::norm(header(loaded.view()), header(original.view()), cv::NORM_INF), 0) << name;
  }
}

TEST(SaveImage, PicturesOfLimitedRangeBecomeFull) {
  const auto full = fixtures::make_image(PixelFormat::Gray8, 32, 20);
  for (const PixelFormat format : {PixelFormat::Gray8, PixelFormat::I420}) {
    const auto limited =
        fixtures::make_image(format, 32, 20, 0, 1, embed::YuvMatrix::Bt601, embed::PixelRange::Limited);
    save_image(in_temp("limited.pgm"), limited.view());
    EXPECT_LE(cv::norm(header(load_image(in_temp("limited.pgm")).view()), header(full.view()), cv::NORM_INF),
              2);
  }
}

TEST(LoadImage, SixteenBitBecomesBgr) {
  const cv::Mat deep(8, 8, CV_16UC3, cv::Scalar(0x1000, 0x8000, 0xFF00));
  ASSERT_TRUE(cv::imwrite(in_temp("deep.png"), deep));
  const auto loaded = load_image(in_temp("deep.png"));
  EXPECT_EQ(loaded.view().format, PixelFormat::Bgr);
  EXPECT_NEAR(loaded.view().planes[0][1], 0x80, 1);
}

TEST(LoadImage, AppliesTheExifOrientation) {
  std::vector<std::uint8_t> bytes = fixtures::read_bytes(painted("upright.jpg"));
  // An APP1 segment that holds a TIFF header and one entry: orientation 6, a quarter turn clockwise.
  const std::vector<std::uint8_t> exif = {0xFF, 0xE1, 0x00, 0x22, 'E', 'x', 'i', 'f', 0, 0,    'M', 'M',
                                          0x00, 0x2A, 0,    0,    0,   8,   0,   1,   1, 0x12, 0,   3,
                                          0,    0,    0,    1,    0,   6,   0,   0,   0, 0,    0,   0};
  bytes.insert(bytes.begin() + 2, exif.begin(), exif.end());
  fixtures::write_bytes(in_temp("turned.jpg"), bytes);
  const auto turned = load_image(in_temp("turned.jpg"));
  EXPECT_EQ(turned.view().width, 24);
  EXPECT_EQ(turned.view().height, 40);
}

TEST(LoadImage, RefusesTruncatedPictures) {
  for (const char* name : {"cut.jpg", "cut.png", "cut.pgm", "cut.bmp"}) {
    const std::vector<std::uint8_t> whole = fixtures::read_bytes(painted(name, 200, 150));
    for (const std::size_t keep :
         {std::size_t{5}, std::size_t{30}, whole.size() / 2, whole.size() * 9 / 10}) {
      fixtures::write_bytes(
          in_temp(name), std::vector<std::uint8_t>(whole.begin(), whole.begin() + static_cast<long>(keep)));
      expect_error(ErrorCode::Format, {in_temp(name)}, [&] { load_image(in_temp(name)); });
    }
  }
}

TEST(LoadImage, RefusesWhatIsNoImage) {
  fixtures::write_bytes(in_temp("text.jpg"), std::string("Dear Sir, this is a letter.\n"));
  expect_error(ErrorCode::Format, {"text.jpg", "not an image"}, [] { load_image(in_temp("text.jpg")); });
  fixtures::write_bytes(in_temp("empty.png"), std::string());
  expect_error(ErrorCode::Format, {"empty.png", "empty"}, [] { load_image(in_temp("empty.png")); });
  fixtures::write_bytes(in_temp("huge.pgm"), std::string("P5\n2000000 2000000\n255\nx"));
  expect_error(ErrorCode::Format, {"huge.pgm"}, [] { load_image(in_temp("huge.pgm")); });
  fixtures::write_bytes(in_temp("zero.pgm"), std::string("P5\n0 0\n255\n"));
  expect_error(ErrorCode::Format, {"zero.pgm"}, [] { load_image(in_temp("zero.pgm")); });
  expect_error(ErrorCode::NotFound, {"absent.jpg"}, [] { load_image(in_temp("absent.jpg")); });
  expect_error(ErrorCode::Io, {fixtures::temp_dir()}, [] { load_image(fixtures::temp_dir()); });
}

TEST(LoadImage, SaysWhatToDoWithGif) {
  const std::string path = fixtures::temp_dir() + "/phone.jpg";
  fixtures::write_bytes(path, "GIF89a" + std::string(64, '\0'));
  expect_error(ErrorCode::Format, {path, "GIF", "convert it to JPEG or PNG"}, [&] { load_image(path); });
}

TEST(SaveImage, RefusesOtherExtensionsAndBadImages) {
  const auto picture = fixtures::make_image(PixelFormat::Rgb, 8, 8);
  for (const char* name : {"x.txt", "x", "x.onnx"}) {
    expect_error(ErrorCode::InvalidArgument, {name}, [&] { save_image(in_temp(name), picture.view()); });
  }
  expect_error(ErrorCode::InvalidArgument, {"0x0"}, [] { save_image(in_temp("x.png"), ImageView{}); });
  expect_error(ErrorCode::Io, {"nowhere"}, [&] { save_image(in_temp("nowhere/x.png"), picture.view()); });
}

TEST(SaveImage, EveryFormat) {
  for (const PixelFormat format : fixtures::all_formats()) {
    save_image(in_temp("f.png"), fixtures::make_image(format, 17, 23, 3).view());
    const auto loaded = load_image(in_temp("f.png"));
    EXPECT_EQ(loaded.view().width, 17);
    EXPECT_EQ(loaded.view().format, format == PixelFormat::Gray8 ? format : PixelFormat::Bgr);
  }
}

TEST(DecodeImage, GivesWhatTheFileGivesAndNamesWhatItIsCalled) {
  save_image(in_temp("f.jfif"), fixtures::make_image(PixelFormat::Bgr, 17, 23, 3).view());
  std::ifstream file(in_temp("f.jfif"), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const auto decoded = embed::faces::decode_image(data, bytes.size(), "an upload");
  const auto loaded = load_image(in_temp("f.jfif"));
  ASSERT_EQ(decoded.view().width, loaded.view().width);
  EXPECT_EQ(std::memcmp(decoded.view().planes[0], loaded.view().planes[0], 3 * 17 * 23), 0);
  for (const std::size_t size : {std::size_t{0}, std::size_t{9}}) {
    try {
      embed::faces::decode_image(data, size, "an upload");
      ADD_FAILURE() << "refused";
    } catch (const embed::Error& error) {
      EXPECT_EQ(error.file(), "an upload");
    }
  }
}

TEST(Image, ChecksItsSize) {
  EXPECT_THROW(embed::faces::Image(PixelFormat::Bgr, 2, 2, std::vector<std::uint8_t>(11)), embed::Error);
  EXPECT_THROW(embed::faces::Image(PixelFormat::Nv12, 2, 2, std::vector<std::uint8_t>(6)), embed::Error);
}

TEST(IsImagePath, KnowsTheExtensions) {
  EXPECT_TRUE(embed::faces::is_image_path("/a/b.JPG"));
  EXPECT_TRUE(embed::faces::is_image_path("b.pgm"));
  EXPECT_TRUE(embed::faces::is_image_path("b.jfif")) << "as browsers save JPEG";
  EXPECT_FALSE(embed::faces::is_image_path("b.mp4"));
  EXPECT_FALSE(embed::faces::is_image_path("jpg"));
}

}  // namespace
