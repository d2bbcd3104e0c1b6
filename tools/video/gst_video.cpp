// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <gst/video/gstvideodecoder.h>
#include <gst/video/video.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <optional>

#include "embed/error.h"
#include "video/video.h"
#include "video/video_source.h"

namespace video {

namespace {

using embed::Error;
using embed::ErrorCode;
using Clock = std::chrono::steady_clock;

/// How often the bus is looked at while no frame comes.
constexpr GstClockTime kGlance = 50 * GST_MSECOND;
/// A file that ends so much before the length that it says is cut. Sound that is a little longer than the
/// picture is no reason to complain.
constexpr double kMissingSeconds = 0.5, kMissingShare = 0.05;

/// GStreamer is started with the first video, not with the program.
void start_gstreamer() {
  GError* failure = nullptr;
  if (gst_init_check(nullptr, nullptr, &failure) != FALSE) return;
  const std::string why = failure != nullptr ? failure->message : "no reason given";
  g_clear_error(&failure);
  throw Error(ErrorCode::Internal, "GStreamer does not start: " + why);
}

GstElement* make_pipeline(const VideoSource& source) {
  // Square pixels: recorders' half-height pictures are made whole, as they would be shown.
  constexpr const char* kPipeline =
      "uridecodebin name=source ! videoconvert ! videoflip name=turn ! videoconvert ! videoscale ! "
      "video/x-raw,format=BGR,pixel-aspect-ratio=1/1 ! appsink name=frames sync=false max-buffers=2";
  GError* failure = nullptr;
  GstElement* pipeline = gst_parse_launch(kPipeline, &failure);
  if (failure != nullptr) {
    const std::string why = failure->message;
    g_clear_error(&failure);
    if (pipeline != nullptr) gst_object_unref(pipeline);
    throw Error(ErrorCode::Unsupported, "GStreamer lacks a part (plugins-base, plugins-good): " + why,
                source.shown);
  }
  return pipeline;
}

/// The words of a message, in which an address may stand with its password.
std::string without_address(std::string text, const VideoSource& source) {
  for (std::size_t at = text.find(source.uri); at != std::string::npos; at = text.find(source.uri)) {
    text.replace(at, source.uri.size(), source.shown);
  }
  return text;
}

std::string at_second(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f s", seconds);
  return text;
}

}  // namespace

struct Video::Impl {
  Impl(const std::string& given, const VideoOptions& taken) : source(video_source(given)), options(taken) {
    pipeline = make_pipeline(source);
    sink = GST_APP_SINK(gst_bin_get_by_name(GST_BIN(pipeline), "frames"));
    bus = gst_element_get_bus(pipeline);
  }
  ~Impl() {
    release();
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(sink);
    gst_object_unref(pipeline);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void start();
  GstSample* pull();
  bool take(GstSample* taken, embed::ImageView& view);
  void release();
  void count_lost(GstMessage* message);
  void throw_failure();
  void require_whole();
  /// The seconds that are read of it; 0 without a limit.
  double most() const { return options.seconds > 0 ? options.seconds : (endless ? kSecondsOfEndless : 0); }
  std::string place() const { return frames == 0 ? "at its start" : "after " + at_second(seconds); }

  VideoSource source;
  VideoOptions options;
  GstElement* pipeline = nullptr;
  GstAppSink* sink = nullptr;
  GstBus* bus = nullptr;
  GstSample* sample = nullptr;  ///< The frame that was given last; mapped.
  GstVideoFrame mapped{};
  std::atomic<bool> no_picture{
      false};           ///< Set by the demuxer's thread when none of its streams is a picture.
  std::string missing;  ///< The decoder that GStreamer would need.
  std::size_t frames = 0, damaged = 0;
  double seconds = 0, frame_end = 0, first_damaged = 0, length = 0;
  std::optional<double> first;  ///< The second of the first frame.
  bool endless = false, ended = false;
};

void Video::Impl::start() {
  GstElement* turn = gst_bin_get_by_name(GST_BIN(pipeline), "turn");
  GParamSpec* property = g_object_class_find_property(G_OBJECT_GET_CLASS(turn), "video-direction");
  GEnumValue* direction =
      g_enum_get_value_by_nick(G_PARAM_SPEC_ENUM(property)->enum_class, options.direction.c_str());
  if (direction != nullptr) g_object_set(turn, "video-direction", direction->value, nullptr);
  gst_object_unref(turn);
  if (direction == nullptr) {
    throw Error(ErrorCode::InvalidArgument, "\"" + options.direction + "\" is none of videoflip's", "",
                "video-direction");
  }
  GstElement* decoder = gst_bin_get_by_name(GST_BIN(pipeline), "source");
  g_object_set(decoder, "uri", source.uri.c_str(), nullptr);
  // Sound has no place to go; a file of nothing else would only say that something is not linked.
  const auto look = [](GstElement* element, gpointer impl) {
    gboolean any = FALSE;
    const auto is_picture = [](GstElement*, GstPad* pad, gpointer found) -> gboolean {
      if (gst_pad_is_linked(pad) != FALSE) *static_cast<gboolean*>(found) = TRUE;
      return TRUE;
    };
    gst_element_foreach_src_pad(element, is_picture, &any);
    if (any == FALSE) static_cast<Impl*>(impl)->no_picture = true;
  };
  g_signal_connect(decoder, "no-more-pads", G_CALLBACK(static_cast<void (*)(GstElement*, gpointer)>(look)),
                   this);
  gst_object_unref(decoder);
  if (gst_element_set_state(pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
    throw_failure();
    throw Error(ErrorCode::Io, "cannot be opened as a video", source.shown);
  }
}

/// Nothing hurries the decoder: a frame that it drops is one that it cannot decode.
void Video::Impl::count_lost(GstMessage* message) {
  if (!GST_IS_VIDEO_DECODER(GST_MESSAGE_SRC(message))) return;
  guint64 time = 0;
  gst_message_parse_qos(message, nullptr, nullptr, &time, nullptr, nullptr);
  if (damaged++ == 0)
    first_damaged = GST_CLOCK_TIME_IS_VALID(time) ? static_cast<double>(time) / GST_SECOND : seconds;
}

/// What the bus knows of an error, with the file and the second. Returns where it knows none.
void Video::Impl::throw_failure() {
  constexpr auto kWanted =
      static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT | GST_MESSAGE_QOS);
  while (GstMessage* message = gst_bus_pop_filtered(bus, kWanted)) {
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_QOS) {
      count_lost(message);
      gst_message_unref(message);
      continue;
    }
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ELEMENT) {
      const GstStructure* about = gst_message_get_structure(message);
      if (about != nullptr && gst_structure_has_name(about, "missing-plugin") != FALSE && missing.empty()) {
        const gchar* name = gst_structure_get_string(about, "name");
        if (name != nullptr) missing = name;
      }
      gst_message_unref(message);
      continue;
    }
    GError* failure = nullptr;
    gst_message_parse_error(message, &failure, nullptr);
    ErrorCode code = ErrorCode::Format;
    if (failure->domain == GST_RESOURCE_ERROR) {
      code = failure->code == GST_RESOURCE_ERROR_NOT_FOUND ? ErrorCode::NotFound : ErrorCode::Io;
    }
    std::string why = without_address(failure->message, source);
    g_clear_error(&failure);
    gst_message_unref(message);
    if (no_picture) why = "there is no picture in it";
    if (!missing.empty()) why = "GStreamer has no " + missing + " here";
    throw Error(code, "cannot be read as a video " + place() + ": " + why, source.shown);
  }
}

