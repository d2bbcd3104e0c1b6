// SPDX-License-Identifier: LGPL-2.1-or-later
// tripletembed with frames in flight: nothing is lost or overtaken, and every way to stop ends all waiting.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <random>
#include <thread>

#include "streams_support.h"

namespace {

using namespace std::chrono_literals;
using namespace gsttest;

// --- order and completeness

TEST_F(Streams, FramesAndEventsStayInOrder) {
  gsttest::Harness harness(quick());
  Log log(harness.element());
  std::vector<std::string> expected{"stream-start", "caps", "segment"};
  harness.caps(caps());
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) {
    const auto what = random() % 10;
    if (what == 0) {
      gst_harness_push_event(harness.get(), gst_event_new_tag(gst_tag_list_new(
                                                GST_TAG_TITLE, std::to_string(i).c_str(), nullptr)));
      expected.emplace_back("tag");
    } else if (what == 1) {
      gst_harness_push_event(harness.get(), gst_event_new_gap(0, GST_SECOND));
      expected.emplace_back("gap");
    } else if (what == 2) {
      picture_ = fixtures::make_image(embed::PixelFormat::I420, kWidth + 2 * i, kHeight);
      GstCaps* changed = gst_caps_from_string(caps().c_str());
      gst_harness_push_event(harness.get(), gst_event_new_caps(changed));
      gst_caps_unref(changed);
      expected.emplace_back("caps");
    }
    ASSERT_EQ(gst_harness_push(harness.get(), frame(i, static_cast<int>(random() % 4))), GST_FLOW_OK);
    expected.push_back(std::to_string(i));
  }
  gst_harness_push_event(harness.get(), gst_event_new_eos());
  expected.emplace_back("eos");
  ASSERT_TRUE(soon([&] { return log.lines().size() >= expected.size(); }));
  EXPECT_EQ(log.lines(), expected);
}

TEST_F(Streams, EosComesBehindAllThatIsInFlight) {
  Gate gate;
  gsttest::Harness harness(quick(kHeld));
  Log log(harness.element());
  harness.caps(caps());
  for (int i = 0; i < 3; ++i) gst_harness_push(harness.get(), frame(i));
  gst_harness_push_event(harness.get(), gst_event_new_eos());
  std::this_thread::sleep_for(20ms);
  EXPECT_THAT(log.lines(), ::testing::ElementsAre("stream-start", "caps", "segment"));
  EXPECT_EQ(stat(harness.element(), "queue-depth"), 3U);
  gate.open();
  ASSERT_TRUE(soon([&] { return log.lines().size() == 7; }));
  EXPECT_THAT(log.lines(), ::testing::ElementsAre("stream-start", "caps", "segment", "0", "1", "2", "eos"));
}

TEST_F(Streams, CapsChangeWithFramesInFlight) {
  Gate gate;
  gsttest::Harness harness(quick(kHeld));
  harness.caps(caps());
  gst_harness_push(harness.get(), frame(0));
  picture_ = fixtures::make_image(embed::PixelFormat::Rgb, 2 * kWidth, 2 * kHeight);
  harness.caps(caps());
  gst_harness_push(harness.get(), frame(1));
  gate.open();
  for (const int width : {kWidth, 2 * kWidth}) {
    const auto out = own(gst_harness_pull(harness.get()));
    ASSERT_TRUE(out);
    const auto faces = gsttest::faces_of(out.get(), width, width * kHeight / kWidth);
    ASSERT_EQ(faces.size(), 1U);
    EXPECT_EQ(faces[0].box.x, 10) << "of its own frame's size, not rescaled";
    EXPECT_TRUE(faces[0].identity && faces[0].identity->embedding);
  }
}

TEST_F(Streams, AFrameWithoutFacesWaitsForNobodyAndOvertakesNobody) {
  Gate gate;
  gsttest::Harness harness(quick(kHeld));
  harness.caps(caps());
  gst_harness_push(harness.get(), frame(0, 0));
  EXPECT_EQ(index_of(own(gst_harness_pull(harness.get())).get()), 0);
  gst_harness_push(harness.get(), frame(1, 1));
  gst_harness_push(harness.get(), frame(2, 0));
  std::this_thread::sleep_for(20ms);
  EXPECT_TRUE(pulled(harness).empty());
  gate.open();
  EXPECT_EQ(index_of(own(gst_harness_pull(harness.get())).get()), 1);
  EXPECT_EQ(index_of(own(gst_harness_pull(harness.get())).get()), 2);
}

