// SPDX-License-Identifier: LGPL-2.1-or-later
// tripletembed with frames in flight: nothing is lost or overtaken, streams that share a model do not hold
// each other, and every way to stop ends all waiting.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <random>
#include <thread>

#include "embed/shared_embedder.h"
#include "gst_support.h"

namespace {

using namespace std::chrono_literals;
using gsttest::own;

constexpr int kWidth = 160;
constexpr int kHeight = 120;

std::string quick(const std::string& more = "") {
  return "tripletembed name=e precision=fp32 model=" + gsttest::quick_weights_file() + " " + more;
}

/// Holds the faces of elements that are `quick(kHeld)`: they wait for another stream, this one, which is
/// known to bring faces and does not.
constexpr char kHeld[] = "batch-timeout=10000 ";
class Gate {
 public:
  Gate() : shared_(embed::share_embedder(gsttest::quick_weights_file(), {"auto", "fp32", 16})) {
    client_ = std::make_unique<embed::BatchClient>(queue(), 0ns);
    auto request = std::make_shared<embed::BatchRequest>();
    std::fill_n(request->prepare(1, queue()->crop_bytes()), queue()->crop_bytes(), std::uint8_t{0});
    client_->submit(request);
    EXPECT_TRUE(client_->wait(*request));
  }
  void open() { client_.reset(); }
  std::shared_ptr<embed::BatchQueue> queue() { return {shared_, &shared_->queue()}; }

 private:
  std::shared_ptr<embed::SharedEmbedder> shared_;
  std::unique_ptr<embed::BatchClient> client_;
};

GstStructure* stats_of(GstElement* element) {
  GstStructure* stats = nullptr;
  g_object_get(element, "stats", &stats, nullptr);
  return stats;
}

guint64 stat(GstElement* element, const char* field) {
  GstStructure* stats = stats_of(element);
  guint64 value = 0;
  EXPECT_TRUE(gst_structure_get_uint64(stats, field, &value)) << field;
  gst_structure_free(stats);
  return value;
}

double mean_batch(GstElement* element) {
  GstStructure* stats = stats_of(element);
  double value = 0;
  EXPECT_TRUE(gst_structure_get_double(stats, "mean-batch-size", &value));
  gst_structure_free(stats);
  return value;
}

/// Waits up to ten seconds for something to become true.
template <typename Condition>
bool soon(Condition condition) {
  for (int i = 0; i < 2000 && !condition(); ++i) std::this_thread::sleep_for(5ms);
  return condition();
}

class Streams : public ::testing::Test {
 protected:
  GstBuffer* frame(int index, int faces = 1) const {
    GstBuffer* buffer = gsttest::make_buffer(picture_, index);
    for (int i = 0; i < faces; ++i) {
      gsttest::add_roi(buffer, "face", static_cast<guint>(10 + 20 * i), 10, 40, 40);
    }
    return buffer;
  }
  std::string caps() const { return gsttest::caps_text(picture_); }
  static int index_of(GstBuffer* buffer) {
    return static_cast<int>(GST_BUFFER_PTS(buffer) / (40 * GST_MSECOND));
  }
  /// What is there by now, as frame numbers.
  static std::vector<int> pulled(gsttest::Harness& harness) {
    std::vector<int> indices;
    while (GstBuffer* buffer = gst_harness_try_pull(harness.get()))
      indices.push_back(index_of(own(buffer).get()));
    return indices;
  }
  static std::vector<int> up_to(int count) {
    std::vector<int> all(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) all[static_cast<std::size_t>(i)] = i;
    return all;
  }
  static void flush(gsttest::Harness& harness) {
    EXPECT_TRUE(gst_harness_push_event(harness.get(), gst_event_new_flush_start()));
    EXPECT_TRUE(gst_harness_push_event(harness.get(), gst_event_new_flush_stop(TRUE)));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    EXPECT_TRUE(gst_harness_push_event(harness.get(), gst_event_new_segment(&segment)));
  }

