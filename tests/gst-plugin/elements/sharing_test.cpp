// SPDX-License-Identifier: LGPL-2.1-or-later
// tripletembeds that share a model do not hold each other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "embed/shared_gallery.h"
#include "streams_support.h"

namespace {

using namespace std::chrono_literals;
using namespace gsttest;

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

TEST_F(Streams, ElementsWithTheSameGalleryShareIt) {
  const std::string gallery =
      fixtures::write_gallery(fixtures::temp_dir() + "/shared-gallery.safetensors",
                              gsttest::quick_weights_file(), {{"Ann", fixtures::random_embedding(1)}});
  {
    gsttest::Harness a(quick("gallery=" + gallery)), b(quick("gallery=" + gallery)), without(quick());
    EXPECT_EQ(embed::shared_galleries(), 1U);
    gsttest::Harness alone(quick("model-instance-id=alone gallery=" + gallery));
    EXPECT_EQ(embed::shared_galleries(), 1U) << "the same weights, so the same gallery";
  }
  EXPECT_EQ(embed::shared_galleries(), 0U) << "gone with the last element";
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

TEST_F(Streams, ToBePlayingWhilePlayingChangesNothing) {
  gsttest::Harness one(quick("batch-timeout=10000")), other(quick("batch-timeout=10000"));
  for (auto* harness : {&one, &other}) {
    harness->caps(caps());
    // What gst_element_sync_state_with_parent() does in a pipeline that is playing.
    ASSERT_EQ(gst_element_set_state(harness->element(), GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
  }
  for (auto* harness : {&one, &other}) gst_harness_push(harness->get(), frame(0));
  for (auto* harness : {&one, &other}) own(gst_harness_pull(harness->get()));
  const guint64 before = stat(one.element(), "batches");
  gst_harness_push(one.get(), frame(1));
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(stat(one.element(), "batches"), before) << "did not wait for the other's face";
  EXPECT_EQ(index_of(own(other.push(frame(1))).get()), 1);
  EXPECT_EQ(index_of(own(gst_harness_pull(one.get())).get()), 1);
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

/// What may befall a stream after which no face of it comes for now.
struct Pause {
  const char* name;
  void (*befall)(gsttest::Harness& harness);
};

class Paused : public Streams, public ::testing::WithParamInterface<Pause> {};

TEST_P(Paused, AStreamThatBringsNothingIsNotWaitedForUntilItsNextFace) {
  gsttest::Harness other(quick("batch-timeout=10000")), pausing(quick("batch-timeout=10000"));
  for (auto* harness : {&other, &pausing}) harness->caps(caps());
  own(pausing.push(frame(0)));  // From now on the queue knows it as one that brings faces.
  GetParam().befall(pausing);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(index_of(own(other.push(frame(0))).get()), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s) << "waited for the timeout";
}

INSTANTIATE_TEST_SUITE_P(
    By, Paused,
    ::testing::Values(
        Pause{"eos", [](auto& harness) { gst_harness_push_event(harness.get(), gst_event_new_eos()); }},
        Pause{"gap",
              [](auto& harness) { gst_harness_push_event(harness.get(), gst_event_new_gap(0, GST_SECOND)); }},
        Pause{"segmentDone",
              [](auto& harness) {
                gst_harness_push_event(harness.get(), gst_event_new_segment_done(GST_FORMAT_TIME, 0));
              }},
        Pause{"flush",
              [](auto& harness) { gst_harness_push_event(harness.get(), gst_event_new_flush_start()); }},
        Pause{"paused", [](auto& harness) { gst_element_set_state(harness.element(), GST_STATE_PAUSED); }},
        Pause{"error",
              [](auto& harness) {
                GstBuffer* tiny = gst_buffer_new_allocate(nullptr, 100, nullptr);
                gsttest::add_roi(tiny, "face", 10, 10, 40, 40);
                gst_harness_push(harness.get(), tiny);
              }}),
    [](const auto& which) { return std::string(which.param.name); });

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

}  // namespace
