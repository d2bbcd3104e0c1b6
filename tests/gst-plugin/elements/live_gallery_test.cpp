// SPDX-License-Identifier: LGPL-2.1-or-later
// A gallery that changes while the stream runs: its file, the property, and the action signals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "streams_support.h"

namespace {

using namespace gsttest;
using embed::Gallery;
using embed::Role;
using testing::HasSubstr;
using Names = std::vector<std::string>;

class LiveElement : public Streams {
 protected:
  void SetUp() override {
    std::filesystem::remove_all(path_);
    write({"Ann"});
  }
  void write(const Names& names) const {
    std::vector<fixtures::NamedEmbedding> rows;
    for (const std::string& name : names) rows.emplace_back(name, fixtures::random_embedding(name.size()));
    fixtures::write_gallery(path_, quick_weights_file(), rows);
  }
  std::string live(const std::string& more = "") const {
    return quick("threshold=100 gallery=" + path_ + " " + more);
  }
  Names in_file() const { return Gallery::load(path_).names(); }

  /// What the element says of the next frame, which shows a face of that track, or of none where it is 0.
  embed::gst::Identity next(Harness& harness, int track = 0) {
    GstBuffer* buffer = frame(++index_);
    if (track != 0) {
      gst_video_region_of_interest_meta_add_param(
          gst_buffer_get_video_region_of_interest_meta(buffer),
          gst_structure_new("object_id", "id", G_TYPE_INT, track, nullptr));
    }
    const auto out = own(harness.push(buffer));
    EXPECT_TRUE(out && index_of(out.get()) == index_) << "no frame is lost, and all are in order";
    return faces_of(out.get(), kWidth, kHeight).at(0).identity.value();
  }
  /// Frames until a name comes; how long that took, in milliseconds.
  int frames_until(Harness& harness, const std::string& label) {
    const gint64 start = g_get_monotonic_time();
    while (next(harness).label != label && g_get_monotonic_time() - start < 5 * G_TIME_SPAN_SECOND)
      g_usleep(5000);
    return static_cast<int>((g_get_monotonic_time() - start) / 1000);
  }
  static std::string warning(Bus& bus, GstMessageType type = GST_MESSAGE_WARNING, int seconds = 0) {
    const MessagePtr message = bus.pop(type, static_cast<GstClockTime>(seconds) * GST_SECOND);
    if (!message) return {};
    GError* error = nullptr;
    type == GST_MESSAGE_INFO ? gst_message_parse_info(message.get(), &error, nullptr)
                             : gst_message_parse_warning(message.get(), &error, nullptr);
    const std::string text = error->message;
    g_error_free(error);
    return text;
  }
  template <typename... Values>
  static bool emit(Harness& harness, const char* action, Values... values) {
    gboolean done = FALSE;
    g_signal_emit_by_name(harness.element(), action, values..., &done);
    return done != FALSE;
  }