  fixtures::Pixels picture_ = fixtures::make_image(embed::PixelFormat::I420, kWidth, kHeight);
};

/// All in order that leaves a pad: "0", "1" for frames, names for events and serialised queries.
class Log {
 public:
  explicit Log(GstElement* element) : pad_(gst_element_get_static_pad(element, "src")) {
    const auto types =
        static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM |
                                     GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM | GST_PAD_PROBE_TYPE_PUSH);
    id_ = gst_pad_add_probe(pad_, types, note, this, nullptr);
  }
  ~Log() {
    gst_pad_remove_probe(pad_, id_);
    gst_object_unref(pad_);
  }
  std::vector<std::string> lines() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return lines_;
  }

 private:
  static GstPadProbeReturn note(GstPad*, GstPadProbeInfo* info, gpointer self) {
    auto* log = static_cast<Log*>(self);
    std::string line;
    if ((info->type & GST_PAD_PROBE_TYPE_BUFFER) != 0) {
      line = std::to_string(GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info)) / (40 * GST_MSECOND));
    } else if ((info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) != 0) {
      line = GST_EVENT_TYPE_NAME(GST_PAD_PROBE_INFO_EVENT(info));
    } else if (GST_QUERY_IS_SERIALIZED(GST_PAD_PROBE_INFO_QUERY(info))) {
      line = GST_QUERY_TYPE_NAME(GST_PAD_PROBE_INFO_QUERY(info));
    } else {
      return GST_PAD_PROBE_OK;
    }
    const std::lock_guard<std::mutex> lock(log->mutex_);
    log->lines_.push_back(line);
    return GST_PAD_PROBE_OK;
  }
  GstPad* pad_;
  gulong id_ = 0;
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

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
  GstCaps* asked = gst_caps_from_string(caps().c_str());
  GstQuery* query = gst_query_new_allocation(asked, TRUE);
  GstPad* pad = gst_element_get_static_pad(harness.element(), "sink");
  ASSERT_TRUE(gst_pad_query(pad, query));
  EXPECT_THAT(log.lines(),
              ::testing::ElementsAre("stream-start", "caps", "segment", "0", "1", "2", "allocation"));
  EXPECT_TRUE(gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr));
  for (guint i = 0; i < gst_query_get_n_allocation_pools(query); ++i) {
    guint least = 0;
    gst_query_parse_nth_allocation_pool(query, i, nullptr, nullptr, &least, nullptr);
    EXPECT_GE(least, 5U);
  }
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
    int frames = 0, disorder = 0;
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
  EXPECT_GT(seen.frames, 25);
  EXPECT_EQ(seen.disorder, 0) << "a frame was lost or overtaken within a segment";
  gst_object_unref(bus);
  gst_object_unref(pad);
  gst_object_unref(element);
  gst_object_unref(pipeline);
}

// --- sharing

TEST_F(Streams, ElementsWithTheSameModelShareIt) {
  {
    gsttest::Harness a(quick()), b(quick());
    EXPECT_EQ(embed::shared_embedders(), 1U);
    gsttest::Harness c(quick("model-instance-id=alone"));
    EXPECT_EQ(embed::shared_embedders(), 2U);
    gsttest::Harness d(quick("model-instance-id=alone batch-size=3"));
    EXPECT_EQ(embed::shared_embedders(), 2U) << "the batch size is that of the first";
    d.caps(caps());
    EXPECT_TRUE(own(d.push(frame(0, 5))));
    EXPECT_EQ(stat(d.element(), "batches"), 1U);
  }
  EXPECT_EQ(embed::shared_embedders(), 0U) << "gone with the last element";
}

TEST_F(Streams, AnInstanceIdOfAnotherModelIsRefused) {
  gsttest::Harness first(quick("model-instance-id=left"));
  const auto outcome = gsttest::try_state(
      "tripletembed precision=fp32 model-instance-id=left model=" + gsttest::other_weights_file(),
      GST_STATE_READY);
  EXPECT_EQ(outcome.result, GST_STATE_CHANGE_FAILURE);
  EXPECT_EQ(outcome.domain, GST_STREAM_ERROR);
  EXPECT_THAT(outcome.message, ::testing::HasSubstr("model-instance-id 'left'"));
}

