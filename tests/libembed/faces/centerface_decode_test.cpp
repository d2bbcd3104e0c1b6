// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faces/centerface_decode.h"

#include <cmath>
#include <limits>

#include "expect_error.h"

namespace {

using embed::ErrorCode;
using embed::faces::decode_centerface;

const cv::Size kCanvas(64, 96);
constexpr int kColumns = 16;
constexpr int kRows = 24;

/// Heat map, scale, offset and landmarks for kCanvas, with no face anywhere.
std::vector<cv::Mat> quiet() {
  std::vector<cv::Mat> outputs;
  for (const int planes : {1, 2, 2, 10}) {
    const int shape[] = {1, planes, kRows, kColumns};
    outputs.push_back(cv::Mat::zeros(4, shape, CV_32F));
  }
  return outputs;
}

float& at(cv::Mat& output, int plane, int row, int column) {
  return output.ptr<float>()[(plane * kRows + row) * kColumns + column];
}

TEST(DecodeCenterFace, FindsNothingInSilence) {
  EXPECT_TRUE(decode_centerface(quiet(), kCanvas, 0.1F).empty());
  // A heat of 0 is no face, even where everything is asked for.
  EXPECT_TRUE(decode_centerface(quiet(), kCanvas, 0).empty());
}

TEST(DecodeCenterFace, PlacesTheCellsBox) {
  auto outputs = quiet();
  const int row = 7;
  const int column = 5;
  at(outputs[0], 0, row, column) = 0.5F;
  at(outputs[1], 0, row, column) = std::log(6.0F);  // height: 6 cells of 4 pixels
  at(outputs[1], 1, row, column) = std::log(5.0F);  // width
  at(outputs[2], 0, row, column) = 0.25F;           // a pixel down
  at(outputs[2], 1, row, column) = -0.5F;           // two pixels to the left
  at(outputs[3], 0, row, column) = 0.5F;            // y of the first point
  at(outputs[3], 9, row, column) = 0.75F;           // x of the last point
  const auto faces = decode_centerface(outputs, kCanvas, 0.74F);
  ASSERT_EQ(faces.size(), 1U);
  const embed::Rect box = faces[0].region.box;
  EXPECT_NEAR(box.width, 20, 1e-4);
  EXPECT_NEAR(box.height, 24, 1e-4);
  EXPECT_NEAR(box.x + box.width / 2, (column + 0.5) * 4 - 2, 1e-4);
  EXPECT_NEAR(box.y + box.height / 2, (row + 0.5) * 4 + 1, 1e-4);
  const embed::Landmarks& points = faces[0].region.landmarks.value();
  EXPECT_NEAR(points[0].x, box.x, 1e-4);
  EXPECT_NEAR(points[0].y, box.y + 12, 1e-4);
  EXPECT_NEAR(points[4].x, box.x + 15, 1e-4);
  EXPECT_NEAR(points[4].y, box.y, 1e-4);
}

TEST(DecodeCenterFace, TheAuthorsLeastHeatIsTheDefaultThreshold) {
  auto outputs = quiet();
  at(outputs[0], 0, 1, 1) = 0.5F;
  at(outputs[0], 0, 2, 2) = 0.49F;
  at(outputs[0], 0, 3, 3) = 1.0F;
  const auto faces = decode_centerface(outputs, kCanvas, 0.7499F);
  ASSERT_EQ(faces.size(), 2U);
  EXPECT_NEAR(faces[0].confidence, 0.75F, 1e-5);
  EXPECT_EQ(faces[1].confidence, 1);
  at(outputs[0], 0, 3, 3) = 1.0001F;  // a probability above 1 by rounding
  EXPECT_EQ(decode_centerface(outputs, kCanvas, 1).size(), 1U);
  EXPECT_EQ(decode_centerface(outputs, kCanvas, 1)[0].confidence, 1);
}

TEST(DecodeCenterFace, DropsWhatIsNotANumber) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  auto outputs = quiet();
  outputs[0].setTo(nan);
  EXPECT_TRUE(decode_centerface(outputs, kCanvas, 0.5F).empty());
  EXPECT_TRUE(decode_centerface(outputs, kCanvas, 0).empty());
  for (std::size_t spoilt = 1; spoilt < 4; ++spoilt) {
    outputs = quiet();
    outputs[0].setTo(1.0F);
    outputs[spoilt].setTo(nan);
    EXPECT_TRUE(decode_centerface(outputs, kCanvas, 0.5F).empty()) << spoilt;
  }
  outputs = quiet();
  outputs[0].setTo(1.0F);
  outputs[1].setTo(1e9F);  // e to the power of it is infinite
  EXPECT_TRUE(decode_centerface(outputs, kCanvas, 0.5F).empty());
}

TEST(DecodeCenterFace, RefusesOutputsOfAnotherSize) {
  const char* names[] = {"heat map", "scale", "offset", "landmarks"};
  for (std::size_t output = 0; output < 4; ++output) {
    auto outputs = quiet();
    outputs[output] = cv::Mat::zeros(7, 1, CV_32F);
    expect_error(ErrorCode::Format, {names[output], "7"}, [&] { decode_centerface(outputs, kCanvas, 0.5F); });
    outputs[output].release();
    expect_error(ErrorCode::Format, {names[output]}, [&] { decode_centerface(outputs, kCanvas, 0.5F); });
  }
}

}  // namespace
