// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessions/roi_crops.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "session_fixture.h"

namespace {

using embed::gst::check_roi;
using namespace gsttest;

TEST(RoiCrops, RefusesWhatIsNoFace) {
  const struct {
    Roi roi;
    int min_face_size;
    Reason reason;
    bool rejected;
  } cases[] = {
      {roi_at(10, 10, 0, 20), 0, Reason::Small, true},
      {roi_at(10, 10, 20, 0), 0, Reason::Small, true},
      {roi_at(640, 10, 20, 20), 0, Reason::Outside, true},
      {roi_at(10, 480, 20, 20), 0, Reason::Outside, true},
      {roi_at(0, 0, 70000, 10), 0, Reason::Outside, true},
      {roi_at(0, 0, 60000, 60000), 0, Reason::Outside, true},
      {roi_at(4294967295, 4294967295, 4294967295, 4294967295), 0, Reason::Outside, true},
      {roi_at(10, 10, 19, 40), 20, Reason::Small, false},
      {roi_at(10, 10, 20, 40), 20, Reason::None, false},
      {roi_at(630, 470, 20, 20), 0, Reason::None, false},
      {roi_at(0, 0, 1, 1), 0, Reason::None, false},
  };
  for (const auto& c : cases) {
    const auto crop = check_roi(c.roi, 640, 480, c.min_face_size);
    EXPECT_EQ(crop.reason, c.reason) << c.roi.box.x << ' ' << c.roi.box.width;
    EXPECT_EQ(crop.rejected, c.rejected) << c.roi.box.x << ' ' << c.roi.box.width;
    EXPECT_EQ(crop.region.has_value(), crop.reason == Reason::None);
  }
}

TEST(RoiCrops, UsesTheExactBoxAndDropsImpossibleLandmarks) {
  Roi roi = roi_at(100, 100, 50, 60, 9);
  roi.exact_box = embed::Rect{99.6F, 100.3F, 50.2F, 59.9F};
  roi.landmarks = embed::Landmarks{{{115, 120}, {135, 120}, {125, 132}, {117, 145}, {133, 145}}};
  auto crop = check_roi(roi, 640, 480, 0);
  ASSERT_TRUE(crop.region);
  EXPECT_FLOAT_EQ(crop.region->box.x, 99.6F);
  EXPECT_EQ(crop.region->id, 9);
  EXPECT_TRUE(crop.region->landmarks);
  roi.landmarks->fill({120, 120});
  EXPECT_FALSE(check_roi(roi, 640, 480, 0).region->landmarks) << "coinciding points";
  (*roi.landmarks)[3] = {5000, 120};
  EXPECT_FALSE(check_roi(roi, 640, 480, 0).region->landmarks) << "a point far off";
  (*roi.landmarks)[3] = {NAN, 120};
  EXPECT_FALSE(check_roi(roi, 640, 480, 0).region->landmarks) << "a point that is no number";
}

TEST(RoiCrops, RefusesAnExactBoxThatOnlyItsFramesEdgeBounds) {
  const float inf = std::numeric_limits<float>::infinity();
  for (const embed::Rect& box : {embed::Rect{-6.4e9F, 0, 6.4e9F, 480}, embed::Rect{-inf, 0, inf, 480},
                                 embed::Rect{-32000, 0, 32640, 480}, embed::Rect{0, 0, 640, NAN}}) {
    Roi roi = roi_at(0, 0, 640, 480);
    roi.exact_box = box;
    const auto crop = check_roi(roi, 640, 480, 0);
    EXPECT_EQ(crop.reason, Reason::Outside) << box.x << ' ' << box.width;
    EXPECT_TRUE(crop.rejected);
  }
  Roi half = roi_at(0, 0, 60, 100);
  half.exact_box = embed::Rect{-50, -20, 110, 120};
  EXPECT_TRUE(check_roi(half, 640, 480, 0).region) << "a face that the frame's edge cuts";
}

}  // namespace
