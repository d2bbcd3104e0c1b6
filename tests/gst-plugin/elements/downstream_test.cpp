// SPDX-License-Identifier: LGPL-2.1-or-later
// What tripletembed makes of what downstream says: flow returns, latency and QoS.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
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
    // It stays, as that of a queue does, until a flush.
    flow_ = GST_FLOW_OK;
    EXPECT_EQ(gst_harness_push(harness.get(), frame(0)), flow);
    flush(harness);
    EXPECT_EQ(gst_harness_push(harness.get(), frame(0)), GST_FLOW_OK);
  }
}

/// Frames that were pushed; the first of them gets an answer of its own.
class FirstAnswer {
 public:
  FirstAnswer(GstElement* element, GstFlowReturn first)
      : pad_(gst_element_get_static_pad(element, "src")), first_(first) {
    id_ = gst_pad_add_probe(pad_, GST_PAD_PROBE_TYPE_BUFFER, answer, this, nullptr);
  }
  ~FirstAnswer() {
    gst_pad_remove_probe(pad_, id_);
    gst_object_unref(pad_);
  }
  int frames() const { return frames_; }

 private:
  static GstPadProbeReturn answer(GstPad*, GstPadProbeInfo* info, gpointer user) {
    auto* self = static_cast<FirstAnswer*>(user);
    gst_buffer_unref(GST_PAD_PROBE_INFO_BUFFER(info));
    GST_PAD_PROBE_INFO_DATA(info) = nullptr;
    GST_PAD_PROBE_INFO_FLOW_RETURN(info) = self->frames_++ == 0 ? self->first_ : GST_FLOW_OK;
    return GST_PAD_PROBE_HANDLED;
  }
  GstPad* pad_;
  GstFlowReturn first_;
  gulong id_ = 0;
  std::atomic<int> frames_{0};
};

TEST_F(Downstream, TheFirstErrorStaysAndNothingIsPushedAfterIt) {
  for (const GstFlowReturn flow : {GST_FLOW_NOT_LINKED, GST_FLOW_EOS, GST_FLOW_ERROR, GST_FLOW_NOT_NEGOTIATED,
                                   GST_FLOW_FLUSHING, GST_FLOW_CUSTOM_ERROR}) {
    Gate gate;
    gsttest::Harness harness(quick(std::string(kHeld) + "max-size-buffers=8"));
    FirstAnswer answer(harness.element(), flow);
    harness.caps(caps());
    for (int i = 0; i < 6; ++i) EXPECT_EQ(gst_harness_push(harness.get(), frame(i)), GST_FLOW_OK);
    gate.open();
    ASSERT_TRUE(soon([&] { return answer.frames() > 0 && stat(harness.element(), "queue-depth") == 0; }));
    for (int i = 6; i < 12; ++i)
      EXPECT_EQ(gst_harness_push(harness.get(), frame(i)), flow) << gst_flow_get_name(flow);
    EXPECT_EQ(answer.frames(), 1) << gst_flow_get_name(flow);
    // Caps in that time are not lost.
    picture_ = fixtures::make_image(embed::PixelFormat::I420, kWidth + 16, kHeight);
    GstCaps* changed = gst_caps_from_string(caps().c_str());
    gst_harness_push_event(harness.get(), gst_event_new_caps(changed));
    gst_caps_unref(changed);
    flush(harness);
    EXPECT_EQ(gst_harness_push(harness.get(), frame(12)), GST_FLOW_OK);
    ASSERT_TRUE(soon([&] { return answer.frames() == 2; }));
    GstPad* source = gst_element_get_static_pad(harness.element(), "src");
    GstCaps* sent = gst_pad_get_current_caps(source);
    int width = 0;
    gst_structure_get_int(gst_caps_get_structure(sent, 0), "width", &width);
    EXPECT_EQ(width, picture_.width);
    gst_caps_unref(sent);
    gst_object_unref(source);
    picture_ = fixtures::make_image(embed::PixelFormat::I420, kWidth, kHeight);
  }
}

TEST_F(Downstream, ItsEndIsThatOfTheSegment) {
  gsttest::Harness harness(quick());
  FirstAnswer answer(harness.element(), GST_FLOW_EOS);
  harness.caps(caps());
  EXPECT_TRUE(soon([&] { return gst_harness_push(harness.get(), frame(0)) == GST_FLOW_EOS; }));
  EXPECT_EQ(gst_harness_push(harness.get(), frame(1)), GST_FLOW_EOS);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  EXPECT_TRUE(gst_harness_push_event(harness.get(), gst_event_new_segment(&segment)));
  EXPECT_EQ(gst_harness_push(harness.get(), frame(2)), GST_FLOW_OK);
  EXPECT_TRUE(soon([&] { return answer.frames() == 2; }));
}