TEST_F(Streams, FacesOfSeveralStreamsGoThroughOnePass) {
  Gate gate;
  gsttest::Harness a(quick(kHeld)), b(quick(kHeld));
  for (auto* harness : {&a, &b}) harness->caps(caps());
  gst_harness_push(a.get(), frame(0, 2));
  gst_harness_push(b.get(), frame(0, 1));
  gate.open();
  EXPECT_EQ(index_of(own(gst_harness_pull(a.get())).get()), 0);
  EXPECT_EQ(index_of(own(gst_harness_pull(b.get())).get()), 0);
  for (auto* harness : {&a, &b}) {
    EXPECT_EQ(stat(harness->element(), "batches"), 1U);
    EXPECT_EQ(mean_batch(harness->element()), 3);
    EXPECT_GT(stat(harness->element(), "wait-time"), 0U);
    EXPECT_GT(stat(harness->element(), "infer-time"), 0U);
    EXPECT_EQ(stat(harness->element(), "drops"), 0U);
  }
}

TEST_F(Streams, AStalledStreamHoldsNoOther) {
  gsttest::Harness stalled(quick("max-size-buffers=3")), other(quick());
  for (auto* harness : {&stalled, &other}) harness->caps(caps());
  GstPad* pad = gst_element_get_static_pad(stalled.element(), "src");
  const gulong block = gst_pad_add_probe(
      pad, static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER),
      [](GstPad*, GstPadProbeInfo*, gpointer) { return GST_PAD_PROBE_OK; }, nullptr, nullptr);
  auto pusher = std::async(std::launch::async, [&] {
    for (int i = 0; i < 5; ++i) gst_harness_push(stalled.get(), frame(i));
  });
  ASSERT_TRUE(soon([&] { return stat(stalled.element(), "queue-depth") == 3; }));
  for (int i = 0; i < 50; ++i) {
    const auto out = own(other.push(frame(i)));
    ASSERT_EQ(index_of(out.get()), i);
    EXPECT_TRUE(gsttest::faces_of(out.get(), kWidth, kHeight).at(0).identity->embedding);
  }
  gst_pad_remove_probe(pad, block);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(index_of(own(gst_harness_pull(stalled.get())).get()), i);
  gst_object_unref(pad);
}

TEST_F(Streams, AStreamThatFailsOrEndsHoldsNoOther) {
  Gate gate;
  gsttest::Harness other(quick(kHeld));
  other.caps(caps());
  gst_harness_push(other.get(), frame(0));
  {
    gsttest::Harness failing(quick(kHeld)), ending(quick(kHeld));
    for (auto* harness : {&failing, &ending}) {
      harness->caps(caps());
      gst_harness_push(harness->get(), frame(0));
    }
    GstBuffer* tiny = gst_buffer_new_allocate(nullptr, 100, nullptr);
    gsttest::add_roi(tiny, "face", 10, 10, 40, 40);
    EXPECT_EQ(gst_harness_push(failing.get(), tiny), GST_FLOW_ERROR);
    gst_harness_push_event(ending.get(), gst_event_new_eos());
  }
  gate.open();
  EXPECT_EQ(index_of(own(gst_harness_pull(other.get())).get()), 0);
  for (int i = 1; i < 20; ++i) EXPECT_EQ(index_of(own(other.push(frame(i))).get()), i);
}

