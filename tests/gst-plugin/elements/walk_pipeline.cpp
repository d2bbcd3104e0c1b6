// SPDX-License-Identifier: LGPL-2.1-or-later
#include "walk_pipeline.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "glue/face_meta.h"

namespace gsttest {
namespace {

using namespace std::chrono_literals;

std::atomic<int> alive{0};

const std::string& gallery_file(unsigned number) {
  static const std::vector<std::string> files = [] {
    std::vector<std::string> made;
    for (int i = 0; i < 2; ++i) {
      made.push_back(fixtures::temp_dir() + "/walk" + std::to_string(i) + ".safetensors");
      fixtures::write_gallery(
          made.back(), quick_weights_file(),
          {{"Ann", fixtures::random_embedding(7)}, {i == 0 ? "Ben" : "Cy", fixtures::random_embedding(8)}});
    }
    return made;
  }();
  return files[number % 2];
}

std::string caps_of(unsigned number) {
  const char* formats[] = {"RGB", "I420", "NV12", "GRAY8", "BGRx"};
  return std::string("video/x-raw,format=") + formats[number % 5] +
         ",width=" + std::to_string(32 + 4 * (number % 3)) + ",height=32,framerate=100/1";
}

/// Until something holds, but not for ever.
template <typename Condition>
bool within_seconds(int seconds, Condition condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(200us);
  }
  return true;
}

}  // namespace

Arrivals::Arrivals(GstPad* pad) : pad_(static_cast<GstPad*>(gst_object_ref(pad))) {
  const auto types = static_cast<GstPadProbeType>(
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM | GST_PAD_PROBE_TYPE_EVENT_FLUSH);
  probe_ = gst_pad_add_probe(pad_, types, see, this, nullptr);
}

Arrivals::~Arrivals() {
  gst_pad_remove_probe(pad_, probe_);
  gst_object_unref(pad_);
}

std::vector<std::string> Arrivals::faults() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return faults_;
}

void Arrivals::fault(const std::string& what) {
  if (std::find(faults_.begin(), faults_.end(), what) == faults_.end()) faults_.push_back(what);
}

GstPadProbeReturn Arrivals::see(GstPad*, GstPadProbeInfo* info, gpointer user) {
  auto* self = static_cast<Arrivals*>(user);
  const std::lock_guard<std::mutex> lock(self->mutex_);
  if ((info->type & GST_PAD_PROBE_TYPE_BUFFER) != 0) {
    self->see_frame(GST_PAD_PROBE_INFO_BUFFER(info));
  } else {
    self->see_event(GST_PAD_PROBE_INFO_EVENT(info));
  }
  return GST_PAD_PROBE_OK;
}

void Arrivals::see_event(GstEvent* event) {
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_STREAM_START:
      started_ = true;
      ended_ = false;
      break;
    case GST_EVENT_CAPS: {
      GstCaps* caps = nullptr;
      gst_event_parse_caps(event, &caps);
      GstVideoInfo info;
      frame_size_ = gst_video_info_from_caps(&info, caps) != FALSE ? GST_VIDEO_INFO_SIZE(&info) : 0;
      if (!started_) fault("caps before the stream's start");
      break;
    }
    case GST_EVENT_FLUSH_STOP:
      segment_ = ended_ = false;
      break;
    case GST_EVENT_SEGMENT:
      segment_ = true;
      ended_ = false;
      last_ = GST_CLOCK_TIME_NONE;
      break;
    case GST_EVENT_EOS:
      ended_ = true;
      break;
    default:
      break;
  }
}

void Arrivals::see_frame(GstBuffer* buffer) {
  ++frames_;
  if (!started_) fault("a frame before the stream's start");
  if (frame_size_ == 0) fault("a frame before the caps");
  if (!segment_) fault("a frame before the segment");
  if (ended_) fault("a frame after the end");
  if (gst_buffer_get_size(buffer) != frame_size_) fault("a frame of other caps");
  const GstClockTime pts = GST_BUFFER_PTS(buffer);
  if (GST_CLOCK_TIME_IS_VALID(last_) && GST_CLOCK_TIME_IS_VALID(pts) && pts < last_)
    fault("a frame overtook another");
  last_ = pts;
}

