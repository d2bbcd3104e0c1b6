// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames with more regions than anybody has faces.
#include <gtest/gtest.h>

#include <malloc.h>

#include <algorithm>

#include "glue/face_meta.h"
#include "streams_support.h"

namespace {

using namespace gsttest;

/// The text of the next warning, or "".
std::string warning(Bus& bus) {
  const auto message = bus.pop(GST_MESSAGE_WARNING);
  if (!message) return "";
  GError* error = nullptr;
  gst_message_parse_warning(message.get(), &error, nullptr);
  std::string text = error->message;
  g_error_free(error);
  return text;
}

class Crowds : public Streams {
 protected:
  /// Regions of many sizes, of which every seventh is larger than all the others.
  GstBuffer* crowd(int index, int regions) const {
    GstBuffer* buffer = frame(index, 0);
    for (int i = 0; i < regions; ++i) {
      const auto side = static_cast<guint>(i % 7 == 0 ? 40 : 10 + i % 20);
      add_roi(buffer, "face", static_cast<guint>(i % 100), static_cast<guint>(i % 70), side, side, i + 1);
    }
    return buffer;
  }
};

TEST_F(Crowds, TheLargestAreEmbeddedAndTheRestCounted) {
  gsttest::Harness harness(quick("max-faces=6"));
  Bus bus(harness.element());
  harness.caps(caps());
  for (int i = 0; i < 2; ++i) {
    GstBuffer* in = crowd(i, 40);
    add_roi(in, "face", 0, 0, 60000, 1, 100);  // Large, but for the frame's edge.
    const auto out = own(harness.push(in));
    const auto faces = faces_of(out.get(), kWidth, kHeight);
    ASSERT_EQ(faces.size(), 41U) << "no region is taken away";
    for (std::size_t f = 0; f < faces.size(); ++f)
      EXPECT_EQ(faces[f].identity.has_value(), f % 7 == 0 && f < 40) << f;
  }
  EXPECT_EQ(stat(harness.element(), "embedded"), 12U);
  EXPECT_EQ(stat(harness.element(), "too-many"), 70U);
  EXPECT_EQ(stat(harness.element(), "faces"), 82U);
  const std::string said = warning(bus);
  for (const char* words : {"41 regions", "6 largest", "max-faces", "'too-many'"})
    EXPECT_NE(said.find(words), std::string::npos) << said;
  EXPECT_EQ(warning(bus), "") << "once";
}

TEST_F(Crowds, ARegionThatWasLeftOutIsNotTakenForOneWithAName) {
  gsttest::Harness harness(quick("max-faces=1"));
  harness.caps(caps());
  GstBuffer* in = frame(0, 0);
  add_roi(in, "face", 10, 10, 20, 20, 7);
  add_roi(in, "face", 50, 10, 60, 60, 7);
  const auto out = own(harness.push(in));
  const auto faces = faces_of(out.get(), kWidth, kHeight);
  ASSERT_EQ(faces.size(), 2U);
  EXPECT_FALSE(faces[0].identity);
  EXPECT_TRUE(faces[1].identity);
}

TEST_F(Crowds, OfReadFacesThoseWithAnIdentityComeFirst) {
  const auto buffer = own(crowd(0, 50));
  auto list = embed::gst::read_rois(buffer.get(), "", kWidth, kHeight);
  list.rois = {list.rois[3]};
  list.metas = {list.metas[3]};
  embed::gst::write_identities(buffer.get(), list, {embed::gst::Identity{}}, "weights", kWidth, kHeight);
  const auto some = embed::gst::read_most_faces(buffer.get(), kWidth, kHeight, 5);
  EXPECT_FALSE(some.whole);
  ASSERT_EQ(some.faces.size(), 5U);
  EXPECT_EQ(some.faces[0].id, list.rois[0].id) << "it is among the small ones";
  for (std::size_t i = 1; i < 5; ++i) EXPECT_EQ(some.faces[i].box.width, 40);
  EXPECT_TRUE(embed::gst::read_most_faces(buffer.get(), kWidth, kHeight, 0).whole);
}

/// Bytes that are in use, of all threads' arenas.
std::size_t in_use() {
  return mallinfo2().uordblks + mallinfo2().hblkhd;
}

TEST_F(Crowds, OverlayOfThousandsOfFullFramesDrawsFew) {
  gsttest::Harness harness("tripletoverlay name=e");
  Bus bus(harness.element());
  harness.caps(caps());
  GstBuffer* in = frame(0, 0);
  for (int i = 0; i < 2000; ++i) add_roi(in, "face", 0, 0, kWidth, kHeight, i + 1);
  EXPECT_TRUE(own(harness.push(in)));
  EXPECT_NE(warning(bus).find("256 faces"), std::string::npos);
}

TEST_F(Crowds, MetadataDoesNotGrowWithTheRegionsThatAreLeftOut) {
  if (in_use() == 0) GTEST_SKIP() << "a sanitizer's allocator does not say what is in use";
  gsttest::Harness harness(quick("batch-size=64"));
  harness.caps(caps());
  own(harness.push(crowd(0, 256)));
  const auto grown = [&](int regions) {
    GstBuffer* in = crowd(1, regions);
    const std::size_t before = in_use();
    const auto out = own(harness.push(in));
    return in_use() > before ? in_use() - before : 0;
  };
  const std::size_t few = grown(256), many = grown(20000);
  EXPECT_GT(few, 100000U) << "256 embeddings, names and all";
  EXPECT_LT(many, 3 * few);
}

}  // namespace
