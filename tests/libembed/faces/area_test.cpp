// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faces/area.h"

#include <gtest/gtest.h>

#include <opencv2/imgproc.hpp>
#include <utility>

namespace {

cv::Mat noise(int width, int height, int channels) {
  cv::Mat picture(height, width, CV_8UC(channels));
  cv::RNG(5).fill(picture, cv::RNG::UNIFORM, 0, 256);
  return picture;
}

/// As cv::resize does it, but for values that lie on the edge between two grey levels.
void expect_as_opencv(const cv::Mat& source, const cv::Mat& got) {
  cv::Mat expected, off;
  cv::resize(source, expected, got.size(), 0, 0, cv::INTER_AREA);
  cv::absdiff(got, expected, off);
  double largest = 0;
  cv::minMaxLoc(off.reshape(1), nullptr, &largest);
  EXPECT_LE(largest, 1);
  EXPECT_LE(cv::norm(off, cv::NORM_L1), 1 + 0.01 * static_cast<double>(got.total() * got.elemSize()));
}

TEST(ReduceByArea, IsInterArea) {
  const std::pair<cv::Size, cv::Size> sizes[] = {
      {{640, 480}, {480, 360}}, {{1280, 720}, {480, 270}}, {{333, 77}, {332, 77}}, {{333, 77}, {100, 3}},
      {{64, 48}, {33, 25}},     {{50, 40}, {50, 13}},      {{50, 40}, {17, 40}},   {{9, 7}, {1, 1}},
      {{1, 90}, {1, 64}},       {{90, 1}, {64, 1}},        {{1999, 31}, {480, 7}}, {{5, 5}, {5, 5}}};
  for (const auto& [from, to] : sizes) {
    for (int channels = 1; channels <= 4; ++channels) {
      SCOPED_TRACE(testing::Message() << from.width << 'x' << from.height << " to " << to.width << 'x'
                                      << to.height << ", channels " << channels);
      const cv::Mat source = noise(from.width, from.height, channels);
      cv::Mat got(to, source.type());
      embed::faces::reduce_by_area(source, got);
      expect_as_opencv(source, got);
    }
  }
}

TEST(ReduceByArea, FlatStaysFlat) {
  for (const int level : {0, 1, 128, 254, 255}) {
    const cv::Mat source(101, 103, CV_8UC3, cv::Scalar::all(level));
    cv::Mat got(64, 77, CV_8UC3);
    embed::faces::reduce_by_area(source, got);
    EXPECT_EQ(cv::countNonZero(got.reshape(1) != level), 0) << level;
  }
}

TEST(ReduceByArea, ReadsAndWritesPartsOfMatrices) {
  const cv::Mat large = noise(200, 150, 3);
  const cv::Mat source = large(cv::Rect(13, 7, 150, 120));
  cv::Mat canvas(100, 128, CV_8UC3, cv::Scalar::all(9));
  cv::Mat part = canvas(cv::Rect(5, 3, 110, 90));
  embed::faces::reduce_by_area(source, part);
  expect_as_opencv(source.clone(), part.clone());
  part.setTo(cv::Scalar::all(9));
  EXPECT_EQ(cv::countNonZero(canvas.reshape(1) != 9), 0);
}

TEST(ReduceByArea, RefusesToEnlarge) {
  const cv::Mat source = noise(20, 20, 1);
  cv::Mat wider(20, 21, CV_8UC1), other(10, 10, CV_8UC3);
  EXPECT_THROW(embed::faces::reduce_by_area(source, wider), cv::Exception);
  EXPECT_THROW(embed::faces::reduce_by_area(source, other), cv::Exception);
}

}  // namespace
