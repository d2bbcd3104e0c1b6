// SPDX-License-Identifier: LGPL-2.1-or-later
// Attendance: who was before the camera on which day, first and last seen. The application has the frames
// from an appsink, to do with them what it likes, and learns from the bus who has gone. GStreamer alone: no
// header of this project.
//
// usage: ./run exec build/examples/11-attendance GALLERY URI      (file:///clip.mkv, v4l2:///dev/video0,
// rtsp://…)
#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <map>
#include <string>
#include <utility>

namespace {

volatile std::sig_atomic_t interrupted = 0;

/// By day and name: the first and the last time.
using Attendance = std::map<std::pair<std::string, std::string>, std::pair<std::string, std::string>>;

void saw(Attendance& seen, const std::string& name, const std::string& day, const std::string& time) {
  auto& [first, last] = seen.try_emplace({day, name}, time, time).first->second;
  first = std::min(first, time);
  last = std::max(last, time);
}

/// The message's `utc` less what has passed since the moment of that field: this computer's day and time.
std::pair<std::string, std::string> moment(const GstStructure* face, const char* field) {
  guint64 told = 0, then = 0;
  gst_structure_get_uint64(face, "running-time", &told);
  gst_structure_get_uint64(face, field, &then);
  g_autoptr(GDateTime) utc = g_date_time_new_from_iso8601(gst_structure_get_string(face, "utc"), nullptr);
  g_autoptr(GDateTime) past = g_date_time_add(utc, -static_cast<GTimeSpan>((told - then) / 1000));
  g_autoptr(GDateTime) local = g_date_time_to_local(past);
  g_autofree gchar* day = g_date_time_format(local, "%F");
  g_autofree gchar* time = g_date_time_format(local, "%T");
  return {day, time};
}

/// Takes all messages that wait. False at an error.
bool take_messages(GstBus* bus, Attendance& seen) {
  while (g_autoptr(GstMessage) message = gst_bus_pop_filtered(
             bus, static_cast<GstMessageType>(GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR))) {
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
      g_autoptr(GError) error = nullptr;
      gst_message_parse_error(message, &error, nullptr);
      std::fprintf(stderr, "11-attendance: %s\n", error->message);
      return false;
    }
    const GstStructure* face = gst_message_get_structure(message);
    int id = -1;
    if (!gst_structure_has_name(face, "triplet-face") || !gst_structure_get_int(face, "label_id", &id))
      continue;
    if (id < 0 || g_strcmp0(gst_structure_get_string(face, "event"), "lost") != 0) continue;
    const std::string name = gst_structure_get_string(face, "label");
    const auto [came, came_at] = moment(face, "first-seen");
    const auto [went, went_at] = moment(face, "last-seen");
    saw(seen, name, came, came_at);
    saw(seen, name, went, went_at);
    if (came != went) {  // Over midnight; a stay counts on its first and its last day.
      saw(seen, name, came, "23:59:59");
      saw(seen, name, went, "00:00:00");
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  if (argc != 3) return std::fprintf(stderr, "usage: 11-attendance GALLERY URI\n"), 2;
  for (const int end : {SIGINT, SIGTERM}) std::signal(end, [](int) { interrupted = 1; });
  g_autoptr(GError) error = nullptr;
  g_autoptr(GstElement) pipeline = gst_parse_launch(
      "uridecodebin name=source ! tripletbin name=faces ! appsink name=frames sync=false max-buffers=1",
      &error);
  if (error != nullptr) return std::fprintf(stderr, "11-attendance: %s\n", error->message), 1;
  g_autoptr(GstElement) source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
  g_autoptr(GstElement) faces = gst_bin_get_by_name(GST_BIN(pipeline), "faces");
  g_autoptr(GstElement) frames = gst_bin_get_by_name(GST_BIN(pipeline), "frames");
  g_object_set(faces, "gallery", argv[1], nullptr);
  g_object_set(source, "uri", argv[2], nullptr);
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);

  Attendance seen;
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  bool good = true;
  while (good && interrupted == 0 && !gst_app_sink_is_eos(GST_APP_SINK(frames))) {
    // The frame, with the names of all who are on it: docs/metadata.md.
    g_autoptr(GstSample) frame = gst_app_sink_try_pull_sample(GST_APP_SINK(frames), GST_SECOND / 5);
    good = take_messages(bus, seen);
  }
  gst_element_set_state(pipeline,
                        GST_STATE_READY);  // Which tells who was there still; NULL would empty the bus.
  good = take_messages(bus, seen) && good;
  gst_element_set_state(pipeline, GST_STATE_NULL);
  for (const auto& [who, when] : seen)
    std::printf("%s  %s  %s  %s\n", who.first.c_str(), when.first.c_str(), when.second.c_str(),
                who.second.c_str());
  return good ? 0 : 1;
}
