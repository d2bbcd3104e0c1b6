// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faces/convert.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <opencv2/imgproc.hpp>

#include "fixtures.h"

namespace {

using embed::ImageView;
using embed::PixelFormat;
using embed::PixelRange;
using embed::YuvMatrix;

cv::Mat bgr_pattern(int width, int height) {
  std::vector<std::uint8_t> rgb = fixtures::rgb_pattern(width, height, 1);
  cv::Mat picture;
  cv::cvtColor(cv::Mat(height, width, CV_8UC3, rgb.data()), picture, cv::COLOR_RGB2BGR);
  return picture;
}

cv::Mat converted(const ImageView& image, cv::Size size) {
  cv::Mat out(size, CV_8UC3);
  embed::faces::to_bgr(image, out);
  return out;
}

double mean_difference(const cv::Mat& a, const cv::Mat& b) {
  return cv::norm(a, b, cv::NORM_L1) / static_cast<double>(a.total() * a.elemSize());
}

TEST(ToBgr, EveryFormatGivesThePicture) {
  const cv::Mat expected = bgr_pattern(64, 48);
  for (const PixelFormat format : fixtures::all_formats()) {
    if (format == PixelFormat::Gray8) continue;
    const auto image = fixtures::make_image(format, 64, 48, 13);
    const bool subsampled = embed::is_yuv(format);
    EXPECT_LE(mean_difference(converted(image.view(), {64, 48}), expected), subsampled ? 6.0 : 0.0)
        << fixtures::format_name(format);
  }
}

TEST(ToBgr, EveryMatrixAndRange) {
  // A flat picture, so that nothing but the matrix matters.
  std::vector<std::uint8_t> rgb;
  for (int i = 0; i < 16 * 16; ++i) rgb.insert(rgb.end(), {200, 90, 30});
  for (const PixelFormat format : fixtures::all_formats()) {
    // 0.299 · 200 + 0.587 · 90 + 0.114 · 30
    const cv::Vec3i colour = format == PixelFormat::Gray8 ? cv::Vec3i(116, 116, 116) : cv::Vec3i(30, 90, 200);
    for (const YuvMatrix matrix : fixtures::all_matrices()) {
      for (const PixelRange range : {PixelRange::Usual, PixelRange::Full, PixelRange::Limited}) {
        const auto image = fixtures::from_rgb(rgb, 16, 16, format, 0, matrix, range);
        const cv::Vec3b pixel = converted(image.view(), {8, 8}).at<cv::Vec3b>(4, 4);
        for (int c = 0; c < 3; ++c) EXPECT_NEAR(pixel[c], colour[c], 3) << fixtures::format_name(format);
      }
    }
  }
}

TEST(ToBgr, GreyHasThreeEqualChannels) {
  const auto image = fixtures::make_image(PixelFormat::Gray8, 31, 7, 3);
  std::vector<cv::Mat> channels;
  cv::split(converted(image.view(), {31, 7}), channels);
  EXPECT_EQ(cv::norm(channels[0], channels[1], cv::NORM_INF), 0);
  EXPECT_EQ(cv::norm(channels[0], channels[2], cv::NORM_INF), 0);
  EXPECT_EQ(channels[0].at<std::uint8_t>(6, 30),
            image.planes[0][static_cast<std::size_t>(6 * image.strides[0] + 30)]);
}

TEST(ToBgr, AReducedCopyIsThePictureReduced) {
  for (const PixelFormat format : fixtures::all_formats()) {
    const auto image = fixtures::make_image(format, 64, 48, 5);
    const cv::Mat whole = converted(image.view(), {64, 48});
    // By halves, by whole pairs of pixels, along one side alone, and by neither.
    for (const cv::Size size : {cv::Size(32, 24), cv::Size(16, 12), cv::Size(16, 48), cv::Size(21, 13)}) {
      cv::Mat expected;
      cv::resize(whole, expected, size, 0, 0, cv::INTER_AREA);
      EXPECT_LE(mean_difference(converted(image.view(), size), expected), 2.0)
          << fixtures::format_name(format) << ' ' << size;
    }
  }
}

TEST(ToBgr, WritesIntoAPartAndNotBesideIt) {
  for (const PixelFormat format : fixtures::all_formats()) {
    const auto image = fixtures::make_image(format, 40, 30);
    cv::Mat canvas(32, 32, CV_8UC3, cv::Scalar::all(7));
    cv::Mat part = canvas(cv::Rect(0, 0, 20, 15));
    const std::uint8_t* where = part.data;
    embed::faces::to_bgr(image.view(), part);
    EXPECT_EQ(part.data, where) << fixtures::format_name(format);
    EXPECT_EQ(canvas.at<cv::Vec3b>(10, 20), cv::Vec3b(7, 7, 7));
    EXPECT_EQ(canvas.at<cv::Vec3b>(15, 10), cv::Vec3b(7, 7, 7));
    EXPECT_GT(cv::norm(part, cv::Mat(part.size(), CV_8UC3, cv::Scalar::all(7)), cv::NORM_INF), 0);
  }
}

TEST(ToBgr, RowsThatRunUpwards) {
  for (const PixelFormat format : fixtures::all_formats()) {
    const auto image = fixtures::make_image(format, 17, 23, 5);
    auto turned = image;
    ImageView view = turned.view();
    for (std::size_t plane = 0; plane < static_cast<std::size_t>(embed::plane_count(format)); ++plane) {
      const auto stride = static_cast<std::size_t>(image.strides[plane]);
      const int rows = plane == 0 ? 23 : 12;
      for (int row = 0; row < rows; ++row) {
        std::copy_n(image.planes[plane].begin() + static_cast<std::ptrdiff_t>(stride) * row, stride,
                    turned.planes[plane].begin() + static_cast<std::ptrdiff_t>(stride) * (rows - 1 - row));
      }
      view.planes[plane] = turned.planes[plane].data() + stride * static_cast<std::size_t>(rows - 1);
      view.strides[plane] = -image.strides[plane];
    }
    EXPECT_EQ(cv::norm(converted(view, {17, 23}), converted(image.view(), {17, 23}), cv::NORM_INF), 0)
        << fixtures::format_name(format);
  }
}

TEST(ToGray, EveryFormatGivesTheLuma) {
  cv::Mat expected;
  cv::cvtColor(bgr_pattern(33, 21), expected, cv::COLOR_BGR2GRAY);
  for (const PixelFormat format : fixtures::all_formats()) {
    // Full range, so that the luma plane is the grey picture.
    const auto image = fixtures::make_image(format, 33, 21, 4, 1, YuvMatrix::Bt601, PixelRange::Full);
    EXPECT_LE(mean_difference(embed::faces::to_gray(image.view(), {33, 21}), expected), 1.0)
        << fixtures::format_name(format);
  }
}

TEST(ToGray, DoesNotCopyAPlaneOfTheRightSize) {
  const auto image = fixtures::make_image(PixelFormat::I420, 33, 21);
  EXPECT_EQ(embed::faces::to_gray(image.view(), {33, 21}).data, image.planes[0].data());
}

TEST(ReducedSize, KeepsTheShapeAndNeverGrows) {
  ImageView image;
  const auto reduced = [&image](int width, int height, int side) {
    image.width = width;
    image.height = height;
    return embed::faces::reduced_size(image, side);
  };
  EXPECT_EQ(reduced(640, 480, 320), cv::Size(320, 240));
  EXPECT_EQ(reduced(480, 640, 320), cv::Size(240, 320));
  EXPECT_EQ(reduced(100, 50, 320), cv::Size(100, 50));
  EXPECT_EQ(reduced(4000, 3000, 0), cv::Size(4000, 3000));
  EXPECT_EQ(reduced(65535, 1, 480), cv::Size(480, 1));
  EXPECT_EQ(reduced(1, 65535, 1), cv::Size(1, 1));
}

TEST(ReducedSize, IsWithSquarePixels) {
  ImageView image;
  const auto reduced = [&image](int width, int height, float aspect, int side) {
    image.width = width;
    image.height = height;
    image.pixel_aspect = aspect;
    return embed::faces::reduced_size(image, side);
  };
  // A recorder's field of half the lines, an anamorphic broadcast, half the columns.
  EXPECT_EQ(reduced(704, 288, 0.5F, 0), cv::Size(704, 576));
  EXPECT_EQ(reduced(1440, 1080, 4.0F / 3, 0), cv::Size(1920, 1080));
  EXPECT_EQ(reduced(1440, 1080, 4.0F / 3, 640), cv::Size(640, 360));
  EXPECT_EQ(reduced(320, 480, 2.0F, 640), cv::Size(640, 480));
}

TEST(ToBgr, BringsHighDynamicRangeToWhatAScreenShows) {
  auto image = fixtures::from_rgb(std::vector<std::uint8_t>(16 * 16 * 3, 148), 16, 16, PixelFormat::Nv12);
  ImageView view = image.view();
  view.transfer = embed::Transfer::Pq;
  EXPECT_NEAR(converted(view, {8, 8}).at<cv::Vec3b>(4, 4)[1], 240, 8);
}

}  // namespace