int WalkPipeline::frames_alive() {
  return alive;
}

WalkPipeline::WalkPipeline(unsigned seed) : random_(seed) {
  const std::string detect =
      pick(8) == 0 ? "tripletdetect detector=haar detect-interval=2 ! triplettrack ! " : "";
  const std::string launch = "videotestsrc name=v ! capsfilter name=c caps=" + caps_of(pick(15)) + " ! " +
                             detect +
                             "identity name=i ! tripletoverlay name=o ! tripletjson location=/dev/null ! "
                             "fakesink name=s sync=false";
  pipeline_ = gst_parse_launch(launch.c_str(), nullptr);
  filter_ = gst_bin_get_by_name(GST_BIN(pipeline_), "c");
  overlay_ = gst_bin_get_by_name(GST_BIN(pipeline_), "o");
  sink_ = gst_bin_get_by_name(GST_BIN(pipeline_), "s");
  GstElement* identity = gst_bin_get_by_name(GST_BIN(pipeline_), "i");
  before_ = gst_element_get_static_pad(identity, "src");
  behind_ = gst_element_get_static_pad(overlay_, "sink");
  gst_pad_unlink(before_, behind_);
  replace();
  gst_object_unref(identity);
  gst_pad_add_probe(before_, GST_PAD_PROBE_TYPE_BUFFER, mark, this, nullptr);
  GstPad* end = gst_element_get_static_pad(sink_, "sink");
  arrivals_ = std::make_unique<Arrivals>(end);
  gst_object_unref(end);
}

WalkPipeline::~WalkPipeline() {
  gst_element_set_state(pipeline_, GST_STATE_NULL);
  arrivals_.reset();
  for (GstPad* pad : {before_, behind_}) gst_object_unref(pad);
  for (GstElement* element : {filter_, overlay_, sink_, pipeline_}) gst_object_unref(element);
}

GstPadProbeReturn WalkPipeline::mark(GstPad*, GstPadProbeInfo* info, gpointer user) {
  auto* self = static_cast<WalkPipeline*>(user);
  GstBuffer* buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
  GST_PAD_PROBE_INFO_DATA(info) = buffer;
  const unsigned number = self->frame_++;
  const unsigned faces = number % 32 == 31 ? 8 : number % 4 == 1 ? 1 : 0;  // A pass is most of the cost.
  for (unsigned i = 0; i < faces; ++i) {
    auto* roi = add_roi(buffer, "face", i % 12, i % 10, 12 + number % 8, 14, static_cast<int>(i));
    if (number % 3 != 0) embed::gst::set_track(roi, static_cast<int>(1 + i % 6));  // Some ids repeat.
  }
  ++alive;
  gst_mini_object_weak_ref(
      GST_MINI_OBJECT_CAST(buffer), [](gpointer, GstMiniObject*) { --alive; }, nullptr);
  return GST_PAD_PROBE_OK;
}

GstElement* WalkPipeline::make_embed() {
  GstElement* element = gst_element_factory_make("tripletembed", nullptr);
  g_object_set(element, "model", quick_weights_file().c_str(), "gallery", gallery_file(pick(2)).c_str(),
               "max-size-buffers", static_cast<int>(pick(4)), "inference-interval",
               static_cast<int>(1 + pick(3)), "reclassify-interval", static_cast<int>(1 + pick(3)), nullptr);
  gst_util_set_object_arg(G_OBJECT(element), "precision", "fp32");
  return element;
}

bool WalkPipeline::is_playing() {
  GstState state = GST_STATE_NULL;
  return gst_element_get_state(pipeline_, &state, nullptr, 0) == GST_STATE_CHANGE_SUCCESS &&
         state == GST_STATE_PLAYING;
}

void WalkPipeline::set_state(GstState state) {
  gst_element_set_state(pipeline_, state);
  if (pick(2) == 0) gst_element_get_state(pipeline_, nullptr, nullptr, 50 * GST_MSECOND);
}

void WalkPipeline::seek(bool flush) {
  const auto flags = flush ? GST_SEEK_FLAG_FLUSH : GST_SEEK_FLAG_NONE;
  // Without a flush it waits for the source, which in a paused pipeline waits for the sink.
  if (flush || is_playing())
    gst_element_seek_simple(pipeline_, GST_FORMAT_TIME, flags,
                            static_cast<gint64>(pick(100)) * 10 * GST_MSECOND);
}

