// SPDX-License-Identifier: LGPL-2.1-or-later
// tripletoverlay's `cover`: which faces, for how long, and what is left of their pixels.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "glue/face_meta.h"
#include "gst_support.h"
#include "sessions/cover_pixels.h"
#include "sessions/face_cover.h"

namespace {

using namespace embed::gst;
using gsttest::own;

constexpr std::int64_t kFrame = 40000000, kHold = 200000000;  // 40 ms and five frames.

Face face_at(PixelRect box, int track = 0) {
  Face face;
  face.type = "face";
  face.box = box;
  face.track = track;
  return face;
}

Face with(Reason reason, int label_id = -1, PixelRect box = {60, 50, 40, 50}, int track = 0) {
  Face face = face_at(box, track);
  face.identity.emplace();
  face.identity->label = label_id < 0 ? "???" : "Ann";
  face.identity->label_id = label_id;
  face.identity->reason = reason;
  return face;
}

Face ann(PixelRect box = {60, 50, 40, 50}, int track = 0) {
  return with(Reason::None, 0, box, track);
}
Face stranger(PixelRect box = {60, 50, 40, 50}, int track = 0) {
  return with(Reason::Far, -1, box, track);
}

TEST(SurelyShown, OnlyWhoSurelyHasANameOrSurelyHasNone) {
  for (const Cover cover : {Cover::Unknown, Cover::Known, Cover::All}) {
    EXPECT_FALSE(surely_shown(face_at({1, 2, 3, 4}), cover)) << "nobody has looked";
    for (const Reason reason : kReasons) {
      const bool surely = cover == Cover::Known && (reason == Reason::Far || reason == Reason::Rejected);
      EXPECT_EQ(surely_shown(with(reason), cover), surely) << to_string(reason);
    }
    EXPECT_FALSE(surely_shown(with(Reason::Other), cover));
  }
  EXPECT_TRUE(surely_shown(ann(), Cover::Unknown));
  EXPECT_FALSE(surely_shown(ann(), Cover::Known));
  EXPECT_FALSE(surely_shown(ann(), Cover::All));
  EXPECT_TRUE(surely_shown(face_at({1, 2, 3, 4}), Cover::None));
}

TEST(SurelyShown, WithoutATrackAFaceIsOfThisFrame) {
  for (const bool region : {false, true}) {
    Face face = ann();
    (region ? face.predicted : face.identity->predicted) = true;
    EXPECT_FALSE(surely_shown(face, Cover::Unknown));
    face.track = 7;
    EXPECT_TRUE(surely_shown(face, Cover::Unknown)) << "its track carries the name";
    face.identity->reason = Reason::Undecided;
    EXPECT_FALSE(surely_shown(face, Cover::Unknown));
  }
}

TEST(FaceCover, HoldsThePlaceOfALostFaceAndNoLonger) {
  for (const int track : {0, 7}) {
    FaceCover cover;
    EXPECT_EQ(
        cover.plan({stranger({60, 50, 40, 50}, track)}, 160, 120, 0, Cover::Unknown, kHold).covered.size(),
        1U);
    std::int64_t width = 0;
    for (int frame = 1; frame < 5; ++frame) {
      const auto held = cover.plan({}, 160, 120, frame * kFrame, Cover::Unknown, kHold).covered;
      ASSERT_EQ(held.size(), 1U) << frame;
      EXPECT_GT(held[0].width, width) << "a head that moves on stays inside";
      width = held[0].width;
    }
    EXPECT_TRUE(cover.plan({}, 160, 120, 5 * kFrame, Cover::Unknown, kHold).covered.empty());
  }
}

TEST(FaceCover, ALostFaceThatWasShownIsNotHeld) {
  FaceCover cover;
  EXPECT_EQ(cover.plan({ann()}, 160, 120, 0, Cover::Unknown, kHold).shown.size(), 1U);
  EXPECT_TRUE(cover.plan({}, 160, 120, kFrame, Cover::Unknown, kHold).covered.empty());
}

TEST(FaceCover, AFaceThatMovesLeavesNothingBehind) {
  for (const int track : {0, 7}) {
    FaceCover cover;
    for (int frame = 0; frame < 5; ++frame) {
      const auto plan = cover.plan({stranger({60 + 8 * frame, 50, 40, 50}, track)}, 160, 120, frame * kFrame,
                                   Cover::All, kHold);
      EXPECT_EQ(plan.covered.size(), 1U) << frame;
    }
  }
}

TEST(FaceCover, SomebodyElseInFrontOfALostFaceDoesNotUncoverIt) {
  FaceCover cover;
  cover.plan({stranger({60, 50, 40, 50}), ann({70, 50, 40, 50})}, 160, 120, 0, Cover::Unknown, kHold);
  const auto plan = cover.plan({ann({69, 50, 40, 50})}, 160, 120, kFrame, Cover::Unknown, kHold);
  EXPECT_EQ(plan.shown.size(), 1U);
  ASSERT_EQ(plan.covered.size(), 1U);
  EXPECT_LE(plan.covered[0].x, 60);
}

TEST(FaceCover, OneFrameThatJudgesOtherwiseShowsNobodyWithoutATrack) {
  FaceCover cover;
  cover.plan({ann()}, 160, 120, 0, Cover::Known, kHold);
  for (int frame = 1; frame < 5; ++frame) {
    EXPECT_EQ(cover.plan({stranger()}, 160, 120, frame * kFrame, Cover::Known, kHold).covered.size(), 1U)
        << frame;
  }
  EXPECT_EQ(cover.plan({stranger()}, 160, 120, 5 * kFrame, Cover::Known, kHold).shown.size(), 1U);
  EXPECT_EQ(cover.plan({ann()}, 160, 120, 6 * kFrame, Cover::Known, kHold).covered.size(), 1U) << "at once";
  FaceCover tracked;
  tracked.plan({with(Reason::Undecided, -1, {60, 50, 40, 50}, 7)}, 160, 120, 0, Cover::Known, kHold);
  EXPECT_EQ(tracked.plan({stranger({60, 50, 40, 50}, 7)}, 160, 120, kFrame, Cover::Known, kHold).shown.size(),
            1U)
      << "a track has decided";
}

TEST(FaceCover, HoldsOverNewSizesAndTimeThatRunsBackwards) {
  FaceCover cover;
  cover.plan({stranger({60, 50, 40, 50}, 7)}, 160, 120, 100 * kFrame, Cover::All, kHold);
  const auto held = cover.plan({}, 320, 240, kFrame, Cover::All, kHold).covered;
  ASSERT_EQ(held.size(), 1U);
  EXPECT_LE(held[0].x, 120);
  EXPECT_GE(held[0].x + held[0].width, 200);
  EXPECT_TRUE(cover.plan({}, 320, 240, 6 * kFrame, Cover::All, kHold).covered.empty()) << "and not for ever";
}

TEST(FaceCover, CrowdsAreBounded) {
  FaceCover cover;
  std::vector<Face> crowd;
  for (int i = 0; i < 9000; ++i) crowd.push_back(face_at({i % 600, i % 400, 30, 40}));
  FaceCover::Plan plan;
  for (int frame = 0; frame < 5; ++frame)
    plan = cover.plan(crowd, 640, 480, frame * kFrame, Cover::All, kHold);
  EXPECT_LE(plan.covered.size(), 9000U + 4096U);
  EXPECT_TRUE(plan.whole_frame);
  EXPECT_FALSE(
      cover.plan({face_at({0, 0, 640, 480})}, 640, 480, 100 * kFrame, Cover::All, kHold).whole_frame);
  EXPECT_NO_THROW(
      cover.plan({face_at({4294967295, 4294967295, 4294967295, 4294967295}), face_at({0, 0, 0, 0})}, 640, 480,
                 101 * kFrame, Cover::All, kHold));
}

TEST(CoverPixels, NothingButSixteenMeansIsLeft) {
  constexpr int kWidth = 200, kHeight = 150;
  for (const CoverStyle style : {CoverStyle::Blur, CoverStyle::Pixelate, CoverStyle::Fill}) {
    for (const PixelRect& place : {PixelRect{20, 30, 100, 90},
                                   {-40, -40, 100, 90},
                                   {180, 130, 100, 90},
                                   {-50, -50, 900, 900},
                                   {3, 3, 5, 40}}) {
      // A face in fine detail, and the means of its cells alone: what is left of both is the same.
      std::vector<std::uint8_t> fine(kWidth * kHeight), coarse;
      for (int i = 0; i < kWidth * kHeight; ++i)
        fine[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(i * 37 % 251);
      const auto planes = [&](std::vector<std::uint8_t>& pixels) {
        return std::vector<SamplePlane>{{pixels.data(), kWidth, 1, kWidth, kHeight, 0, 0, 64}};
      };
      coarse = fine;
      const auto before = fine;
      cover_pixels(planes(coarse), place, CoverStyle::Pixelate);
      cover_pixels(planes(coarse), place, style);
      cover_pixels(planes(fine), place, style);
      EXPECT_EQ(fine, coarse);
      std::set<std::uint8_t> left;
      for (int y = 0; y < kHeight; ++y) {
        for (int x = 0; x < kWidth; ++x) {
          const auto i = static_cast<std::size_t>(y * kWidth + x);
          const bool inside =
              x >= place.x && x < place.x + place.width && y >= place.y && y < place.y + place.height;
          if (inside) left.insert(fine[i]);
          if (!inside) {
            ASSERT_EQ(fine[i], before[i]) << x << ", " << y;
          }
        }
      }
      if (style == CoverStyle::Pixelate) {
        EXPECT_LE(left.size(), 16U);
      }
      if (style == CoverStyle::Fill) {
        EXPECT_EQ(left, std::set<std::uint8_t>{64});
      }
    }
  }
}

/// What a frame looks like, by GStreamer's own conversion.
std::vector<std::uint8_t> grey_of(gsttest::Harness& harness, GstBuffer* in, int width, int height) {
  const auto out = own(harness.push(in));
  GstVideoInfo info;
  gst_video_info_set_format(&info, GST_VIDEO_FORMAT_GRAY8, static_cast<guint>(width),
                            static_cast<guint>(height));
  GstVideoFrame frame;
  std::vector<std::uint8_t> grey;
  if (out && gst_video_frame_map(&frame, &info, out.get(), GST_MAP_READ) != FALSE) {
    for (int y = 0; y < height; ++y) {
      const auto* row = static_cast<std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0)) +
                        y * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
      grey.insert(grey.end(), row, row + width);
    }
    gst_video_frame_unmap(&frame);
  }
  return grey;
}

