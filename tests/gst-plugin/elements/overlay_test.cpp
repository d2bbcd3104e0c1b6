// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

#include "glue/face_meta.h"
#include "gst_support.h"
#include "sessions/overlay_session.h"

namespace {

using namespace embed::gst;
using gsttest::own;

Face named(const std::string& label, PixelRect box = {60, 50, 40, 50}, int label_id = 0) {
  Face face;
  face.type = "face";
  face.box = box;
  face.identity.emplace();
  face.identity->label = label;
  face.identity->label_id = label_id;
  face.identity->distance = 0.31F;
  return face;
}

bool same(const Colour& a, const Colour& b) {
  return a.red == b.red && a.green == b.green && a.blue == b.blue;
}

TEST(IdentityColour, IsTheNamesAloneAndGreyForStrangers) {
  EXPECT_TRUE(same(identity_colour(named("Ann")), identity_colour(named("Ann", {1, 2, 3, 4}, 7))));
  EXPECT_FALSE(same(identity_colour(named("Ann")), identity_colour(named("Bob"))));
  const Colour grey = identity_colour(named("???", {}, -1));
  EXPECT_TRUE(same(grey, identity_colour(named("Ann", {}, -1))));
  EXPECT_NEAR(grey.red, grey.blue, 0.1);
  for (const char* name : {"Ann", "Bob", "Eve", "安", ""}) {
    const Colour c = identity_colour(named(name));
    for (const double v : {c.red, c.green, c.blue}) {
      EXPECT_GE(v, 0);
      EXPECT_LE(v, 1);
    }
  }
}

TEST(DrawFaces, PatchesLieInsideTheFrameForEveryBoxAndScript) {
  const PixelRect boxes[] = {
      {60, 50, 40, 50}, {0, 0, 160, 120}, {-20, -20, 60, 60},   {150, 110, 40, 40}, {0, 0, 1, 1},
      {159, 119, 1, 1}, {40, 40, 3, 2},   {0, 0, 65535, 65535}, {100, 0, 20, 4000}, {4294967295, 0, 10, 10}};
  for (const PixelRect& box : boxes) {
    for (const char* label : {"Ann", "Ναι", "安娜", "آنا", "", "<b>&", "a\nb",
                              "a very long name that is wider than the picture by far and then some more"}) {
      for (const double aspect : {1.0, 0.5, 16.0 / 15, 2.0}) {
        for (const Patch& p : draw_faces({named(label, box)}, 160, 120, {}, aspect)) {
          EXPECT_GE(p.x, 0);
          EXPECT_GE(p.y, 0);
          EXPECT_GT(p.width, 0);
          EXPECT_GT(p.height, 0);
          EXPECT_LE(p.x + p.width, 160);
          EXPECT_LE(p.y + p.height, 120);
          EXPECT_EQ(p.pixels.size(), static_cast<std::size_t>(4 * p.width * p.height));
        }
      }
    }
  }
  EXPECT_TRUE(draw_faces({named("Ann", {500, 500, 10, 10})}, 160, 120, {}).empty()) << "wholly outside";
}

TEST(DrawFaces, TheDistanceCanBeLeftOut) {
  OverlaySettings without;
  without.show_distance = false;
  const auto width = [](const std::vector<Patch>& patches) { return patches.back().width; };
  EXPECT_LT(width(draw_faces({named("Ann")}, 320, 240, without)),
            width(draw_faces({named("Ann")}, 320, 240, {})));
}

TEST(DrawFaces, LettersKeepTheirShapeWhereTheFrameIsShown) {
  const auto label = [](double aspect) { return draw_faces({named("Ann")}, 640, 480, {}, aspect).back(); };
  const Patch square = label(1), narrow = label(0.5), wide = label(2);
  EXPECT_EQ(narrow.height, square.height);
  EXPECT_NEAR(narrow.width, 2 * square.width, 2);
  EXPECT_NEAR(2 * wide.width, square.width, 2);
}

TEST(DrawFaces, NamesOfManyScriptsHaveTheirLetters) {
  const auto missing = [](const char* label) {
    bool missing_letters = false;
    draw_faces({named(label)}, 320, 240, {}, 1, &missing_letters);
    return missing_letters;
  };
  for (const char* label : {"José", "محمد", "王小明", "Ναι", "Łukasz", "Дмитрий"})
    EXPECT_FALSE(missing(label)) << label;
  EXPECT_TRUE(missing("Ann \U000F0000")) << "nobody's letter";
}

/// A label that can be read has strokes and paper: neither is nearly all of it.
TEST(DrawFaces, NamesAreInkOnPaperFromTheSmallestFrameToTheLargest) {
  for (const auto& [width, height] : {std::pair{176, 144}, {640, 480}, {1920, 1080}, {3840, 2160}}) {
    for (const char* label : {"José", "محمد", "王小明"}) {
      const Face face = named(label, {width / 3, height / 2, height / 5, height / 4});
      const Patch patch = draw_faces({face}, width, height, {}).back();
      EXPECT_GE(patch.height, 13) << label;
      EXPECT_LE(patch.height, height / 7) << label;
      std::size_t ink = 0;
      const std::uint8_t* paper = patch.pixels.data() + 4 * (patch.width / 2 + patch.width);
      for (std::size_t i = 0; i < patch.pixels.size(); i += 4) {
        int difference = 0;
        for (std::size_t c = 0; c < 3; ++c) difference += std::abs(patch.pixels[i + c] - paper[c]);
        ink += difference > 150 ? 1 : 0;
      }
      EXPECT_GT(ink, patch.pixels.size() / 4 / 25) << label;
      EXPECT_LT(ink, patch.pixels.size() / 4 / 2) << label;
    }
  }
}

class OverlayFormats : public ::testing::TestWithParam<embed::PixelFormat> {};

TEST_P(OverlayFormats, DrawsOnFramesWithFacesAloneAndOnlyAroundThem) {
  const auto picture = fixtures::make_image(GetParam(), 161, 121, 5);
  gsttest::Harness harness("tripletoverlay");
  harness.caps(gsttest::caps_text(picture));
  GstBuffer* clean = gsttest::make_buffer(picture);
  GstMemory* memory = gst_buffer_peek_memory(clean, 0);
  const auto bare = own(harness.push(clean));
  EXPECT_EQ(gst_buffer_peek_memory(bare.get(), 0), memory);
  GstBuffer* in = gsttest::make_buffer(picture);
  gsttest::add_roi(in, "face", 60, 60, 40, 40, 3);
  const auto drawn = own(harness.push(in));
  GstMapInfo a, b;
  gst_buffer_map(bare.get(), &a, GST_MAP_READ);
  gst_buffer_map(drawn.get(), &b, GST_MAP_READ);
  const auto at = [&](int x, int y) {
    return static_cast<std::size_t>(y * picture.strides[0]) +
           static_cast<std::size_t>(x) * picture.strides[0] / 170;
  };
  const auto stride = static_cast<std::size_t>(picture.strides[0]);
  EXPECT_EQ(std::memcmp(a.data, b.data, stride * 40), 0) << "above the box nothing changes";
  EXPECT_NE(std::memcmp(a.data + stride * 55, b.data + stride * 55, stride * 15), 0) << "its edge is drawn";
  EXPECT_EQ(a.data[at(80, 80)], b.data[at(80, 80)]) << "the face stays as it is";
  gst_buffer_unmap(bare.get(), &a);
  gst_buffer_unmap(drawn.get(), &b);
}

INSTANTIATE_TEST_SUITE_P(All, OverlayFormats, ::testing::ValuesIn(fixtures::all_formats()),
                         [](const auto& which) { return std::string(fixtures::format_name(which.param)); });

TEST(TripletOverlay, LeavesTheOtherBranchOfATeeAsItIs) {
  const auto picture = fixtures::make_image(embed::PixelFormat::Bgrx, 160, 120);
  gsttest::Harness harness("tripletoverlay");
  harness.caps(gsttest::caps_text(picture));
  const auto held = own(gsttest::make_buffer(picture));
  gsttest::add_roi(held.get(), "face", 60, 60, 40, 40, 3);
  const auto drawn = own(harness.push(gst_buffer_ref(held.get())));
  GstMapInfo map;
  gst_buffer_map(held.get(), &map, GST_MAP_READ);
  EXPECT_EQ(std::memcmp(map.data, picture.planes[0].data(), picture.planes[0].size()), 0);
  EXPECT_NE(gst_buffer_memcmp(drawn.get(), 0, map.data, map.size), 0);
  gst_buffer_unmap(held.get(), &map);
}

TEST(TripletOverlay, TellsOnceOfLettersThatNoFontHas) {
  const auto picture = fixtures::make_image(embed::PixelFormat::Bgrx, 160, 120);
  gsttest::Harness harness("tripletoverlay name=e");
  gsttest::Bus bus(harness.element());
  harness.caps(gsttest::caps_text(picture));
  for (int i = 0; i < 3; ++i) {
    GstBuffer* in = gsttest::make_buffer(picture, i);
    gsttest::add_roi(in, "face", 60, 60, 40, 40, 3);
    const auto name = named(i == 0 ? "José" : "\U000F0000");
    write_identities(in, read_rois(in, "face", 160, 120), {*name.identity}, "weights", 160, 120);
    own(harness.push(in));
    EXPECT_EQ(bus.pop(GST_MESSAGE_WARNING) != nullptr, i == 1) << i;
  }
}

}  // namespace
