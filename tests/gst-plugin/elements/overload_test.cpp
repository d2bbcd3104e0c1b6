// SPDX-License-Identifier: LGPL-2.1-or-later
// A live stream that brings four times as much as the machine can embed. What bounds its delay and its memory
// is how many frames are held; seconds depend on what else the machine does.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>

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

}  // namespace