TEST_F(Streams, SixteenStreams) {
  constexpr int kStreams = 16, kFrames = 25;
  std::string launch;
  for (int i = 0; i < kStreams; ++i) {
    launch += "videotestsrc pattern=ball num-buffers=" + std::to_string(kFrames) +
              " ! video/x-raw,format=NV12,width=64,height=48 ! tripletembed name=e" + std::to_string(i) +
              " inference-region=full-frame precision=fp32 model=" + gsttest::quick_weights_file() +
              " ! fakesink sync=false ";
  }
  GstElement* pipeline = gst_parse_launch(launch.c_str(), nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus* bus = gst_element_get_bus(pipeline);
  GstMessage* message = gst_bus_timed_pop_filtered(
      bus, 60 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  ASSERT_NE(message, nullptr);
  EXPECT_EQ(GST_MESSAGE_TYPE(message), GST_MESSAGE_EOS);
  gst_message_unref(message);
  EXPECT_EQ(embed::shared_embedders(), 1U);
  double batches = 0;
  for (int i = 0; i < kStreams; ++i) {
    GstElement* element = gst_bin_get_by_name(GST_BIN(pipeline), ("e" + std::to_string(i)).c_str());
    EXPECT_EQ(stat(element, "frames"), static_cast<guint64>(kFrames)) << i;
    EXPECT_EQ(stat(element, "embedded"), static_cast<guint64>(kFrames)) << i;
    batches += mean_batch(element) / kStreams;
    gst_object_unref(element);
  }
  EXPECT_GT(batches, 2) << "passes hold the faces of many streams";
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  gst_object_unref(pipeline);
}

// --- what downstream says

class Downstream : public Streams {
 protected:
  /// Every frame from now on gets that answer from behind the element.
  void answer(gsttest::Harness& harness, GstFlowReturn flow) {
    flow_ = flow;
    GstPad* pad = gst_element_get_static_pad(harness.element(), "src");
    gst_pad_add_probe(
        pad, GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad*, GstPadProbeInfo* info, gpointer user) {
          gst_buffer_unref(GST_PAD_PROBE_INFO_BUFFER(info));
          GST_PAD_PROBE_INFO_DATA(info) = nullptr;
          GST_PAD_PROBE_INFO_FLOW_RETURN(info) = *static_cast<GstFlowReturn*>(user);
          return GST_PAD_PROBE_HANDLED;
        },
        &flow_, nullptr);
    gst_object_unref(pad);
  }
  GstFlowReturn flow_ = GST_FLOW_OK;
};

TEST_F(Downstream, ItsAnswerComesBackWithALaterFrame) {
  for (const GstFlowReturn flow :
       {GST_FLOW_NOT_LINKED, GST_FLOW_EOS, GST_FLOW_ERROR, GST_FLOW_CUSTOM_ERROR}) {
    gsttest::Harness harness(quick());
    harness.caps(caps());
    answer(harness, flow);
    GstFlowReturn got = GST_FLOW_OK;
    EXPECT_TRUE(soon([&] { return (got = gst_harness_push(harness.get(), frame(0))) != GST_FLOW_OK; }));
    EXPECT_EQ(got, flow) << gst_flow_get_name(flow);
    // Nobody wants the faces any more.
    const auto empty = [&] { return stat(harness.element(), "queue-depth") == 0; };
    ASSERT_TRUE(soon(empty));
    const guint64 embedded = stat(harness.element(), "embedded");
    for (int i = 0; i < 5; ++i) gst_harness_push(harness.get(), frame(i));
    ASSERT_TRUE(soon(empty));
    EXPECT_EQ(stat(harness.element(), "embedded"), embedded);
    // And if it changes its mind, so do we.
    flow_ = GST_FLOW_OK;
    EXPECT_TRUE(soon([&] { return gst_harness_push(harness.get(), frame(0)) == GST_FLOW_OK; }));
  }
}

TEST_F(Downstream, AnErrorThatUpstreamCannotSeeAnyMoreIsPosted) {
  Gate gate;
  gsttest::Harness harness(quick(kHeld));
  GstBus* bus = gst_bus_new();
  gst_element_set_bus(harness.element(), bus);
  harness.caps(caps());
  answer(harness, GST_FLOW_ERROR);
  EXPECT_EQ(gst_harness_push(harness.get(), frame(0)), GST_FLOW_OK);
  gst_harness_push_event(harness.get(), gst_event_new_eos());
  gate.open();
  GstMessage* message = gst_bus_timed_pop_filtered(bus, 10 * GST_SECOND, GST_MESSAGE_ERROR);
  EXPECT_NE(message, nullptr) << "the application would wait for ever";
  gst_clear_message(&message);
  gst_element_set_bus(harness.element(), nullptr);
  gst_object_unref(bus);
}

TEST_F(Streams, LatencyGrowsByTheTimeout) {
  for (const auto& [timeout, expected] : {std::pair{"0", 0}, {"20", 20}, {"2.5", 2}}) {
    gsttest::Harness harness(quick(std::string("max-size-buffers=4 batch-timeout=") + timeout));
    harness.caps(caps());
    own(harness.push(frame(0)));
    gst_harness_set_upstream_latency(harness.get(), 30 * GST_MSECOND);
    EXPECT_EQ(gst_harness_query_latency(harness.get()) / GST_MSECOND, static_cast<guint64>(30 + expected));
    GstPad* pad = gst_element_get_static_pad(harness.element(), "src");
    GstQuery* query = gst_query_new_latency();
    ASSERT_TRUE(gst_pad_query(pad, query));
    GstClockTime most = 0;
    gst_query_parse_latency(query, nullptr, nullptr, &most);
    if (GST_CLOCK_TIME_IS_VALID(most)) {
      EXPECT_GE(most, (30 + 4 * 40) * GST_MSECOND) << "four frames of 40 ms fit in";
    }
    gst_query_unref(query);
    gst_object_unref(pad);
  }
}

class Qos : public Streams {
 protected:
  /// Pushes frames 0 to 5 when a sink got frame `seen` so many frames too late; the reasons of their faces.
  std::vector<std::string> reasons(gsttest::Harness& harness, int seen, int late) {
    harness.caps(caps());
    gst_harness_push_upstream_event(
        harness.get(),
        gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1.5, late * 40 * GST_MSECOND, seen * 40 * GST_MSECOND));
    std::vector<std::string> all;
    for (int i = 0; i < 6; ++i) {
      const auto out = own(harness.push(frame(i)));
      EXPECT_EQ(index_of(out.get()), i) << "late ones are not lost";
      all.push_back(gsttest::faces_of(out.get(), kWidth, kHeight).at(0).identity->reason);
    }
    return all;
  }
};