void WalkPipeline::change_caps() {
  GstCaps* caps = gst_caps_from_string(caps_of(pick(15)).c_str());
  g_object_set(filter_, "caps", caps, nullptr);
  gst_caps_unref(caps);
}

/// Into the element's sink pad, from beside the stream.
void WalkPipeline::send(GstEvent* event) {
  GstPad* pad = gst_element_get_static_pad(embed_, "sink");
  gst_pad_send_event(pad, event);
  gst_object_unref(pad);
}

/// A segment follows at once, as whoever flushes owes it. The source stops where it notices, so that it is
/// sought.
void WalkPipeline::flush_inside() {
  GstPad* pad = gst_element_get_static_pad(embed_, "sink");
  if (GstEvent* segment = gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0)) {
    gst_pad_send_event(pad, gst_event_new_flush_start());
    if (pick(2) == 0) std::this_thread::sleep_for(std::chrono::microseconds(pick(1000)));
    GST_PAD_STREAM_LOCK(pad);
    gst_pad_send_event(pad, gst_event_new_flush_stop(TRUE));
    gst_pad_send_event(pad, segment);
    GST_PAD_STREAM_UNLOCK(pad);
    if (pick(4) != 0) seek(true);
  }
  gst_object_unref(pad);
}

void WalkPipeline::ask() {
  GstPad *sink = gst_element_get_static_pad(embed_, "sink"),
         *source = gst_element_get_static_pad(embed_, "src");
  std::vector<std::pair<GstPad*, GstQuery*>> queries{{source, gst_query_new_latency()},
                                                     {source, gst_query_new_position(GST_FORMAT_TIME)}};
  if (is_playing()) {
    GstCaps* caps = gst_caps_from_string(caps_of(1).c_str());
    queries.emplace_back(sink, gst_query_new_allocation(caps, TRUE));
    gst_caps_unref(caps);
  }
  for (const auto& [pad, query] : queries) {
    gst_pad_query(pad, query);
    gst_query_unref(query);
  }
  gst_pad_send_event(
      source, gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1.5, pick(40) * GST_MSECOND, pick(9) * GST_SECOND));
  gst_object_unref(sink);
  gst_object_unref(source);
}

/// Frames that come between are told that nothing is linked, which ends the stream unless it is sought.
void WalkPipeline::relink() {
  GstPad* source = gst_element_get_static_pad(embed_, "src");
  gst_pad_unlink(source, behind_);
  if (pick(2) == 0) std::this_thread::sleep_for(std::chrono::microseconds(pick(1500)));
  gst_pad_link(source, behind_);
  gst_object_unref(source);
  if (pick(3) != 0) seek(true);
}

void WalkPipeline::replace() {
  if (embed_ != nullptr) {
    // Else a pipeline that is on its way to PLAYING, in a thread of its own, may set the element to it again.
    GST_STATE_LOCK(pipeline_);
    gst_element_set_state(embed_, GST_STATE_NULL);
    gst_bin_remove(GST_BIN(pipeline_), embed_);
    GST_STATE_UNLOCK(pipeline_);
  }
  embed_ = make_embed();
  gst_bin_add(GST_BIN(pipeline_), embed_);
  GstPad *sink = gst_element_get_static_pad(embed_, "sink"),
         *source = gst_element_get_static_pad(embed_, "src");
  gst_pad_link(source, behind_);
  gst_pad_link(before_, sink);
  gst_object_unref(sink);
  gst_object_unref(source);
  gst_element_sync_state_with_parent(embed_);
}

/// As docs/threading.md says.
void WalkPipeline::replace_playing() {
  std::atomic<bool> blocked{false};
  const gulong probe = gst_pad_add_probe(
      before_, GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM,
      [](GstPad*, GstPadProbeInfo*, gpointer flag) {
        *static_cast<std::atomic<bool>*>(flag) = true;
        return GST_PAD_PROBE_OK;
      },
      &blocked, nullptr);
  // A stream that has ended blocks nowhere.
  if (within_seconds(1, [&] { return blocked.load() || GST_PAD_IS_EOS(before_); }) && blocked) replace();
  gst_pad_remove_probe(before_, probe);
}