TEST_F(Streams, SerialisedQueriesComeBehindTheFramesAndAskForRoom) {
  gsttest::Harness harness(quick("max-size-buffers=5"));
  gst_harness_add_propose_allocation_meta(harness.get(), GST_VIDEO_META_API_TYPE, nullptr);
  Log log(harness.element());
  harness.caps(caps());
  for (int i = 0; i < 3; ++i) gst_harness_push(harness.get(), frame(i));
  // Downstream wants two buffers of a pool without bounds, and two of one that has four.
  GstPad* source = gst_element_get_static_pad(harness.element(), "src");
  gst_pad_add_probe(
      source, static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM | GST_PAD_PROBE_TYPE_PUSH),
      [](GstPad*, GstPadProbeInfo* info, gpointer) {
        GstQuery* query = GST_PAD_PROBE_INFO_QUERY(info);
        if (GST_QUERY_TYPE(query) == GST_QUERY_ALLOCATION) {
          for (const guint most : {0U, 4U}) gst_query_add_allocation_pool(query, nullptr, 1000, 2, most);
        }
        return GST_PAD_PROBE_OK;
      },
      nullptr, nullptr);
  gst_object_unref(source);
  GstCaps* asked = gst_caps_from_string(caps().c_str());
  GstQuery* query = gst_query_new_allocation(asked, TRUE);
  GstPad* pad = gst_element_get_static_pad(harness.element(), "sink");
  ASSERT_TRUE(gst_pad_query(pad, query));
  EXPECT_THAT(log.lines(),
              ::testing::ElementsAre("stream-start", "caps", "segment", "0", "1", "2", "allocation"));
  EXPECT_TRUE(gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr));
  std::vector<guint> least;
  for (guint i = 0; i < gst_query_get_n_allocation_pools(query); ++i) {
    least.push_back(0);
    gst_query_parse_nth_allocation_pool(query, i, nullptr, nullptr, &least.back(), nullptr);
  }
  EXPECT_THAT(least, ::testing::ElementsAre(2 + 5, 4));
  gst_object_unref(pad);
  gst_query_unref(query);
  gst_caps_unref(asked);
}

// --- flushes, states, seeks

TEST_F(Streams, AFlushDropsWhatIsInFlightAndNothingElse) {
  Gate gate;
  gsttest::Harness harness(quick(kHeld));
  harness.caps(caps());
  for (int i = 0; i < 3; ++i) gst_harness_push(harness.get(), frame(i));
  flush(harness);
  EXPECT_EQ(stat(harness.element(), "queue-depth"), 0U);
  for (int i = 10; i < 13; ++i) gst_harness_push(harness.get(), frame(i));
  gate.open();
  for (int i = 10; i < 13; ++i) EXPECT_EQ(index_of(own(gst_harness_pull(harness.get())).get()), i);
  EXPECT_EQ(stat(harness.element(), "frames"), 3U);
}

TEST_F(Streams, AFlushKeepsCapsAndTagsThatWaitedInLine) {
  Gate gate;
  gsttest::Harness harness(quick(kHeld));
  harness.caps(caps());
  gst_harness_push(harness.get(), frame(0));
  picture_ = fixtures::make_image(embed::PixelFormat::Rgb, 2 * kWidth, 2 * kHeight);
  GstCaps* changed = gst_caps_from_string(caps().c_str());
  GstTagList* tags = gst_tag_list_new(GST_TAG_TITLE, "waited", nullptr);
  for (GstEvent* event :
       {gst_event_new_stream_start("another"), gst_event_new_caps(changed), gst_event_new_tag(tags)})
    gst_harness_push_event(harness.get(), event);
  Log log(harness.element());
  flush(harness);
  gst_harness_push(harness.get(), frame(1));
  gate.open();
  ASSERT_EQ(index_of(own(gst_harness_pull(harness.get())).get()), 1);
  EXPECT_THAT(log.lines(), ::testing::IsSupersetOf({"stream-start", "caps", "segment", "tag", "1"}));
  EXPECT_EQ(log.lines().back(), "1");
  GstPad* source = gst_element_get_static_pad(harness.element(), "src");
  GstCaps* sent = gst_pad_get_current_caps(source);
  EXPECT_TRUE(gst_caps_is_subset(sent, changed)) << "frames leave under the caps that they came with";
  g_autofree gchar* id = gst_pad_get_stream_id(source);
  EXPECT_STREQ(id, "another");
  gst_caps_unref(sent);
  gst_caps_unref(changed);
  gst_object_unref(source);
}