  const std::string path_ = fixtures::temp_dir() + "/live-people.safetensors";
  int index_ = 0;
};

TEST_F(LiveElement, ANewFileIsInUseWithinASecondWithoutALostFrame) {
  Harness harness(live());
  Bus bus(harness.element());
  harness.caps(caps());
  EXPECT_EQ(next(harness).label, "Ann");
  write({"Ben"});
  EXPECT_LT(frames_until(harness, "Ben"), 1000);
  EXPECT_FALSE(bus.pop(GST_MESSAGE_WARNING));
}

TEST_F(LiveElement, BadFilesAreWarnedOfOnceEachAndTheOldOneStaysInUse) {
  Harness harness(live());
  Bus bus(harness.element());
  harness.caps(caps());
  fixtures::write_bytes(path_, std::string("garbage"));
  EXPECT_THAT(warning(bus, GST_MESSAGE_WARNING, 2), HasSubstr(path_));
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  EXPECT_THAT(warning(bus, GST_MESSAGE_WARNING, 2), HasSubstr("not a regular file"));
  const std::string foreign = fixtures::write_gallery(path_ + "-foreign", other_weights_file(),
                                                      {{"Ann", fixtures::random_embedding(1)}});
  std::filesystem::remove(path_);
  std::filesystem::rename(foreign, path_);
  EXPECT_THAT(warning(bus, GST_MESSAGE_WARNING, 2), HasSubstr("made with other weights"));
  EXPECT_EQ(next(harness).label, "Ann");
  EXPECT_EQ(warning(bus, GST_MESSAGE_WARNING, 1), "");
  write({"Ben"});
  EXPECT_LT(frames_until(harness, "Ben"), 1000);
}

TEST_F(LiveElement, AnotherGalleryIsTakenWhilePlaying) {
  Harness harness(live());
  Bus bus(harness.element());
  harness.caps(caps());
  EXPECT_EQ(next(harness).label, "Ann");
  const std::string other = fixtures::write_gallery(path_ + "-other", quick_weights_file(),
                                                    {{"Cem", fixtures::random_embedding(3)}});
  g_object_set(harness.element(), "gallery", other.c_str(), nullptr);
  EXPECT_LT(frames_until(harness, "Cem"), 1000);
  EXPECT_FALSE(bus.pop(GST_MESSAGE_WARNING));
  g_object_set(harness.element(), "gallery", "/no/such/file", nullptr);
  EXPECT_THAT(warning(bus, GST_MESSAGE_WARNING, 2), HasSubstr("/no/such/file: cannot open"));
  EXPECT_EQ(next(harness).label, "Cem");
  g_object_set(harness.element(), "gallery", nullptr, nullptr);
  EXPECT_LT(frames_until(harness, "???"), 1000);
  EXPECT_EQ(next(harness).reason, embed::gst::Reason::NoGallery);
}

TEST_F(LiveElement, WhoIsEnrolledIsNamedAndInTheFile) {
  Harness harness(live());
  harness.caps(caps());
  embed::Embedding seen{};
  for (int i = 0; i < 3; ++i) seen = next(harness, 7).embedding.value();
  EXPECT_EQ(next(harness, 7).label, "Ann");
  EXPECT_TRUE(emit(harness, "enroll", "Zoë", 7));
  EXPECT_EQ(next(harness, 7).label, "Zoë") << "at once";
  const Gallery gallery = Gallery::load(path_);
  ASSERT_EQ(gallery.names(), (Names{"Ann", "Zoë"}));
  embed::Embedding row{};
  std::copy_n(gallery.row(1), row.size(), row.begin());
  EXPECT_LT(embed::distance(embed::Metric::Cosine, row, seen), 1e-4F);
  EXPECT_EQ(gallery.enrolment(1).source, "track 7");
  EXPECT_GT(gallery.enrolment(1).time, 1'700'000'000);
}

TEST_F(LiveElement, WhoIsRejectedStaysUnnamed) {
  Harness harness(live());
  harness.caps(caps());
  for (int i = 0; i < 3; ++i) next(harness, 7);
  EXPECT_EQ(next(harness, 7).label, "Ann");
  EXPECT_TRUE(emit(harness, "reject", " Ann", 7));
  const auto identity = next(harness, 7);
  EXPECT_EQ(identity.label, "???");
  EXPECT_EQ(identity.reason, embed::gst::Reason::Rejected);
  EXPECT_EQ(identity.nearest, "Ann");
  EXPECT_EQ(next(harness).reason, embed::gst::Reason::Rejected) << "a face without a track too";
  EXPECT_GE(Gallery::load(path_).rows(Role::CounterExample), 1U);
  EXPECT_GE(stat(harness.element(), "rejected"), 2U);
}

TEST_F(LiveElement, PeopleAreRenamedMergedAndForgotten) {
  write({"Ann", "Ben", "Cem"});
  Harness harness(live());
  EXPECT_TRUE(emit(harness, "rename", "Ann", "Eve"));
  EXPECT_EQ(in_file(), (Names{"Eve", "Ben", "Cem"}));
  EXPECT_TRUE(emit(harness, "merge", "Eve", "Cem"));
  EXPECT_EQ(in_file(), (Names{"Ben", "Cem"}));
  EXPECT_TRUE(emit(harness, "forget", "Cem "));
  EXPECT_EQ(in_file(), Names{"Ben"});
  EXPECT_TRUE(emit(harness, "save"));
  EXPECT_TRUE(emit(harness, "reload"));
}

TEST_F(LiveElement, WhatCannotBeDoneIsSaid) {
  Harness harness(live());
  Bus bus(harness.element());
  harness.caps(caps());
  next(harness, 7);
  const auto refused = [&](bool done, const char* why) {
    EXPECT_FALSE(done);
    EXPECT_THAT(warning(bus), HasSubstr(why));
  };
  refused(emit(harness, "enroll", "Zoë", 8), "track 8: none of its faces was embedded");
  refused(emit(harness, "enroll", "Zoë", 0), "track 0: 1 or more expected");
  refused(emit(harness, "enroll", "Zoë", G_MININT), "1 or more expected");
  for (const char* name : {"", "  ", "???", "a\nb", "\xff", static_cast<const char*>(nullptr)})
    refused(emit(harness, "enroll", name, 7), "identity name");
  refused(emit(harness, "reject", "Zoë", 7), "nobody in the gallery is called 'Zoë'");
  refused(emit(harness, "forget", "Zoë"), "'Zoë'");
  refused(emit(harness, "rename", "Zoë", "Eve"), "'Zoë'");
  refused(emit(harness, "rename", static_cast<const char*>(nullptr), "Eve"), "identity name");
  refused(emit(harness, "merge", "Ann", "Ann"), "same name");
  fixtures::write_bytes(path_, std::string("garbage"));
  refused(emit(harness, "reload"), path_.c_str());
  refused(emit(harness, "enroll", "Zoë", 7), "in use alone");
  std::filesystem::remove(path_);
  EXPECT_TRUE(emit(harness, "save"));
  EXPECT_EQ(in_file(), (Names{"Ann", "Zoë"}));
}

TEST_F(LiveElement, WithoutAGalleryPeopleAreEnrolledInMemory) {
  Harness harness(quick("threshold=100"));
  Bus bus(harness.element());
  harness.caps(caps());
  next(harness, 7);
  EXPECT_TRUE(emit(harness, "enroll", "Zoë", 7));
  EXPECT_EQ(next(harness).label, "Zoë");
  EXPECT_FALSE(emit(harness, "save"));
  EXPECT_THAT(warning(bus), HasSubstr("gallery: a file is to be set first"));
  std::filesystem::remove(path_);
  g_object_set(harness.element(), "gallery", path_.c_str(), nullptr);
  EXPECT_TRUE(emit(harness, "save"));
  EXPECT_EQ(in_file(), Names{"Zoë"});
}

TEST_F(LiveElement, AnotherSpellingOfANameIsSaidOnce) {
  Harness harness(live());
  Bus bus(harness.element());
  harness.caps(caps());
  next(harness, 7);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(emit(harness, "enroll", " Zoe\u0308 ", 7));
  EXPECT_THAT(warning(bus, GST_MESSAGE_INFO), HasSubstr("'Zoë', which is kept"));
  EXPECT_FALSE(bus.pop(GST_MESSAGE_INFO));
  EXPECT_EQ(in_file(), (Names{"Ann", "Zoë"}));
}

TEST_F(LiveElement, OfTwoFacesWithOneTrackTheFirstIsEnrolled) {
  Harness harness(live());
  harness.caps(caps());
  GstBuffer* buffer = make_buffer(picture_, 1);
  for (const guint x : {10U, 90U}) {
    gst_video_region_of_interest_meta_add_param(add_roi(buffer, "face", x, 10, 40, 40),
                                                gst_structure_new("object_id", "id", G_TYPE_INT, 7, nullptr));
  }
  const auto out = own(harness.push(buffer));
  const auto faces = faces_of(out.get(), kWidth, kHeight);
  EXPECT_TRUE(emit(harness, "enroll", "Zoë", 7));
  const Gallery gallery = Gallery::load(path_);
  ASSERT_EQ(gallery.rows_of(1), 1U);
  embed::Embedding row{};
  std::copy_n(gallery.row(1), row.size(), row.begin());
  const auto first = std::min_element(faces.begin(), faces.end(),
                                      [](const auto& a, const auto& b) { return a.box.x < b.box.x; });
  EXPECT_LT(embed::distance(embed::Metric::Cosine, row, *first->identity->embedding), 1e-6F);
}

TEST_F(LiveElement, ATrackThatHasEndedIsNotEnrolled) {
  Harness harness(live());
  Bus bus(harness.element());
  harness.caps(caps());
  next(harness, 7);
  own(harness.push(make_buffer(picture_, index_ + 9 * 25)));
  EXPECT_TRUE(emit(harness, "enroll", "Zoë", 7)) << "nine seconds ago";
  own(harness.push(make_buffer(picture_, index_ + 11 * 25)));
  EXPECT_FALSE(emit(harness, "enroll", "Eve", 7));
  EXPECT_THAT(warning(bus), HasSubstr("track 7: none of its faces was embedded, or it has been gone"));
  EXPECT_EQ(in_file(), (Names{"Ann", "Zoë"}));
}

TEST_F(LiveElement, AFrameWithoutAFaceHasNobodyToEnrol) {
  Harness harness(live());
  Bus bus(harness.element());
  harness.caps(caps());
  own(harness.push(make_buffer(picture_, 1)));
  EXPECT_FALSE(emit(harness, "enroll", "Zoë", 1));
  EXPECT_THAT(warning(bus), HasSubstr("track 1: none of its faces was embedded"));
}

TEST_F(LiveElement, ActionsNeedAnOpenElement) {
  GstElement* element = gst_element_factory_make("tripletembed", nullptr);
  gboolean done = TRUE;
  g_signal_emit_by_name(element, "forget", "Ann", &done);
  EXPECT_FALSE(done);
  gst_object_unref(element);
}

TEST_F(LiveElement, WhoIsNoStrangerCannotBeNamed) {
  Harness harness(live());
  Bus bus(harness.element());
  EXPECT_FALSE(emit(harness, "name-stranger", "unknown-1", "Eve"));
  EXPECT_THAT(warning(bus), HasSubstr("far_table")) << "these weights have none";
  EXPECT_EQ(in_file(), Names{"Ann"});
}

}  // namespace
