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

using Moment = std::pair<std::string, std::string>;  // Day and time, of this computer.
/// By day and name: the first and the last time.
using Attendance = std::map<std::pair<std::string, std::string>, std::pair<std::string, std::string>>;

void saw(Attendance& seen, const std::string& name, const Moment& when) {
  auto& [first, last] = seen.try_emplace({when.first, name}, when.second, when.second).first->second;
  first = std::min(first, when.second);
  last = std::max(last, when.second);
}

/// When it was told, less what has passed since the running time of that field.
Moment moment(const GstStructure* face, const char* field) {
  guint64 told = 0, then = 0;
  gst_structure_get(face, "running-time", G_TYPE_UINT64, &told, field, G_TYPE_UINT64, &then, nullptr);
  g_autoptr(GDateTime) utc = g_date_time_new_from_iso8601(gst_structure_get_string(face, "utc"), nullptr);
  g_autoptr(GDateTime) past = g_date_time_add(utc, -static_cast<GTimeSpan>((told - then) / 1000));
  g_autoptr(GDateTime) local = g_date_time_to_local(past);
  g_autofree gchar* day = g_date_time_format(local, "%F");
  g_autofree gchar* time = g_date_time_format(local, "%T");
  return {day, time};
}

/// Who is lost, a name and two moments, is all that a stay is made of; one over midnight counts on both days.
void take(const GstStructure* face, Attendance& seen) {
  int id = -1;
  if (!gst_structure_has_name(face, "triplet-face") || !gst_structure_get_int(face, "label_id", &id) ||
      id < 0)
    return;
  if (g_strcmp0(gst_structure_get_string(face, "event"), "lost") != 0) return;
  const std::string name = gst_structure_get_string(face, "label");
  const Moment came = moment(face, "first-seen"), went = moment(face, "last-seen");
  for (const Moment& when : {came, went}) saw(seen, name, when);
  if (came.first == went.first) return;
  saw(seen, name, {came.first, "23:59:59"});
  saw(seen, name, {went.first, "00:00:00"});
}

/// Takes all messages that wait. False at an error.
bool take_messages(GstBus* bus, Attendance& seen) {
  while (g_autoptr(GstMessage) message = gst_bus_pop(bus)) {
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ELEMENT) take(gst_message_get_structure(message), seen);
    if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR) continue;
    g_autoptr(GError) error = nullptr;
    gst_message_parse_error(message, &error, nullptr);
    return std::fprintf(stderr, "11-attendance: %s\n", error->message), false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  if (argc != 3) return std::fprintf(stderr, "usage: 11-attendance GALLERY URI\n"), 2;
  for (const int end : {SIGINT, SIGTERM}) std::signal(end, [](int) { interrupted = 1; });
  g_autoptr(GstElement) pipeline = gst_parse_launch(
      "uridecodebin name=source ! tripletbin name=faces ! appsink name=frames sync=false max-buffers=1",
      nullptr);
  g_autoptr(GstElement) source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
  g_autoptr(GstElement) faces = gst_bin_get_by_name(GST_BIN(pipeline), "faces");
  g_autoptr(GstElement) frames = gst_bin_get_by_name(GST_BIN(pipeline), "frames");
  if (source == nullptr || faces == nullptr || frames == nullptr)
    return std::fprintf(stderr, "11-attendance: GStreamer has no uridecodebin, tripletbin or appsink\n"), 1;
  g_object_set(source, "uri", argv[2], nullptr);
  g_object_set(faces, "gallery", argv[1], nullptr);
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
