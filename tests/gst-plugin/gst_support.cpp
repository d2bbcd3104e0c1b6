// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst_support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <stdexcept>

#include "glue/face_meta.h"

namespace gsttest {

std::string format_name(embed::PixelFormat format) {
  return fixtures::format_name(format);
}

std::string caps_text(embed::PixelFormat format, int width, int height) {
  return "video/x-raw,format=" + format_name(format) + ",width=" + std::to_string(width) +
         ",height=" + std::to_string(height) + ",framerate=25/1";
}

std::string caps_text(const fixtures::Pixels& pixels) {
  return caps_text(pixels.format, pixels.width, pixels.height);
}

GstBuffer* make_buffer(const fixtures::Pixels& pixels, int index) {
  gsize offsets[GST_VIDEO_MAX_PLANES] = {};
  gint strides[GST_VIDEO_MAX_PLANES] = {};
  std::vector<std::uint8_t> bytes;
  const int planes = embed::plane_count(pixels.format);
  for (int p = 0; p < planes; ++p) {
    const auto i = static_cast<std::size_t>(p);
    offsets[p] = bytes.size();
    strides[p] = static_cast<gint>(pixels.strides[i]);
    bytes.insert(bytes.end(), pixels.planes[i].begin(), pixels.planes[i].end());
  }
  GstBuffer* buffer = gst_buffer_new_memdup(bytes.data(), bytes.size());
  gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE,
                                 gst_video_format_from_string(format_name(pixels.format).c_str()),
                                 static_cast<guint>(pixels.width), static_cast<guint>(pixels.height),
                                 static_cast<guint>(planes), offsets, strides);
  GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(index) * 40 * GST_MSECOND;
  GST_BUFFER_DURATION(buffer) = 40 * GST_MSECOND;
  return buffer;
}

GstVideoRegionOfInterestMeta* add_roi(GstBuffer* buffer, const char* type, guint x, guint y, guint w, guint h,
                                      int id) {
  auto* meta = gst_buffer_add_video_region_of_interest_meta(buffer, type, x, y, w, h);
  meta->id = id;
  return meta;
}

const std::string& weights_file() {
  static const std::string path = fixtures::write_weights(fixtures::temp_dir() + "/weights.safetensors");
  return path;
}

const std::string& quick_weights_file() {
  static const std::string path = [] {
    fixtures::WeightsOptions options;
    options.input.width = options.input.height = 16;
    return fixtures::write_weights(fixtures::temp_dir() + "/quick.safetensors", options);
  }();
  return path;
}

const std::string& other_weights_file() {
  static const std::string path = [] {
    fixtures::WeightsOptions options;
    options.seed = 7;
    options.input.width = options.input.height = 16;
    return fixtures::write_weights(fixtures::temp_dir() + "/other.safetensors", options);
  }();
  return path;
}

Harness::Harness(const std::string& launch) : harness_(gst_harness_new_parse(launch.c_str())) {
  if (harness_ == nullptr) throw std::runtime_error("no harness for: " + launch);
  named_ = gst_bin_get_by_name(GST_BIN(harness_->element), "e");
}

Harness::~Harness() {
  gst_clear_object(&named_);
  gst_harness_teardown(harness_);
}

bool offers_crop(const std::string& launch) {
  Harness harness(launch);
  gst_harness_add_propose_allocation_meta(harness.get(), GST_VIDEO_CROP_META_API_TYPE, nullptr);
  const std::string text = caps_text(embed::PixelFormat::I420, 160, 120);
  GstCaps* caps = gst_caps_from_string(text.c_str());
  GstQuery* query = gst_query_new_allocation(caps, TRUE);
  GstPad* pad = gst_element_get_static_pad(harness.element(), "sink");
  EXPECT_TRUE(gst_pad_query(pad, query));
  bool crop = gst_query_find_allocation_meta(query, GST_VIDEO_CROP_META_API_TYPE, nullptr) != FALSE;
  gst_query_unref(query);
  // And once caps are set.
  harness.caps(text);
  query = gst_query_new_allocation(caps, TRUE);
  EXPECT_TRUE(gst_pad_query(pad, query));
  crop |= gst_query_find_allocation_meta(query, GST_VIDEO_CROP_META_API_TYPE, nullptr) != FALSE;
  gst_query_unref(query);
  gst_object_unref(pad);
  gst_caps_unref(caps);
  return crop;
}

