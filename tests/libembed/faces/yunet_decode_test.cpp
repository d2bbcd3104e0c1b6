// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faces/yunet_decode.h"

#include <cmath>
#include <limits>

#include "expect_error.h"

namespace {

using embed::ErrorCode;
using embed::faces::decode_march_2022;
using embed::faces::decode_march_2023;

const cv::Size kCanvas(64, 96);

/// loc, conf and iou for kCanvas, with no face anywhere.
std::vector<cv::Mat> quiet_2022() {
  const int priors = (8 * 12) * 3 + (4 * 6) * 2 + (2 * 3) * 2 + (1 * 1) * 3;
  return {cv::Mat::zeros(priors, 14, CV_32F), cv::Mat::zeros(priors, 2, CV_32F),
          cv::Mat::zeros(priors, 1, CV_32F)};
}

std::vector<cv::Mat> quiet_2023() {
  std::vector<cv::Mat> outputs;
  for (const int columns : {1, 1, 4, 10}) {
    for (const int cells : {8 * 12, 4 * 6, 2 * 3}) outputs.push_back(cv::Mat::zeros(cells, columns, CV_32F));
  }
  return outputs;
}

TEST(Decode2022, FindsNothingInSilence) {
  EXPECT_TRUE(decode_march_2022(quiet_2022(), kCanvas, 0.1F).empty());
}

TEST(Decode2022, PlacesThePriorsBox) {
  auto outputs = quiet_2022();
  // Stride 16, row 2, column 3, the prior of 48 pixels.
  const int prior = 8 * 12 * 3 + (2 * 4 + 3) * 2 + 1;
  outputs[1].at<float>(prior, 1) = 0.81F;
  outputs[2].at<float>(prior, 0) = 1.0F;
  outputs[0].at<float>(prior, 0) = 1.0F;                   // centre: a tenth of the prior to the right
  outputs[0].at<float>(prior, 2) = std::log(2.0F) / 0.2F;  // twice as wide
  outputs[0].at<float>(prior, 13) = -1.0F;                 // y of the last landmark: a tenth up
  const auto faces = decode_march_2022(outputs, kCanvas, 0.5F);
  ASSERT_EQ(faces.size(), 1U);
  const embed::Rect box = faces[0].region.box;
  EXPECT_NEAR(faces[0].confidence, 0.9F, 1e-6);
  EXPECT_NEAR(box.width, 96, 1e-3);
  EXPECT_NEAR(box.height, 48, 1e-3);
  EXPECT_NEAR(box.x + box.width / 2, 56 + 4.8, 1e-3);
  EXPECT_NEAR(box.y + box.height / 2, 40, 1e-3);
  EXPECT_NEAR((*faces[0].region.landmarks)[0].x, 56, 1e-3);
  EXPECT_NEAR((*faces[0].region.landmarks)[4].y, 40 - 4.8, 1e-3);
}

TEST(Decode2023, PlacesTheCellsBox) {
  auto outputs = quiet_2023();
  const int cell = 1 * 4 + 2;  // stride 16, row 1, column 2
  outputs[1].at<float>(cell, 0) = 1.0F;
  outputs[4].at<float>(cell, 0) = 0.64F;
  outputs[7].at<float>(cell, 0) = 0.5F;
  outputs[7].at<float>(cell, 3) = std::log(3.0F);
  outputs[10].at<float>(cell, 9) = 1.0F;
  const auto faces = decode_march_2023(outputs, kCanvas, 0.5F);
  ASSERT_EQ(faces.size(), 1U);
  const embed::Rect box = faces[0].region.box;
  EXPECT_NEAR(faces[0].confidence, 0.8F, 1e-6);
  EXPECT_NEAR(box.width, 16, 1e-4);
  EXPECT_NEAR(box.height, 48, 1e-4);
  EXPECT_NEAR(box.x, 40 - 8, 1e-4);
  EXPECT_NEAR(box.y, 16 - 24, 1e-4);
  EXPECT_NEAR((*faces[0].region.landmarks)[4].y, 32, 1e-4);
}

TEST(Decode, DropsWhatIsNotANumber) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  auto older = quiet_2022();
  older[1].setTo(1.0F);
  older[2].setTo(1.0F);
  older[0].setTo(nan);
  EXPECT_TRUE(decode_march_2022(older, kCanvas, 0.5F).empty());
  older[1].setTo(nan);
  EXPECT_TRUE(decode_march_2022(older, kCanvas, 0.5F).empty());

  auto newer = quiet_2023();
  for (std::size_t i = 0; i < 6; ++i) newer[i].setTo(1.0F);
  for (std::size_t i = 6; i < 9; ++i) newer[i].setTo(1e9F);  // e to the power of it is infinite
  EXPECT_TRUE(decode_march_2023(newer, kCanvas, 0.5F).empty());
}

TEST(Decode, RefusesOutputsOfAnotherSize) {
  auto older = quiet_2022();
  older[2] = cv::Mat::zeros(7, 1, CV_32F);
  expect_error(ErrorCode::Format, {"iou", "7"}, [&] { decode_march_2022(older, kCanvas, 0.5F); });
  auto newer = quiet_2023();
  newer[11].release();
  expect_error(ErrorCode::Format, {"kps"}, [&] { decode_march_2023(newer, kCanvas, 0.5F); });
  newer = quiet_2023();
  newer[0].convertTo(newer[0], CV_64F);
  expect_error(ErrorCode::Format, {"cls"}, [&] { decode_march_2023(newer, kCanvas, 0.5F); });
}

}  // namespace
