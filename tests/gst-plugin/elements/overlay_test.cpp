// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
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

TEST(IdentityColour, IsToldFromEveryOtherAndFromGrey) {
  std::vector<Colour> palette{identity_colour(named("???", {}, -1))};
  for (int i = 0; i < 400; ++i) {
    const Colour c = identity_colour(named("Person " + std::to_string(i)));
    if (std::none_of(palette.begin(), palette.end(), [&](const Colour& p) { return same(p, c); }))
      palette.push_back(c);
  }
  EXPECT_GE(palette.size(), 13U);
  for (std::size_t i = 0; i < palette.size(); ++i) {
    for (std::size_t j = i + 1; j < palette.size(); ++j) {
      const double apart = std::abs(palette[i].red - palette[j].red) +
                           std::abs(palette[i].green - palette[j].green) +
                           std::abs(palette[i].blue - palette[j].blue);
      EXPECT_GT(apart, 0.28) << i << ", " << j;
    }
  }
}

PixelRect place_of(const Patch& p) {
  return {p.x, p.y, p.width, p.height};
}

bool cross(const PixelRect& a, const PixelRect& b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

/// The places of the labels, which come last, from the leftmost face to the rightmost.
std::vector<PixelRect> labels_of(const std::vector<Face>& faces, int width, int height) {
  const auto patches = draw_faces(faces, width, height, {});
  std::vector<PixelRect> labels;
  for (std::size_t i = patches.size() - faces.size(); i < patches.size(); ++i)
    labels.push_back(place_of(patches[i]));
  return labels;
}

TEST(DrawFaces, LabelsKeepClearOfEachOther) {
  std::vector<Face> row;
  for (const char* name : {"Anna-Maria", "José", "王小明", "محمد", "Christopher", "Ben"})
    row.push_back(named(name, {30 + 90 * static_cast<int>(row.size()), 200, 70, 90}));
  // Two who are at the same place, as at a cut, and one at the corner.
  row.push_back(named("Łukasz", {300, 40, 60, 70}));
  row.push_back(named("Дмитрий", {302, 42, 60, 70}));
  row.push_back(named("Corner", {-20, -30, 80, 90}));
  const auto labels = labels_of(row, 640, 480);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    for (std::size_t j = i + 1; j < labels.size(); ++j) EXPECT_FALSE(cross(labels[i], labels[j])) << i << j;
  }
}

TEST(DrawFaces, LabelsStayWhereTheyAreInWhateverOrderTheFacesCome) {
  std::vector<Face> faces{named("Anna-Maria", {30, 200, 70, 90}), named("Ben", {110, 190, 70, 90})};
  const auto labels = labels_of(faces, 640, 480);
  std::swap(faces[0], faces[1]);
  const auto swapped = labels_of(faces, 640, 480);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(labels[i].x + labels[i].y, swapped[i].x + swapped[i].y);
}

TEST(DrawFaces, ALabelLiesAboveItsFaceAndBelowWhereThereIsNoRoom) {
  const PixelRect middle{300, 200, 80, 100}, top{300, 0, 80, 100}, whole{-50, -50, 800, 700};
  EXPECT_LT(labels_of({named("Ann", middle)}, 640, 480)[0].y, 200);
  EXPECT_GE(labels_of({named("Ann", top)}, 640, 480)[0].y, 100);
  const PixelRect inside = labels_of({named("Ann", whole)}, 640, 480)[0];
  EXPECT_GE(inside.y, 0);
  EXPECT_LE(inside.y + inside.height, 480);
}

TEST(DrawFaces, OneLongNameLeavesHalfOfTheFrameToTheOthers) {
  const std::string name(200, 'M');
  EXPECT_LE(labels_of({named(name)}, 1920, 1080)[0].width, 960);
  EXPECT_LE(labels_of({named(name)}, 176, 144)[0].width, 176);
  EXPECT_GT(labels_of({named(name)}, 176, 144)[0].width, 120) << "a small frame has not much to leave";
}

TEST(DrawFaces, ANameKeepsTheDirectionOfItsLettersToItself) {
  // Without an isolate the distance would stand within the name: Ann 0.31 and the Arabic behind it.
  OverlaySettings bare;
  bare.show_distance = false;
  const Face face = named("محمد Ann", {200, 200, 80, 100});
  const Patch with = draw_faces({face}, 640, 480, {}).back(),
              alone = draw_faces({face}, 640, 480, bare).back();
  const int shift = with.width - alone.width;
  const auto column = [](const Patch& p, int x) {
    std::vector<std::uint8_t> pixels;
    for (int y = 0; y < p.height; ++y)
      pixels.push_back(p.pixels[4 * static_cast<std::size_t>(y * p.width + x)]);
    return pixels;
  };
  int at_left = 0, at_right = 0;
  for (int x = 8; x < alone.width - 8; ++x) {
    at_left += column(alone, x) == column(with, x);
    at_right += column(alone, x) == column(with, x + shift);
  }
  EXPECT_GT(std::max(at_left, at_right), (alone.width - 16) * 9 / 10) << "before or behind the distance";
}

TEST(DrawFaces, APortraitFrameHasRoomForNames) {
  const Face face = named("Ann", {300, 600, 200, 260});
  EXPECT_EQ(draw_faces({face}, 1080, 1920, {}).back().height,
            draw_faces({face}, 1920, 1080, {}).back().height);
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