GstSample* Video::Impl::pull() {
  const auto begun = Clock::now();
  while (true) {
    if (GstSample* next = gst_app_sink_try_pull_sample(sink, kGlance)) return next;
    const bool at_end = gst_app_sink_is_eos(sink) != FALSE;
    throw_failure();
    // Not every demuxer minds that none of its streams is wanted.
    if (no_picture)
      throw Error(ErrorCode::Format, "cannot be read as a video: there is no picture in it", source.shown);
    if (at_end) return nullptr;
    if (std::chrono::duration<double>(Clock::now() - begun).count() > options.patience) {
      char text[64];
      std::snprintf(text, sizeof text, "no frame came for %.3g s ", options.patience);
      throw Error(ErrorCode::Io, text + place(), source.shown);
    }
  }
}

/// False where the decoder says that the frame is damaged. Takes the sample.
bool Video::Impl::take(GstSample* taken, embed::ImageView& view) {
  release();
  sample = taken;
  GstBuffer* buffer = gst_sample_get_buffer(sample);
  const GstClockTime time =
      gst_segment_to_stream_time(gst_sample_get_segment(sample), GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  if (GST_CLOCK_TIME_IS_VALID(time)) seconds = static_cast<double>(time) / GST_SECOND;
  frame_end = seconds;
  if (GST_BUFFER_DURATION_IS_VALID(buffer))
    frame_end += static_cast<double>(GST_BUFFER_DURATION(buffer)) / GST_SECOND;
  if (frames++ == 0) {
    first = seconds;
    gint64 duration = -1;
    const bool known =
        gst_element_query_duration(pipeline, GST_FORMAT_TIME, &duration) != FALSE && duration > 0;
    length = known ? static_cast<double>(duration) / GST_SECOND : 0;
    endless = !source.is_file && !known;
    // Of a source that does not wait, the newest frame is the one to look at.
    if (endless) gst_app_sink_set_drop(sink, TRUE);
  }
  if (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_CORRUPTED)) {
    if (damaged++ == 0) first_damaged = seconds;
    return false;
  }
  GstVideoInfo info;
  if (gst_video_info_from_caps(&info, gst_sample_get_caps(sample)) == FALSE ||
      gst_video_frame_map(&mapped, &info, buffer, GST_MAP_READ) == FALSE) {
    throw Error(ErrorCode::Internal, "a frame cannot be read", source.shown);
  }
  view = {};
  view.format = embed::PixelFormat::Bgr;
  view.width = GST_VIDEO_FRAME_WIDTH(&mapped);
  view.height = GST_VIDEO_FRAME_HEIGHT(&mapped);
  view.planes[0] = static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&mapped, 0));
  view.strides[0] = GST_VIDEO_FRAME_PLANE_STRIDE(&mapped, 0);
  return true;
}