GstFlowReturn push_cropped(const std::string& launch) {
  Harness harness(launch);
  harness.caps(caps_text(embed::PixelFormat::I420, 160, 120));
  for (const guint width : {160U, 80U}) {
    GstBuffer* buffer = make_buffer(fixtures::make_image(embed::PixelFormat::I420, 160, 120));
    add_roi(buffer, "face", 10, 10, 40, 40, 1);
    GstVideoCropMeta* crop = gst_buffer_add_video_crop_meta(buffer);
    crop->x = crop->y = 0;
    crop->width = width;
    crop->height = 120;
    const GstFlowReturn flow = gst_harness_push(harness.get(), buffer);
    if (width == 80) return flow;
    EXPECT_EQ(flow, GST_FLOW_OK) << "a crop of the whole frame is none";
  }
  return GST_FLOW_OK;
}

Bus::Bus(GstElement* element)
    : element_(static_cast<GstElement*>(gst_object_ref(element))), bus_(gst_bus_new()) {
  gst_element_set_bus(element_, bus_);
}

Bus::~Bus() {
  gst_element_set_bus(element_, nullptr);
  gst_object_unref(bus_);
  gst_object_unref(element_);
}

MessagePtr Bus::pop(GstMessageType types, GstClockTime wait) {
  return {gst_bus_timed_pop_filtered(bus_, wait, types), [](GstMessage* m) { gst_clear_message(&m); }};
}

BufferPtr own(GstBuffer* buffer) {
  return {buffer, [](GstBuffer* b) { gst_clear_buffer(&b); }};
}

std::vector<embed::gst::Face> faces_of(GstBuffer* buffer, int width, int height) {
  return embed::gst::read_faces(buffer, width, height);
}

namespace {

Outcome take_error(Bus& bus, GstMessageType types) {
  Outcome outcome;
  const MessagePtr message = bus.pop(types);
  if (!message) return outcome;
  GError* error = nullptr;
  if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR)
    gst_message_parse_error(message.get(), &error, nullptr);
  if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_WARNING)
    gst_message_parse_warning(message.get(), &error, nullptr);
  outcome.domain = error->domain;
  outcome.code = error->code;
  outcome.message = error->message;
  g_error_free(error);
  return outcome;
}

}  // namespace

Outcome try_state(const std::string& launch, GstState state, GstMessageType type) {
  GError* error = nullptr;
  GstElement* element = gst_parse_launch(launch.c_str(), &error);
  if (element == nullptr || error != nullptr)
    throw std::runtime_error(error != nullptr ? error->message : launch);
  Outcome outcome;
  {
    Bus bus(element);
    const GstStateChangeReturn result = gst_element_set_state(element, state);
    outcome = take_error(bus, type);
    outcome.result = result;
    gst_element_set_state(element, GST_STATE_NULL);
  }
  gst_object_unref(element);
  return outcome;
}

std::vector<std::string> run_pipeline(const std::string& launch, int seconds) {
  GError* error = nullptr;
  GstElement* pipeline = gst_parse_launch(launch.c_str(), &error);
  if (error != nullptr) throw std::runtime_error(error->message);
  std::vector<std::string> said;
  GstBus* bus = gst_element_get_bus(pipeline);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  for (bool running = true; running;) {
    GstMessage* message = gst_bus_timed_pop_filtered(
        bus, static_cast<GstClockTime>(seconds) * GST_SECOND,
        static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING));
    if (message == nullptr) {
      said.push_back("timeout");
      break;
    }
    running = GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING;
    GError* what = nullptr;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) gst_message_parse_error(message, &what, nullptr);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING) gst_message_parse_warning(message, &what, nullptr);
    if (what != nullptr) said.push_back(what->message);
    g_clear_error(&what);
    gst_message_unref(message);
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  gst_object_unref(pipeline);
  return said;
}

}  // namespace gsttest

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  embed::gst::register_face_meta();
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