std::string overlay_and_grey(const std::string& properties) {
  return "tripletoverlay " + properties + " ! videoconvert ! capsfilter caps=video/x-raw,format=GRAY8";
}

class CoverFormats : public ::testing::TestWithParam<embed::PixelFormat> {};

TEST_P(CoverFormats, ThePlaceIsFilledAtAnySizeAndTheRestStays) {
  for (const auto& [width, height] : {std::pair{161, 121}, {176, 144}, {64, 48}, {7, 5}, {2, 2}, {1, 1}}) {
    const auto picture =
        fixtures::make_image(GetParam(), width, height, 8);  // videoconvert needs whole words.
    gsttest::Harness plain(overlay_and_grey("")), covering(overlay_and_grey("cover=all cover-style=fill"));
    plain.caps(gsttest::caps_text(picture));
    covering.caps(gsttest::caps_text(picture));
    const PixelRect box{width / 3, height / 3, std::max(1, width / 4), std::max(1, height / 4)};
    const PixelRect place = cover_place(box);
    GstBuffer* in = gsttest::make_buffer(picture);
    gsttest::add_roi(in, "face", static_cast<guint>(box.x), static_cast<guint>(box.y),
                     static_cast<guint>(box.width), static_cast<guint>(box.height), 3);
    const auto before = grey_of(plain, gsttest::make_buffer(picture), width, height);
    const auto after = grey_of(covering, in, width, height);
    ASSERT_EQ(after.size(), static_cast<std::size_t>(width * height));
    ASSERT_EQ(before.size(), after.size());
    const std::uint8_t fill = after[static_cast<std::size_t>(box.y * width + box.x)];
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const auto i = static_cast<std::size_t>(y * width + x);
        const bool inside =
            x >= place.x && x < place.x + place.width && y >= place.y && y < place.y + place.height;
        // Colours at the rim are shared with the pixels beside it.
        const bool near = x >= place.x - 2 && x < place.x + place.width + 2 && y >= place.y - 2 &&
                          y < place.y + place.height + 2;
        if (inside) {
          ASSERT_NEAR(after[i], fill, 1) << x << ", " << y << " of " << width << " x " << height;
        }
        if (!near) {
          ASSERT_EQ(after[i], before[i]) << x << ", " << y << " of " << width << " x " << height;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, CoverFormats, ::testing::ValuesIn(fixtures::all_formats()),
                         [](const auto& which) { return std::string(fixtures::format_name(which.param)); });

GstBuffer* with_face(const fixtures::Pixels& picture, int index, const Identity* identity = nullptr) {
  GstBuffer* buffer = gsttest::make_buffer(picture, index);
  gsttest::add_roi(buffer, "face", 60, 50, 40, 50, 3);
  if (identity != nullptr)
    write_identities(buffer, read_rois(buffer, "face", 160, 120), {*identity}, "weights", 160, 120);
  return buffer;
}

bool is_untouched(GstBuffer* buffer, const fixtures::Pixels& picture) {
  return gst_buffer_memcmp(buffer, 0, picture.planes[0].data(), picture.planes[0].size()) == 0;
}

TEST(CoverElement, HoldsByTheFramesTimeAndLeavesOtherFramesAlone) {
  const auto picture = fixtures::make_image(embed::PixelFormat::Bgrx, 160, 120);
  gsttest::Harness harness("tripletoverlay cover=unknown cover-hold=100");
  harness.caps(gsttest::caps_text(picture));
  EXPECT_TRUE(is_untouched(own(harness.push(gsttest::make_buffer(picture, 0))).get(), picture));
  EXPECT_FALSE(is_untouched(own(harness.push(with_face(picture, 1))).get(), picture));
  EXPECT_FALSE(is_untouched(own(harness.push(gsttest::make_buffer(picture, 2))).get(), picture)) << "lost";
  EXPECT_FALSE(is_untouched(own(harness.push(gsttest::make_buffer(picture, 3))).get(), picture));
  EXPECT_TRUE(is_untouched(own(harness.push(gsttest::make_buffer(picture, 4))).get(), picture)) << "120 ms";
}

TEST(CoverElement, ACoveredFaceIsNeitherNamedNorFramed) {
  const auto picture = fixtures::make_image(embed::PixelFormat::Bgrx, 160, 120);
  Identity ann;
  ann.label = "Ann";
  ann.label_id = 0;
  const auto push = [&](const std::string& cover, const Identity* identity) {
    gsttest::Harness harness("tripletoverlay cover-style=fill cover=" + cover);
    harness.caps(gsttest::caps_text(picture));
    return own(harness.push(with_face(picture, 0, identity)));
  };
  const auto nobody = push("all", nullptr), named = push("known", &ann), shown = push("unknown", &ann),
             plain = push("none", &ann);
  EXPECT_TRUE(gst_buffer_get_size(nobody.get()) == gst_buffer_get_size(named.get()));
  GstMapInfo map;
  gst_buffer_map(nobody.get(), &map, GST_MAP_READ);
  EXPECT_EQ(gst_buffer_memcmp(named.get(), 0, map.data, map.size), 0);
  gst_buffer_unmap(nobody.get(), &map);
  gst_buffer_map(plain.get(), &map, GST_MAP_READ);
  EXPECT_EQ(gst_buffer_memcmp(shown.get(), 0, map.data, map.size), 0) << "who is shown is drawn as ever";
  gst_buffer_unmap(plain.get(), &map);
}

TEST(CoverElement, FacesBeyondMaxFacesAreCoveredToo) {
  const auto picture = fixtures::make_image(embed::PixelFormat::Gray8, 320, 240);
  gsttest::Harness harness("tripletoverlay cover=all cover-style=fill max-faces=1");
  harness.caps(gsttest::caps_text(picture));
  GstBuffer* in = gsttest::make_buffer(picture);
  for (guint i = 0; i < 3; ++i)
    gsttest::add_roi(in, "face", 20 + 100 * i, 100, 20, 20, static_cast<int>(i) + 1);
  const auto out = own(harness.push(in));
  GstMapInfo map;
  gst_buffer_map(out.get(), &map, GST_MAP_READ);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(map.data[110 * static_cast<std::size_t>(picture.strides[0]) + 30 + 100 * i], 64);
  gst_buffer_unmap(out.get(), &map);
}

TEST(CoverElement, WhereRegionsWereDroppedTheWholeFrameIsCoveredAndItIsTold) {
  const auto picture = fixtures::make_image(embed::PixelFormat::Gray8, 160, 120);
  gsttest::Harness harness("tripletoverlay name=e cover=unknown cover-style=blur");
  gsttest::Bus bus(harness.element());
  harness.caps(gsttest::caps_text(picture));
  Identity ann;
  ann.label = "Ann";
  ann.label_id = 0;
  for (int i = 0; i < 2; ++i) {
    GstBuffer* in = with_face(picture, i, &ann);
    // As those elements do: what says where the face is goes, what was said of it stays.
    gst_buffer_foreach_meta(
        in,
        [](GstBuffer*, GstMeta** meta, gpointer) -> gboolean {
          if ((*meta)->info != gst_meta_get_info(embed::gst::kMetaName)) *meta = nullptr;
          return TRUE;
        },
        nullptr);
    const auto out = own(harness.push(in));
    GstMapInfo map;
    gst_buffer_map(out.get(), &map, GST_MAP_READ);
    for (const int at : {0, 80, 159}) EXPECT_EQ(map.data[at], 64);
    gst_buffer_unmap(out.get(), &map);
    EXPECT_EQ(bus.pop(GST_MESSAGE_WARNING) != nullptr, i == 0) << "once";
  }
}

}  // namespace