TEST_F(Downstream, APadThatIsLinkedAnewIsTriedAgain) {
  for (const auto& [flow, after] :
       {std::pair{GST_FLOW_NOT_LINKED, GST_FLOW_OK}, {GST_FLOW_ERROR, GST_FLOW_ERROR}}) {
    gsttest::Harness harness(quick());
    FirstAnswer answer(harness.element(), flow);
    harness.caps(caps());
    EXPECT_TRUE(soon([&] { return gst_harness_push(harness.get(), frame(0)) != GST_FLOW_OK; }));
    gst_harness_push_upstream_event(harness.get(), gst_event_new_reconfigure());
    EXPECT_EQ(gst_harness_push(harness.get(), frame(1)), after);
  }
}

TEST_F(Downstream, AnErrorThatUpstreamCannotSeeAnyMoreIsPosted) {
  Gate gate;
  gsttest::Harness harness(quick(kHeld));
  Bus bus(harness.element());
  harness.caps(caps());
  answer(harness, GST_FLOW_ERROR);
  EXPECT_EQ(gst_harness_push(harness.get(), frame(0)), GST_FLOW_OK);
  gst_harness_push_event(harness.get(), gst_event_new_eos());
  gate.open();
  EXPECT_TRUE(bus.pop(GST_MESSAGE_ERROR, 10 * GST_SECOND)) << "the application would wait for ever";
}

TEST_F(Streams, LatencyGrowsByTheTimeout) {
  for (const auto& [timeout, expected] : {std::pair{"0", 0}, {"20", 20}, {"2.5", 2}}) {
    gsttest::Harness harness(quick(std::string("max-size-buffers=4 batch-timeout=") + timeout));
    harness.caps(caps());
    own(harness.push(frame(0)));
    const auto sum = static_cast<GstClockTime>(30 + expected);
    // What upstream can hold without end stays without end; what it cannot grows by four frames of 40 ms.
    EXPECT_THAT(latency_behind(harness, 30 * GST_MSECOND, GST_CLOCK_TIME_NONE),
                ::testing::Pair(sum, GST_CLOCK_TIME_NONE));
    EXPECT_THAT(latency_behind(harness, 30 * GST_MSECOND, 50 * GST_MSECOND),
                ::testing::Pair(sum, GstClockTime{(50 + 4 * 40) * GST_MSECOND}));
  }
}

TEST_F(Streams, LatencyIsOfTheTimeoutThatIsInUse) {
  gsttest::Harness harness(quick("max-size-buffers=4 batch-timeout=20"));
  harness.caps(caps());
  own(harness.push(frame(0)));
  const auto least = [&] { return latency_behind(harness, 0, GST_CLOCK_TIME_NONE).first; };
  EXPECT_EQ(least(), 20U);
  g_object_set(harness.element(), "batch-timeout", 80.0, nullptr);
  EXPECT_EQ(least(), 20U) << "it cannot change while PLAYING";
  ASSERT_EQ(gst_element_set_state(harness.element(), GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  g_object_set(harness.element(), "batch-timeout", 80.0, nullptr);
  ASSERT_NE(gst_element_set_state(harness.element(), GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  EXPECT_EQ(least(), 80U);
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
      all.emplace_back(to_string(gsttest::faces_of(out.get(), kWidth, kHeight).at(0).identity->reason));
    }
    return all;
  }
};

TEST_F(Qos, LateFramesPassWithoutBeingEmbedded) {
  gsttest::Harness harness(quick());
  Bus bus(harness.element());
  EXPECT_THAT(reasons(harness, 1, 2),
              ::testing::ElementsAre("skipped", "skipped", "skipped", "skipped", "no-gallery", "no-gallery"));
  EXPECT_EQ(stat(harness.element(), "drops"), 4U);
  EXPECT_EQ(stat(harness.element(), "embedded"), 2U);
  EXPECT_EQ(stat(harness.element(), "frames"), 6U);
  guint64 dropped = 0;
  int messages = 0;
  while (const MessagePtr message = bus.pop(GST_MESSAGE_QOS)) {
    gst_message_parse_qos_stats(message.get(), nullptr, nullptr, &dropped);
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
  EXPECT_EQ(gsttest::faces_of(out.get(), kWidth, kHeight).at(0).identity->reason,
            embed::gst::Reason::NoGallery);
}

TEST_F(Qos, MessagesCountTheFramesInFlightToo) {
  Gate gate;
  gsttest::Harness harness(quick(kHeld));
  Bus bus(harness.element());
  harness.caps(caps());
  gst_harness_push(harness.get(), frame(0));
  gst_harness_push_upstream_event(harness.get(),
                                  gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1.5, 40 * GST_SECOND, 0));
  for (int i = 1; i < 4; ++i) gst_harness_push(harness.get(), frame(i));
  std::vector<std::pair<guint64, guint64>> counts;
  while (const MessagePtr message = bus.pop(GST_MESSAGE_QOS)) {
    guint64 processed = 0, dropped = 0;
    gst_message_parse_qos_stats(message.get(), nullptr, &processed, &dropped);
    counts.emplace_back(processed, dropped);
  }
  using ::testing::Pair;
  EXPECT_THAT(counts, ::testing::ElementsAre(Pair(1U, 1U), Pair(1U, 2U), Pair(1U, 3U)));
  gate.open();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(index_of(own(gst_harness_pull(harness.get())).get()), i);
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
