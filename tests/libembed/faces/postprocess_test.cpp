// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faces/postprocess.h"

#include <gtest/gtest.h>

#include "faces/output_values.h"

namespace {

using embed::Rect;
using embed::faces::DetectedFace;
using embed::faces::DetectorOptions;

DetectedFace face(Rect box, float confidence) {
  DetectedFace made;
  made.region.box = box;
  made.confidence = confidence;
  return made;
}

TEST(IntersectionOverUnion, IsTheShareOfTheCommonArea) {
  using embed::intersection_over_union;
  EXPECT_FLOAT_EQ(intersection_over_union({0, 0, 10, 10}, {0, 0, 10, 10}), 1);
  EXPECT_FLOAT_EQ(intersection_over_union({0, 0, 10, 10}, {5, 0, 10, 10}), 50.0F / 150.0F);
  EXPECT_FLOAT_EQ(intersection_over_union({0, 0, 10, 10}, {10, 0, 10, 10}), 0);
  EXPECT_FLOAT_EQ(intersection_over_union({0, 0, 0, 0}, {0, 0, 0, 0}), 0);
}

TEST(SuppressOverlaps, KeepsTheMostConfidentOfEachGroup) {
  std::vector<DetectedFace> faces = {face({0, 0, 10, 10}, 0.7F), face({1, 0, 10, 10}, 0.9F),
                                     face({50, 50, 10, 10}, 0.8F)};
  embed::faces::suppress_overlaps(faces, 0.3F);
  ASSERT_EQ(faces.size(), 2U);
  EXPECT_FLOAT_EQ(faces[0].confidence, 0.9F);
  EXPECT_FLOAT_EQ(faces[1].confidence, 0.8F);
}

TEST(SuppressOverlaps, KeepsAllAtThresholdOne) {
  std::vector<DetectedFace> faces(3, face({0, 0, 10, 10}, 0.7F));
  embed::faces::suppress_overlaps(faces, 1.0F);
  EXPECT_EQ(faces.size(), 3U);
}

TEST(Usable, IsWhatCannotOverflowFurtherOn) {
  using embed::faces::is_usable;
  EXPECT_TRUE(is_usable(face({-3, -4, 1e5F, 1}, 1)));
  for (const Rect box : {Rect{0, 0, 1e20F, 10}, Rect{-1e38F, 0, 10, 10}, Rect{0, 0, 0, 10}})
    EXPECT_FALSE(is_usable(face(box, 1)));
  DetectedFace far = face({0, 0, 10, 10}, 1);
  far.region.landmarks = embed::Landmarks{{{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, -2e6F}}};
  EXPECT_FALSE(is_usable(far));
}

TEST(DropEven, KeepsWhatHasContrastInThePicture) {
  cv::Mat picture = cv::Mat::zeros(64, 64, CV_8UC3);
  picture(cv::Rect(0, 0, 32, 32)).setTo(cv::Scalar(0, 200, 0));
  std::vector<DetectedFace> faces = {face({16, 16, 32, 32}, 1), face({2, 2, 20, 20}, 1),
                                     face({-50, 0, 40, 40}, 1), face({-1e6F, -1e6F, 1e6F, 1e6F}, 1),
                                     face({40, 40, 9, 9}, 1)};
  embed::faces::drop_even(faces, picture);
  ASSERT_EQ(faces.size(), 1U);
  EXPECT_EQ(faces[0].region.box.x, 16);
}

TEST(ScaleFaces, ScalesBoxAndLandmarksByAxis) {
  std::vector<DetectedFace> faces = {face({1, 2, 3, 4}, 1)};
  faces[0].region.landmarks = embed::Landmarks{{{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}}};
  embed::faces::scale_faces(faces, 2, 3);
  EXPECT_FLOAT_EQ(faces[0].region.box.x, 2);
  EXPECT_FLOAT_EQ(faces[0].region.box.y, 6);
  EXPECT_FLOAT_EQ(faces[0].region.box.width, 6);
  EXPECT_FLOAT_EQ(faces[0].region.box.height, 12);
  EXPECT_FLOAT_EQ((*faces[0].region.landmarks)[4].x, 10);
  EXPECT_FLOAT_EQ((*faces[0].region.landmarks)[4].y, 15);
}

TEST(SelectFaces, DropsSmallOnesAndSortsLargestFirst) {
  std::vector<DetectedFace> faces = {face({0, 0, 20, 20}, 0.9F), face({0, 0, 9, 40}, 0.9F),
                                     face({0, 0, 30, 30}, 0.8F), face({0, 0, 10, 10}, 0.7F)};
  DetectorOptions options;
  options.min_face_size = 10;
  embed::faces::select_faces(faces, options);
  ASSERT_EQ(faces.size(), 3U);
  EXPECT_FLOAT_EQ(faces[0].region.box.width, 30);
  EXPECT_FLOAT_EQ(faces[2].region.box.width, 10);

  options.max_faces = 1;
  embed::faces::select_faces(faces, options);
  ASSERT_EQ(faces.size(), 1U);
  EXPECT_FLOAT_EQ(faces[0].region.box.width, 30);
}

}  // namespace
