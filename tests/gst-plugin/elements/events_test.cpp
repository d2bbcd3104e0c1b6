// SPDX-License-Identifier: LGPL-2.1-or-later
// Who comes and goes, as tripletembed's messages and tripletjson's lines tell it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "embed/embedder.h"
#include "glue/face_meta.h"
#include "glue/frame_time.h"
#include "streams_support.h"

namespace {

using namespace gsttest;
using Json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string text_in(const GstStructure* structure, const char* field) {
  const gchar* text = gst_structure_get_string(structure, field);
  return text != nullptr ? text : "";
}

class Events : public Streams {
 protected:
  /// Ann is who is seen where frames have their face.
  static const std::string& gallery() {
    static const std::string path = [] {
      const embed::Embedder embedder(quick_weights_file(), {"cpu", "fp32", 16});
      const auto picture = fixtures::make_image(embed::PixelFormat::I420, kWidth, kHeight);
      embed::FaceRegion region;
      region.box = {10, 10, 40, 40};
      return fixtures::write_gallery(fixtures::temp_dir() + "/events-ann.safetensors", quick_weights_file(),
                                     {{"Ann", embedder.embed(picture.view(), {region}).at(0)}});
    }();
    return path;
  }
  std::string naming(const std::string& more = "") const {
    return quick("threshold=0.05 gallery=" + gallery() + " " + more);
  }
  /// Frame `index` with Ann's face on that track, or without one when it is negative.
  GstBuffer* ann(int index, int track) const {
    GstBuffer* buffer = make_buffer(picture_, index);
    if (track >= 0) {
      GstVideoRegionOfInterestMeta* roi = add_roi(buffer, "face", 10, 10, 40, 40);
      if (track > 0) embed::gst::set_track(roi, track);
    }
    return buffer;
  }
  void push(Harness& harness, int from, int to, int track) const {
    for (int i = from; i < to; ++i) own(harness.push(ann(i, track)));
  }
  /// "appeared 4 Ann" of each message so far.
  static std::vector<std::string> told(Bus& bus) {
    std::vector<std::string> all;
    while (const auto message = bus.pop(GST_MESSAGE_ELEMENT)) {
      const GstStructure* s = gst_message_get_structure(message.get());
      if (gst_structure_has_name(s, "triplet-face") == FALSE) continue;
      int track = 0;
      gst_structure_get_int(s, "track", &track);
      all.push_back(text_in(s, "event") + " " + std::to_string(track) + " " + text_in(s, "label"));
    }
    return all;
  }
};

TEST_F(Events, AreMessagesWithTheFieldsOfTheFace) {
  Harness harness(naming("camera=door"));
  Bus bus(harness.element());
  harness.caps(caps());
  push(harness, 0, 6, 4);
  const auto appeared = bus.pop(GST_MESSAGE_ELEMENT), named = bus.pop(GST_MESSAGE_ELEMENT);
  ASSERT_TRUE(appeared && named);
  EXPECT_EQ(GST_MESSAGE_SRC(named.get()), GST_OBJECT(harness.element()));
  const GstStructure* s = gst_message_get_structure(named.get());
  EXPECT_STREQ(gst_structure_get_name(s), "triplet-face");
  EXPECT_EQ(text_in(gst_message_get_structure(appeared.get()), "event"), "appeared");
  EXPECT_EQ(text_in(s, "event"), "named");
  EXPECT_EQ(text_in(s, "camera"), "door");
  EXPECT_EQ(text_in(s, "label"), "Ann");
  int track = 0, label_id = -1;
  guint64 running = 0, first = 1, last = 0;
  double distance = 1, threshold = 0;
  EXPECT_TRUE(gst_structure_get_int(s, "track", &track));
  EXPECT_TRUE(gst_structure_get_int(s, "label_id", &label_id));
  EXPECT_TRUE(gst_structure_get_double(s, "distance", &distance));
  EXPECT_TRUE(gst_structure_get_double(s, "threshold", &threshold));
  EXPECT_TRUE(gst_structure_get_uint64(s, "running-time", &running));
  EXPECT_TRUE(gst_structure_get_uint64(s, "first-seen", &first));
  EXPECT_TRUE(gst_structure_get_uint64(s, "last-seen", &last));
  EXPECT_EQ(track, 4);
  EXPECT_EQ(label_id, 0);
  EXPECT_LT(distance, threshold);
  EXPECT_EQ(running, 200 * GST_MSECOND);
  EXPECT_EQ(first, 0U);
  EXPECT_EQ(last, 200 * GST_MSECOND);
  EXPECT_THAT(text_in(s, "utc"), ::testing::MatchesRegex("20..-..-..T..:..:...*Z"));
  EXPECT_FALSE(gst_structure_has_field(s, "reason")) << "a name needs none";
}

TEST_F(Events, AreToldOnceEachAndAtTheEndOfTheStream) {
  Harness harness(naming());
  Bus bus(harness.element());
  harness.caps(caps());
  push(harness, 0, 30, 4);
  EXPECT_THAT(told(bus), ElementsAre("appeared 4 Ann", "named 4 Ann"));
  push(harness, 30, 60, 5);
  EXPECT_THAT(told(bus), IsEmpty()) << "the same person on another track";
  push(harness, 60, 120, -1);
  EXPECT_THAT(told(bus), ElementsAre("lost 4 Ann"));
  push(harness, 120, 140, 6);
  EXPECT_THAT(told(bus), ElementsAre("appeared 6 Ann", "named 6 Ann"));
  EXPECT_TRUE(gst_harness_push_event(harness.get(), gst_event_new_eos()));
  EXPECT_TRUE(soon([&] { return gst_harness_events_in_queue(harness.get()) > 0; }));
  while (GstEvent* event = gst_harness_try_pull_event(harness.get())) gst_event_unref(event);
  const auto lost = bus.pop(GST_MESSAGE_ELEMENT, 10 * GST_SECOND);
  ASSERT_TRUE(lost);
  EXPECT_EQ(text_in(gst_message_get_structure(lost.get()), "event"), "lost");
}

TEST_F(Events, WhoIsThereWhenTheElementStopsIsLost) {
  Harness harness(naming("camera=door"));
  Bus bus(harness.element());
  harness.caps(caps());
  push(harness, 0, 10, 0);
  EXPECT_THAT(told(bus), ElementsAre("appeared 0 Ann", "named 0 Ann")) << "a name is enough without a track";
  ASSERT_EQ(gst_element_set_state(harness.element(), GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  EXPECT_THAT(told(bus), ElementsAre("lost 0 Ann"));
}

TEST_F(Events, AFaceWithoutANameSaysWhy) {
  Harness harness(quick("unknown-label=nobody"));
  Bus bus(harness.element());
  harness.caps(caps());
  push(harness, 0, 10, 3);
  const auto message = bus.pop(GST_MESSAGE_ELEMENT);
  ASSERT_TRUE(message);
  const GstStructure* s = gst_message_get_structure(message.get());
  EXPECT_EQ(text_in(s, "label"), "nobody");
  EXPECT_EQ(text_in(s, "reason"), "no-gallery");
  EXPECT_FALSE(gst_structure_has_field(s, "distance"));
}

TEST_F(Events, AreSilentWhereNobodyWantsThem) {
  Harness harness(naming("post-messages=false"));
  Bus bus(harness.element());
  harness.caps(caps());
  push(harness, 0, 30, 4);
  EXPECT_THAT(told(bus), IsEmpty());
  g_object_set(harness.element(), "post-messages", TRUE, nullptr);
  push(harness, 30, 60, 4);
  EXPECT_THAT(told(bus), ElementsAre("appeared 4 Ann", "named 4 Ann"));
}

TEST_F(Events, ATrackOnEveryFrameThatIsSkippedIsStillThere) {
  Harness harness(naming("inference-interval=1000"));
  Bus bus(harness.element());
  harness.caps(caps());
  // The second face is in the place of no face that was embedded.
  for (int i = 0; i < 100; ++i) {
    GstBuffer* buffer = ann(i, i == 0 ? -1 : 4);
    own(harness.push(buffer));
  }
  EXPECT_THAT(told(bus), ElementsAre("appeared 4 ???"));
}

std::vector<Json> lines_of(const std::string& path) {
  std::vector<Json> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(Json::parse(line));
  return lines;
}

TEST_F(Events, AreLinesOfTripletjson) {
  for (const std::string lines : {"frames", "events", "both"}) {
    const std::string path = fixtures::temp_dir() + "/" + lines + ".jsonl";
    {
      Harness harness(naming() + "! tripletjson camera=door lines=" + lines + " location=" + path);
      harness.caps(caps());
      push(harness, 0, 20, 4);
    }
    std::vector<std::string> events;
    int frames = 0;
    for (const Json& line : lines_of(path)) {
      if (!line.contains("event")) {
        ++frames;
        EXPECT_EQ(line["source"], "door");
        continue;
      }
      events.push_back(line["event"].get<std::string>() + " " + line["label"].get<std::string>());
      EXPECT_EQ(line["camera"], "door");
      EXPECT_EQ(line["track"], 4);
    }
    EXPECT_EQ(frames, lines == "events" ? 0 : 20);
    if (lines == "frames") {
      EXPECT_THAT(events, IsEmpty());
    } else {
      EXPECT_THAT(events, ElementsAre("appeared Ann", "named Ann", "lost Ann")) << "lost when it stopped";
    }
  }
}

TEST_F(Events, ARestartKeepsTheLinesUnlessToldOtherwise) {
  const std::string path = fixtures::temp_dir() + "/restart.jsonl";
  const auto run = [&](const std::string& more) {
    EXPECT_THAT(run_pipeline("videotestsrc num-buffers=3 ! tripletjson " + more + " location=" + path +
                             " ! fakesink"),
                IsEmpty());
    return lines_of(path).size();
  };
  EXPECT_EQ(run(""), 3U);
  EXPECT_EQ(run(""), 6U);
  EXPECT_EQ(run("mode=truncate"), 3U);
}

TEST(FrameTime, IsThatOfTheReferenceTimestampElseTheClocks) {
  GstElement* element = gst_element_factory_make("identity", nullptr);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.base = 5 * GST_SECOND;
  const auto buffer = own(gst_buffer_new());
  GST_BUFFER_PTS(buffer.get()) = 2 * GST_SECOND;
  const auto now = [] {
    return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
  };
  const auto before = now() - 1'000'000;
  const auto time = embed::gst::time_of(element, segment, buffer.get());
  EXPECT_EQ(time.running, 7 * GST_SECOND);
  EXPECT_GE(time.utc, before);
  EXPECT_LE(time.utc, now() + 1'000'000);
  const auto with = [&](const char* caps, guint64 ns) {
    GstCaps* reference = gst_caps_from_string(caps);
    // What has no time in it is not made by this function, but by others.
    gst_buffer_add_reference_timestamp_meta(buffer.get(), reference, 0, GST_CLOCK_TIME_NONE)->timestamp = ns;
    gst_caps_unref(reference);
    return embed::gst::time_of(element, segment, buffer.get()).utc;
  };
  EXPECT_GE(with("timestamp/x-drm", 5), before) << "a clock that says nothing of the date";
  EXPECT_GE(with("timestamp/x-ntp", 5 * GST_SECOND), before) << "a camera's clock that was never set";
  EXPECT_GE(with("timestamp/x-unix", GST_CLOCK_TIME_NONE), before);
  EXPECT_EQ(with("timestamp/x-ntp", (2208988800ULL + 1'000'000'000) * GST_SECOND + 7),
            1'000'000'000'000'000'007);
  const auto other = own(gst_buffer_new());
  GstCaps* unix_time = gst_caps_from_string("timestamp/x-unix");
  gst_buffer_add_reference_timestamp_meta(other.get(), unix_time, 1234567, GST_CLOCK_TIME_NONE);
  gst_caps_unref(unix_time);
  EXPECT_EQ(embed::gst::time_of(element, segment, other.get()).utc, 1234567);
  EXPECT_EQ(embed::gst::time_of(element, segment, other.get()).running, 0U) << "no time stamp and no clock";
  gst_object_unref(element);
}

}  // namespace
