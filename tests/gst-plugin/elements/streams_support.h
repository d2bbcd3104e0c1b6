// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "embed/shared_embedder.h"
#include "gst_support.h"

/// What the tests of frames in flight share.
namespace gsttest {

inline constexpr int kWidth = 160;
inline constexpr int kHeight = 120;

inline std::string quick(const std::string& more = "") {
  return "tripletembed name=e precision=fp32 model=" + quick_weights_file() + " " + more;
}

/// Holds the faces of elements that are `quick(kHeld)`: they wait for another stream, this one, which is
/// known to bring faces and does not.
inline constexpr char kHeld[] = "batch-timeout=10000 ";
class Gate {
 public:
  Gate() : shared_(embed::share_embedder(quick_weights_file(), {"auto", "fp32", 16})) {
    client_ = std::make_unique<embed::BatchClient>(queue(), std::chrono::nanoseconds(0));
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

inline GstStructure* stats_of(GstElement* element) {
  GstStructure* stats = nullptr;
  g_object_get(element, "stats", &stats, nullptr);
  return stats;
}

inline guint64 stat(GstElement* element, const char* field) {
  GstStructure* stats = stats_of(element);
  guint64 value = 0;
  EXPECT_TRUE(gst_structure_get_uint64(stats, field, &value)) << field;
  gst_structure_free(stats);
  return value;
}

inline double mean_batch(GstElement* element) {
  GstStructure* stats = stats_of(element);
  double value = 0;
  EXPECT_TRUE(gst_structure_get_double(stats, "mean-batch-size", &value));
  gst_structure_free(stats);
  return value;
}

/// Waits up to ten seconds for something to become true.
template <typename Condition>
bool soon(Condition condition) {
  for (int i = 0; i < 2000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return condition();
}

/// The least latency in whole milliseconds, and the most in ns, where upstream answers with these.
inline std::pair<GstClockTime, GstClockTime> latency_behind(Harness& harness, GstClockTime least,
                                                            GstClockTime most) {
  GstPad* sink = gst_element_get_static_pad(harness.element(), "sink");
  GstPad* upstream = gst_pad_get_peer(sink);
  const std::pair<GstClockTime, GstClockTime> answer(least, most);
  const gulong probe = gst_pad_add_probe(
      upstream, GST_PAD_PROBE_TYPE_QUERY_UPSTREAM,
      [](GstPad*, GstPadProbeInfo* info, gpointer data) {
        GstQuery* query = GST_PAD_PROBE_INFO_QUERY(info);
        if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return GST_PAD_PROBE_OK;
        const auto& [from, to] = *static_cast<const std::pair<GstClockTime, GstClockTime>*>(data);
        gst_query_set_latency(query, TRUE, from, to);
        return GST_PAD_PROBE_HANDLED;
      },
      const_cast<std::pair<GstClockTime, GstClockTime>*>(&answer), nullptr);
  GstPad* source = gst_element_get_static_pad(harness.element(), "src");
  GstQuery* query = gst_query_new_latency();
  EXPECT_TRUE(gst_pad_query(source, query));
  gboolean live = FALSE;
  gst_query_parse_latency(query, &live, &least, &most);
  EXPECT_TRUE(live);
  gst_query_unref(query);
  gst_object_unref(source);
  gst_pad_remove_probe(upstream, probe);
  gst_object_unref(upstream);
  gst_object_unref(sink);
  return {least / GST_MSECOND, most};
}

class Streams : public ::testing::Test {
 protected:
  GstBuffer* frame(int index, int faces = 1) const {
    GstBuffer* buffer = make_buffer(picture_, index);
    for (int i = 0; i < faces; ++i) {
      add_roi(buffer, "face", static_cast<guint>(10 + 20 * i), 10, 40, 40);
    }
    return buffer;
  }
  std::string caps() const { return caps_text(picture_); }
  static int index_of(GstBuffer* buffer) {
    return static_cast<int>(GST_BUFFER_PTS(buffer) / (40 * GST_MSECOND));
  }
  /// What is there by now, as frame numbers.
  static std::vector<int> pulled(Harness& harness) {
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
  static void flush(Harness& harness) {
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

}  // namespace gsttest
