// SPDX-License-Identifier: LGPL-2.1-or-later
// The augmentation's JPEG artefacts against those that libjpeg makes.
#include "data/augment/augment.h"

#include <gtest/gtest.h>

#include <cmath>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "base/rng.h"

namespace training {
namespace {

/// Waves of several lengths with some noise; RGB or grey.
cv::Mat picture(int width, int height, int channels) {
  Rng rng(7);
  cv::Mat image(height, width, CV_8UC(channels));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        const double wave =
            60 * std::sin(x * 0.31 + c) + 40 * std::cos(y * 0.17 * (c + 1)) + rng.normal() * 6;
        image.ptr(y)[x * channels + c] = cv::saturate_cast<std::uint8_t>(128 + wave);
      }
    }
  }
  return image;
}

cv::Mat through_libjpeg(const cv::Mat& image, int quality) {
  cv::Mat source, result;
  if (image.channels() == 3) {
    cv::cvtColor(image, source, cv::COLOR_RGB2BGR);
  } else {
    source = image;
  }
  std::vector<std::uint8_t> file;
  cv::imencode(".jpg", source, file, {cv::IMWRITE_JPEG_QUALITY, quality});
  result = cv::imdecode(file, cv::IMREAD_UNCHANGED);
  if (image.channels() == 3) cv::cvtColor(result, result, cv::COLOR_BGR2RGB);
  return result;
}

cv::Mat through_ours(const cv::Mat& image, int quality) {
  Augmenter faces(Augmentation::Face, image.cols, image.rows, image.cols, image.rows, image.channels());
  AugmentPlan plan;
  plan.jpeg_quality = quality;
  cv::Mat result = image.clone();
  faces.apply(image.data, plan, result.data);
  return result;
}

double mean_difference(const cv::Mat& a, const cv::Mat& b) {
  return cv::norm(a, b, cv::NORM_L1) / static_cast<double>(a.total() * a.elemSize());
}

TEST(JpegArtifacts, AreThoseOfLibjpeg) {
  for (const int channels : {1, 3}) {
    for (const int quality : {10, 30, 60, 92}) {
      for (const cv::Size size : {cv::Size(64, 64), cv::Size(37, 51)}) {
        const cv::Mat image = picture(size.width, size.height, channels);
        const cv::Mat theirs = through_libjpeg(image, quality), ours = through_ours(image, quality);
        const double lost = mean_difference(image, theirs), apart = mean_difference(ours, theirs);
        EXPECT_LT(apart, 1.25) << channels << " channels, quality " << quality << ", " << size;
        EXPECT_LT(apart, 0.4 * lost) << channels << " channels, quality " << quality << ", " << size;
      }
    }
  }
}

TEST(JpegArtifacts, GrowAsQualityFalls) {
  const cv::Mat image = picture(64, 64, 3);
  double last = 0;
  for (const int quality : {100, 80, 50, 20, 5}) {
    const double lost = mean_difference(image, through_ours(image, quality));
    EXPECT_GT(lost, last) << quality;
    last = lost;
  }
}

}  // namespace
}  // namespace training