TEST_F(Qos, LateFramesPassWithoutBeingEmbedded) {
  gsttest::Harness harness(quick());
  GstBus* bus = gst_bus_new();
  gst_element_set_bus(harness.element(), bus);
  EXPECT_THAT(reasons(harness, 1, 2),
              ::testing::ElementsAre("skipped", "skipped", "skipped", "skipped", "no-gallery", "no-gallery"));
  EXPECT_EQ(stat(harness.element(), "drops"), 4U);
  EXPECT_EQ(stat(harness.element(), "embedded"), 2U);
  EXPECT_EQ(stat(harness.element(), "frames"), 6U);
  guint64 dropped = 0;
  int messages = 0;
  while (GstMessage* message = gst_bus_pop_filtered(bus, GST_MESSAGE_QOS)) {
    gst_message_parse_qos_stats(message, nullptr, nullptr, &dropped);
    gst_message_unref(message);
    ++messages;
  }
  EXPECT_EQ(messages, 4);
  EXPECT_EQ(dropped, 4U);
  GstEvent* event = nullptr;
  bool forwarded = false;
  while ((event = gst_harness_try_pull_upstream_event(harness.get())) != nullptr) {
    forwarded |= GST_EVENT_TYPE(event) == GST_EVENT_QOS;
    gst_event_unref(event);
  }
  EXPECT_TRUE(forwarded) << "upstream may save work too";
  // After a flush what was said before counts no more.
  gst_harness_push_upstream_event(harness.get(),
                                  gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1.5, 40 * GST_SECOND, 0));
  flush(harness);
  const auto out = own(harness.push(frame(0)));
  EXPECT_EQ(gsttest::faces_of(out.get(), kWidth, kHeight).at(0).identity->reason, "no-gallery");
  gst_element_set_bus(harness.element(), nullptr);
  gst_object_unref(bus);
}

TEST_F(Qos, CanBeSwitchedOff) {
  gsttest::Harness harness(quick("qos=false"));
  EXPECT_THAT(reasons(harness, 1, 2), ::testing::Each("no-gallery"));
  EXPECT_EQ(stat(harness.element(), "drops"), 0U);
}

TEST_F(Qos, ASinkThatIsEarlyLeavesMoreTime) {
  gsttest::Harness harness(quick());
  EXPECT_THAT(reasons(harness, 2, -2), ::testing::ElementsAre("skipped", "no-gallery", "no-gallery",
                                                              "no-gallery", "no-gallery", "no-gallery"))
      << "frame 0 was due when frame 2 came two frames early";
}

}  // namespace