void Video::Impl::release() {
  if (mapped.buffer != nullptr) gst_video_frame_unmap(&mapped);
  mapped = {};
  if (sample != nullptr) gst_sample_unref(sample);
  sample = nullptr;
}

void Video::Impl::require_whole() {
  if (frames == 0) throw Error(ErrorCode::Format, "there is no frame in it", source.shown);
  if (source.is_cut) {
    throw Error(ErrorCode::Format, "its pictures end after " + at_second(frame_end) + ": the file is cut",
                source.shown);
  }
  const double lacks = length - frame_end;
  if (!source.is_file || lacks <= kMissingSeconds || lacks <= kMissingShare * length) return;
  throw Error(
      ErrorCode::Format,
      "its pictures end after " + at_second(frame_end) + " of " + at_second(length) + ": cut or damaged",
      source.shown);
}

Video::Video(const std::string& source, const VideoOptions& options) {
  start_gstreamer();
  impl_ = std::make_unique<Impl>(source, options);
  impl_->start();
}

Video::~Video() = default;

bool Video::next(embed::ImageView& frame) {
  if (impl_->ended) return false;
  const double most = impl_->most();
  if (most > 0 && impl_->first && impl_->frame_end - *impl_->first >= most) {
    impl_->ended = true;
    return false;
  }
  try {
    while (GstSample* sample = impl_->pull()) {
      if (impl_->take(sample, frame)) return true;
    }
    impl_->ended = true;
    impl_->require_whole();
  } catch (...) {
    impl_->ended = true;
    throw;
  }
  return false;
}

double Video::seconds() const noexcept {
  return impl_->seconds;
}
double Video::end() const noexcept {
  const double most = impl_->most(), from = impl_->first.value_or(0);
  if (most <= 0) return impl_->length;
  return impl_->length > 0 ? std::min(impl_->length, from + most) : from + most;
}
std::size_t Video::damaged() const noexcept {
  return impl_->damaged;
}
double Video::first_damaged() const noexcept {
  return impl_->first_damaged;
}
bool Video::endless() const noexcept {
  return impl_->endless;
}

}  // namespace video
