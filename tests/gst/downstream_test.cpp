// SPDX-License-Identifier: LGPL-2.1-or-later
// What tripletembed makes of what downstream says: flow returns, latency and QoS.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "streams_support.h"

namespace {

using namespace std::chrono_literals;
using namespace gsttest;

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
