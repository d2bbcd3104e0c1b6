// SPDX-License-Identifier: LGPL-2.1-or-later
// Live streams that bring more than the machine can embed. What bounds their delay and their memory is how
// many frames are held; seconds depend on what else the machine does.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>

#include "streams_support.h"

namespace {

using namespace gsttest;

constexpr int kFaces = 8;

void add_faces(GstBuffer* buffer) {
  for (guint i = 0; i < kFaces; ++i) add_roi(buffer, "face", 2 * i, i, 24, 24, static_cast<int>(i + 1));
}

/// Frames on the two sides of the element.
struct Counts {
  std::atomic<int> offered{0}, alive{0}, most_alive{0};

  static GstPadProbeReturn offer(GstPad*, GstPadProbeInfo*, gpointer counts) {
    ++static_cast<Counts*>(counts)->offered;
    return GST_PAD_PROBE_OK;
  }
  static GstPadProbeReturn enter(GstPad*, GstPadProbeInfo* info, gpointer user) {
    auto* counts = static_cast<Counts*>(user);
    // A buffer of its own, so that none is in two places of the source's pool.
    GstBuffer* buffer = gst_buffer_copy_deep(GST_PAD_PROBE_INFO_BUFFER(info));
    gst_buffer_unref(GST_PAD_PROBE_INFO_BUFFER(info));
    GST_PAD_PROBE_INFO_DATA(info) = buffer;
    add_faces(buffer);
    const int alive = ++counts->alive;
    counts->most_alive = std::max(counts->most_alive.load(), alive);
    gst_mini_object_weak_ref(
        GST_MINI_OBJECT_CAST(buffer), [](gpointer of, GstMiniObject*) { --static_cast<Counts*>(of)->alive; },
        counts);
    return GST_PAD_PROBE_OK;
  }
};

void watch(GstElement* pipeline, const char* element, const char* pad, GstPadProbeCallback probe,
           Counts* counts) {
  GstElement* found = gst_bin_get_by_name(GST_BIN(pipeline), element);
  GstPad* watched = gst_element_get_static_pad(found, pad);
  gst_pad_add_probe(watched, GST_PAD_PROBE_TYPE_BUFFER, probe, counts, nullptr);
  gst_object_unref(watched);
  gst_object_unref(found);
}

TEST_F(Streams, AnOverloadedLiveStreamHoldsFewFramesAndGoesOn) {
  // How many frames a second can be done.
  gsttest::Harness harness(quick());
  harness.caps(caps());
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    GstBuffer* in = frame(i, 0);
    add_faces(in);
    own(harness.push(in));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const int rate = std::clamp(static_cast<int>(4 * 20 / took.count()), 10, 2000);

  constexpr int kHeldFrames = 4;  // Of eight faces, which are two batches.
  const std::string launch =
      "videotestsrc name=v is-live=true ! video/x-raw,format=I420,width=64,height=48,framerate=" +
      std::to_string(rate) + "/1 ! queue leaky=downstream max-size-buffers=1 ! " + quick() +
      " ! fakesink name=s sync=true qos=true enable-last-sample=false";
  GstElement* pipeline = gst_parse_launch(launch.c_str(), nullptr);
  Counts counts;
  watch(pipeline, "v", "src", Counts::offer, &counts);
  watch(pipeline, "e", "sink", Counts::enter, &counts);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstElement* element = gst_bin_get_by_name(GST_BIN(pipeline), "e");
  const int wanted = std::max(50, rate);  // A second's.
  EXPECT_TRUE(soon([&] { return counts.offered >= wanted && stat(element, "frames") > 10; }));
  const guint64 embedded = stat(element, "embedded");
  gst_element_set_state(pipeline, GST_STATE_NULL);
  EXPECT_GT(embedded, 0U) << "some are embedded";
  EXPECT_LT(embedded, static_cast<guint64>(kFaces * counts.offered)) << "not all can be";
  // One more is about to go in, and one is in the sink.
  EXPECT_LE(counts.most_alive, kHeldFrames + 2);
  EXPECT_EQ(counts.alive, 0);
  gst_object_unref(element);
  gst_object_unref(pipeline);
}

constexpr int kStreams = 4;

TEST_F(Streams, FourStreamsThatAreTooMuchHoldFewFramesEachAndCountWhatTheySkip) {
  constexpr int kFrames = 40, kLate = 20;
  constexpr guint64 kHeldFrames = 3;  // Of all streams fewer than a batch, which would not wait.
  Gate gate;                          // The fifth: for now nobody's faces are embedded.
  std::vector<std::unique_ptr<Harness>> cameras;
  std::vector<std::future<void>> pushers;
  for (int i = 0; i < kStreams; ++i) {
    cameras.push_back(std::make_unique<Harness>(quick(std::string(kHeld) + "max-size-buffers=3 ")));
    cameras.back()->caps(caps());
  }
  for (const auto& camera : cameras) {
    pushers.push_back(std::async(std::launch::async, [this, &camera] {
      for (int i = 0; i < kFrames; ++i) gst_harness_push(camera->get(), frame(i));
      gst_harness_push_event(camera->get(), gst_event_new_eos());  // The others wait for it no longer.
    }));
  }
  for (const auto& camera : cameras)
    EXPECT_TRUE(soon([&] { return stat(camera->element(), "queue-depth") == kHeldFrames; }));
  // The sinks got a frame so late that none up to the twentieth can be in time.
  for (const auto& camera : cameras) {
    EXPECT_EQ(stat(camera->element(), "queue-depth"), kHeldFrames) << "and no more";
    gst_harness_push_upstream_event(
        camera->get(), gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 2, kLate * 40 * GST_MSECOND, 0));
  }
  gate.open();
  for (auto& pusher : pushers) pusher.get();
  for (const auto& camera : cameras) {
    int skipped = 0;
    for (int i = 0; i < kFrames; ++i) {
      const auto out = own(gst_harness_pull(camera->get()));
      EXPECT_EQ(index_of(out.get()), i) << "late ones are not lost";
      const auto faces = faces_of(out.get(), kWidth, kHeight);
      skipped += faces.at(0).identity->reason == embed::gst::Reason::Skipped ? 1 : 0;
    }
    EXPECT_EQ(skipped, kLate + 1 - static_cast<int>(kHeldFrames));
    EXPECT_TRUE(soon([&] { return stat(camera->element(), "frames") == kFrames; }));
    EXPECT_EQ(stat(camera->element(), "drops"), static_cast<guint64>(skipped));
    EXPECT_EQ(stat(camera->element(), "skipped"), static_cast<guint64>(skipped));
    EXPECT_EQ(stat(camera->element(), "embedded"), static_cast<guint64>(kFrames - skipped));
  }
}

TEST_F(Streams, TheLatencyOfEachStreamIsOfItsShare) {
  std::vector<std::unique_ptr<Harness>> cameras;
  for (const auto& [streams, frames] : {std::pair{1, 16}, {2, 16}, {3, 11}, {4, 8}}) {
    cameras.push_back(std::make_unique<Harness>(quick()));
    cameras.back()->caps(caps());
    own(cameras.back()->push(frame(0)));
    ASSERT_EQ(cameras.size(), static_cast<std::size_t>(streams));
    for (const auto& camera : cameras) {
      const auto [least, most] = latency_behind(*camera, 30 * GST_MSECOND, 50 * GST_MSECOND);
      EXPECT_EQ(least, 30U);
      EXPECT_EQ(most, (50 + static_cast<GstClockTime>(frames) * 40) * GST_MSECOND) << streams << " streams";
    }
  }
}

}  // namespace