void WalkPipeline::replace_paused() {
  gst_pad_send_event(behind_, gst_event_new_flush_start());
  replace();
  gst_pad_send_event(behind_, gst_event_new_flush_stop(TRUE));
  seek(true);
}

void WalkPipeline::swap_gallery() {
  const unsigned number = pick(2);
  static const std::vector<std::uint8_t> contents[] = {fixtures::read_bytes(gallery_file(0)),
                                                       fixtures::read_bytes(gallery_file(1))};
  const std::string part = gallery_file(number) + ".part";
  fixtures::write_bytes(part, contents[pick(2)]);
  std::filesystem::rename(part, gallery_file(number));
  g_object_set(embed_, "gallery", gallery_file(number + pick(2)).c_str(), nullptr);
}

void WalkPipeline::meddle(unsigned number) {
  const auto small = static_cast<int>(number % 4);
  const char* texts[] = {"face", "", "car", "person,face"};
  switch (number / 4 % 10) {
    case 0:
      g_object_set(embed_, "inference-interval", 1 + small, "reclassify-interval", 4 - small, nullptr);
      break;
    case 1:
      g_object_set(embed_, "max-faces", small == 0 ? 0 : 1 << small, nullptr);
      break;
    case 2:
      g_object_set(embed_, "object-class", texts[small], nullptr);
      break;
    case 3:
      gst_util_set_object_arg(G_OBJECT(embed_), "inference-region", small == 0 ? "full-frame" : "roi-list");
      break;
    case 4:
      g_object_set(embed_, "max-size-buffers", small, "qos", small % 2, nullptr);
      break;
    case 5:
      g_object_set(embed_, "batch-timeout", static_cast<double>(small), nullptr);
      break;
    case 6:
      g_object_set(embed_, "min-face-size", 4 * small, "attach-embedding", small % 2, nullptr);
      break;
    case 7:
      g_object_set(embed_, "threshold", small / 2.0, "k", 1 + small, "unknown-label", texts[small], nullptr);
      break;
    case 8:
      g_object_set(overlay_, "max-faces", small, "show-distance", small % 2, nullptr);
      break;
    default: {
      GstStructure* stats = nullptr;
      g_object_get(embed_, "stats", &stats, nullptr);
      gst_structure_free(stats);
    }
  }
}

std::string WalkPipeline::step() {
  const unsigned what = pick(28);
  switch (what) {
    case 0:
      return set_state(GST_STATE_NULL), "NULL";
    case 1:
      return set_state(GST_STATE_READY), "READY";
    case 2:
    case 3:
      return set_state(GST_STATE_PAUSED), "PAUSED";
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
      return set_state(GST_STATE_PLAYING), "PLAYING";
    case 9:
      return gst_element_sync_state_with_parent(embed_), "sync";
    case 10:
    case 11:
      return seek(true), "seek";
    case 12:
      return seek(false), "seek without a flush";
    case 13:
    case 14:
      return change_caps(), "caps";
    case 15:
      return flush_inside(), "flush";
    case 16:
      return is_playing() ? (send(gst_event_new_gap(0, GST_SECOND)), "gap") : "no gap";
    case 17:
      return is_playing() ? (send(gst_event_new_eos()), "EOS") : "no EOS";
    case 18:
      return ask(), "queries";
    case 19:
      return relink(), "relink";
    case 20:
      return is_playing() ? (replace_playing(), "replace") : (replace_paused(), "replace while paused");
    case 21:
      return swap_gallery(), "gallery";
    case 22:
    case 23:
    case 24:
      return meddle(pick(1000)), "property";
    default:
      return std::this_thread::sleep_for(std::chrono::microseconds(pick(2000))), "wait";
  }
}

bool WalkPipeline::comes_to_life() {
  gst_element_set_state(pipeline_, GST_STATE_NULL);
  const int before = arrivals_->frames();
  gst_element_set_state(pipeline_, GST_STATE_PLAYING);
  return within_seconds(20, [&] { return arrivals_->frames() > before + 3; });
}

}  // namespace gsttest