TEST_F(Streams, FullIsBackPressureAndAFlushEndsIt) {
  Gate gate;
  gsttest::Harness harness(quick(std::string(kHeld) + "max-size-buffers=2"));
  harness.caps(caps());
  std::atomic<int> taken{0};
  auto pusher = std::async(std::launch::async, [&] {
    for (int i = 0;; ++i) {
      if (const auto flow = gst_harness_push(harness.get(), frame(i)); flow != GST_FLOW_OK) return flow;
      ++taken;
    }
  });
  ASSERT_TRUE(soon([&] { return taken == 2; }));
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(taken, 2) << "the third waits";
  EXPECT_EQ(stat(harness.element(), "queue-depth"), 2U);
  EXPECT_TRUE(gst_harness_push_event(harness.get(), gst_event_new_flush_start()));
  EXPECT_EQ(pusher.get(), GST_FLOW_FLUSHING);
}

class StateChange : public Streams, public ::testing::WithParamInterface<GstState> {};

TEST_P(StateChange, MidFlightEndsAtOnceAndFreesTheFrames) {
  Gate gate;
  std::atomic<int> freed{0};
  gsttest::Harness harness(quick(std::string(kHeld) + "max-size-buffers=2"));
  harness.caps(caps());
  auto pusher = std::async(std::launch::async, [&] {
    for (int i = 0;; ++i) {
      GstBuffer* buffer = frame(i);
      gst_mini_object_weak_ref(
          GST_MINI_OBJECT_CAST(buffer),
          [](gpointer count, GstMiniObject*) { ++*static_cast<std::atomic<int>*>(count); }, &freed);
      if (const auto flow = gst_harness_push(harness.get(), buffer); flow != GST_FLOW_OK) return flow;
    }
  });
  ASSERT_TRUE(soon([&] { return stat(harness.element(), "queue-depth") == 2; }));
  EXPECT_EQ(gst_element_set_state(harness.element(), GetParam()), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(pusher.get(), GST_FLOW_FLUSHING);
  EXPECT_EQ(freed, 3) << "the two inside and the one that waited";
  gate.open();
  ASSERT_EQ(gst_element_set_state(harness.element(), GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
  harness.caps(caps());
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness.get(), gst_event_new_segment(&segment));
  EXPECT_EQ(gst_harness_push(harness.get(), frame(7)), GST_FLOW_OK);
  EXPECT_EQ(index_of(own(gst_harness_pull(harness.get())).get()), 7);
}

INSTANTIATE_TEST_SUITE_P(To, StateChange, ::testing::Values(GST_STATE_READY, GST_STATE_NULL),
                         [](const auto& which) {
                           return std::string(gst_element_state_get_name(which.param));
                         });

// A change of state stops the source pad first. What comes then must not look like an error to upstream.
TEST_F(Streams, EventsIntoAStoppedSourcePadAreFlushing) {
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  GstCaps* caps_of_others = gst_caps_from_string("video/x-raw,format=RGB,width=32,height=32,framerate=25/1");
  for (GstEvent* event : {gst_event_new_caps(caps_of_others), gst_event_new_segment(&segment),
                          gst_event_new_tag(gst_tag_list_new_empty())}) {
    gsttest::Harness harness(quick());
    harness.caps(caps());
    GstPad* pad = gst_element_get_static_pad(harness.element(), "src");
    ASSERT_TRUE(gst_pad_set_active(pad, FALSE));
    const char* name = GST_EVENT_TYPE_NAME(event);
    gst_harness_push_event(harness.get(), event);  // Kept by the pad, and sent again before the frame.
    EXPECT_EQ(gst_harness_push(harness.get(), frame(0)), GST_FLOW_FLUSHING) << name;
    gst_object_unref(pad);
  }
  gst_caps_unref(caps_of_others);
}

// The steps of docs/threading.md.
TEST_F(Streams, CanBeReplacedWhileItsTaskWaitsInAPausedSink) {
  const std::string launch = "videotestsrc ! capsfilter name=c caps=video/x-raw,width=32,height=32 ! " +
                             quick("inference-region=full-frame") + " ! fakesink name=s";
  GstElement* pipeline = gst_parse_launch(launch.c_str(), nullptr);
  const auto pad_of = [&](const char* name, const char* pad) {
    GstElement* element = gst_bin_get_by_name(GST_BIN(pipeline), name);
    GstPad* found = gst_element_get_static_pad(element, pad);
    gst_object_unref(element);
    return found;
  };
  GstPad *before = pad_of("c", "src"), *behind = pad_of("s", "sink");
  gst_element_set_state(pipeline, GST_STATE_PAUSED);
  ASSERT_EQ(gst_element_get_state(pipeline, nullptr, nullptr, 10 * GST_SECOND), GST_STATE_CHANGE_SUCCESS);
  GstElement* element = gst_bin_get_by_name(GST_BIN(pipeline), "e");
  ASSERT_TRUE(soon([&] { return stat(element, "queue-depth") >= 2; }));
  gst_pad_send_event(behind, gst_event_new_flush_start());
  auto stopped =
      std::async(std::launch::async, [&] { return gst_element_set_state(element, GST_STATE_NULL); });
  ASSERT_EQ(stopped.wait_for(10s), std::future_status::ready);
  gst_bin_remove(GST_BIN(pipeline), element);
  gst_object_unref(element);
  GstElement* other = gst_element_factory_make("tripletembed", nullptr);
  g_object_set(other, "model", quick_weights_file().c_str(), nullptr);
  gst_bin_add(GST_BIN(pipeline), other);
  GstPad *sink = gst_element_get_static_pad(other, "sink"),
         *source = gst_element_get_static_pad(other, "src");
  EXPECT_EQ(gst_pad_link(before, sink), GST_PAD_LINK_OK);
  EXPECT_EQ(gst_pad_link(source, behind), GST_PAD_LINK_OK);
  EXPECT_TRUE(gst_element_sync_state_with_parent(other));
  gst_pad_send_event(behind, gst_event_new_flush_stop(TRUE));
  EXPECT_TRUE(gst_element_seek_simple(pipeline, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, 0));
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  EXPECT_EQ(gst_element_get_state(pipeline, nullptr, nullptr, 10 * GST_SECOND), GST_STATE_CHANGE_SUCCESS);
  EXPECT_TRUE(soon([&] { return stat(other, "frames") > 20; }));
  gst_element_set_state(pipeline, GST_STATE_NULL);
  for (GstPad* pad : {before, behind, sink, source}) gst_object_unref(pad);
  gst_object_unref(pipeline);
}

TEST_F(Streams, SeeksAtAnyTime) {
  GstElement* pipeline =
      gst_parse_launch(("videotestsrc num-buffers=100000 ! video/x-raw,width=32,height=32 ! " +
                        quick("inference-region=full-frame") + " ! fakesink sync=false")
                           .c_str(),
                       nullptr);
  GstElement* element = gst_bin_get_by_name(GST_BIN(pipeline), "e");
  GstPad* pad = gst_element_get_static_pad(element, "src");
  struct Seen {
    GstClockTime last = GST_CLOCK_TIME_NONE;
    std::atomic<int> frames{0};
    int disorder = 0;
  } seen;
  gst_pad_add_probe(
      pad, static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
      [](GstPad*, GstPadProbeInfo* info, gpointer user) {
        auto* all = static_cast<Seen*>(user);
        if ((info->type & GST_PAD_PROBE_TYPE_BUFFER) == 0) {
          if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_SEGMENT)
            all->last = GST_CLOCK_TIME_NONE;
          return GST_PAD_PROBE_OK;
        }
        const GstClockTime pts = GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info));
        const GstClockTime duration = GST_BUFFER_DURATION(GST_PAD_PROBE_INFO_BUFFER(info));
        // Rounded times differ by a nanosecond.
        if (GST_CLOCK_TIME_IS_VALID(all->last) && ABS(GST_CLOCK_DIFF(all->last + duration, pts)) > 2)
          ++all->disorder;
        all->last = pts;
        ++all->frames;
        return GST_PAD_PROBE_OK;
      },
      &seen, nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  ASSERT_EQ(gst_element_get_state(pipeline, nullptr, nullptr, 10 * GST_SECOND), GST_STATE_CHANGE_SUCCESS);
  std::mt19937 random(3);
  for (int i = 0; i < 25; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 15));
    EXPECT_TRUE(gst_element_seek_simple(pipeline, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
                                        static_cast<gint64>(random() % 1000) * 40 * GST_MSECOND));
    // Where the machine is slow, flushes alone would let nothing through.
    const int before = seen.frames;
    if (i % 3 == 2) {
      ASSERT_TRUE(soon([&] { return seen.frames > before + 2; })) << "no frames after seek " << i;
    }
  }
  // Sending EOS holds the pipeline's state lock while the source is blocked: not before all is playing again.
  ASSERT_EQ(gst_element_get_state(pipeline, nullptr, nullptr, 10 * GST_SECOND), GST_STATE_CHANGE_SUCCESS);
  gst_element_send_event(pipeline, gst_event_new_eos());
  GstBus* bus = gst_element_get_bus(pipeline);
  GstMessage* message = gst_bus_timed_pop_filtered(
      bus, 10 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  ASSERT_NE(message, nullptr);
  EXPECT_EQ(GST_MESSAGE_TYPE(message), GST_MESSAGE_EOS);
  gst_message_unref(message);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  EXPECT_EQ(seen.disorder, 0) << "a frame was lost or overtaken within a segment";
  gst_object_unref(bus);
  gst_object_unref(pad);
  gst_object_unref(element);
  gst_object_unref(pipeline);
}

}  // namespace
