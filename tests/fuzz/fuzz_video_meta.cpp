// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames whose caps, memory, GstVideoMeta and GstVideoCropMeta say what they like of each other: what is
// mapped can be read, written and cut.
#include <gst/gst.h>

#include <algorithm>
#include <memory>

#include "embed/error.h"
#include "embed/preprocess.h"
#include "glue/video_view.h"
#include "values.h"

namespace fuzz {

namespace {

constexpr std::size_t kMostMemory = 1 << 16;

using CapsPtr = std::unique_ptr<GstCaps, void (*)(GstCaps*)>;
using BufferPtr = std::unique_ptr<GstBuffer, void (*)(GstBuffer*)>;

/// Caps that the elements' pads take, or null.
CapsPtr caps_of(Values& in) {
  static GstCaps* const taken = gst_caps_from_string(embed::gst::video_caps().c_str());
  const char* formats[] = {"I420", "NV12", "YUY2", "UYVY", "RGB", "BGRx", "RGBA", "GRAY8"};
  const int sides[] = {1, 2, 3, 5, 16, 17, 33, 64, 65535, 65536, G_MAXINT};
  const char* colours[] = {"bt601",      "bt709", "2:4:5:4", "1:3:14:7",
                           "bt2100-hlg", "sRGB",  "0:0:0:0", "nonsense"};
  const char* modes[] = {"progressive", "interleaved", "mixed", "fields", "alternate"};
  const int parts[] = {1, 0, -1, 2, 16, 255, G_MAXINT, -G_MAXINT};
  CapsPtr caps(gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, in.of(formats), "width",
                                   G_TYPE_INT, in.of(sides), "height", G_TYPE_INT, in.of(sides), "framerate",
                                   GST_TYPE_FRACTION, 25, 1, nullptr),
               gst_caps_unref);
  if (in.flag())
    gst_caps_set_simple(caps.get(), "colorimetry", G_TYPE_STRING, in.of(colours), "interlace-mode",
                        G_TYPE_STRING, in.of(modes), nullptr);
  if (in.flag()) {
    const int number = in.of(parts), denominator = in.of(parts);
    if (denominator != 0)
      gst_caps_set_simple(caps.get(), "pixel-aspect-ratio", GST_TYPE_FRACTION, number, denominator, nullptr);
  }
  if (gst_caps_is_subset(caps.get(), taken) == FALSE) caps.reset();
  return caps;
}

void add_meta(Values& in, GstBuffer* buffer, const GstVideoInfo& info) {
  const gint strides[] = {0, 1, -1, 16, 64, 100, G_MAXINT, G_MININT, G_MAXINT / 2};
  const gsize offsets[] = {0, 1, 64, 1000, kMostMemory, G_MAXSIZE, G_MAXSIZE / 2, G_MAXUINT};
  GstVideoMeta* meta =
      gst_buffer_add_video_meta(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_GRAY8, 1, 1);
  const int format = in.once_in(16) ? static_cast<int>(in.below(300)) - 8 : int{GST_VIDEO_INFO_FORMAT(&info)};
  std::memcpy(&meta->format, &format, sizeof format);
  meta->width = static_cast<guint>(GST_VIDEO_INFO_WIDTH(&info));
  meta->height = static_cast<guint>(GST_VIDEO_INFO_HEIGHT(&info));
  meta->n_planes = in.once_in(16) ? in.byte() % (GST_VIDEO_MAX_PLANES + 1) : GST_VIDEO_INFO_N_PLANES(&info);
  if (in.once_in(8)) meta->width += in.bits<guint>() >> in.below(32);
  if (in.once_in(8)) meta->height += in.bits<guint>() >> in.below(32);
  for (int plane = 0; plane < GST_VIDEO_MAX_PLANES; ++plane) {
    meta->offset[plane] = info.offset[plane];
    meta->stride[plane] = info.stride[plane];
    if (in.once_in(4)) meta->offset[plane] = in.flag() ? in.of(offsets) : in.below(4096);
    if (in.once_in(4)) meta->stride[plane] = in.flag() ? in.of(strides) : in.bits<std::int16_t>();
    if (in.once_in(8)) meta->stride[plane] *= meta->stride[plane] == G_MININT ? 1 : -1;
  }
}

/// One to three memories, together about as large as the caps say. Each is a block of its own, so that a
/// sanitizer sees what is read beyond it.
BufferPtr buffer_of(Values& in, const GstVideoInfo& info) {
  BufferPtr buffer(gst_buffer_new(), gst_buffer_unref);
  std::size_t left = std::min(GST_VIDEO_INFO_SIZE(&info), kMostMemory);
  if (in.once_in(4)) left += in.below(3);
  if (in.once_in(4)) left -= std::min(left, in.below(3));
  if (in.once_in(4)) left = in.below(kMostMemory);
  for (int blocks = 0; blocks < 3 && left > 0; ++blocks) {
    const std::size_t size = blocks < 2 && in.once_in(3) ? std::min(left, 1 + in.below(4096)) : left;
    auto* bytes = static_cast<guint8*>(g_malloc0(size));
    gst_buffer_append_memory(
        buffer.get(),
        gst_memory_new_wrapped(in.once_in(16) ? GST_MEMORY_FLAG_READONLY : static_cast<GstMemoryFlags>(0),
                               bytes, size, 0, size, bytes, g_free));
    left -= size;
  }
  if (in.below(4) != 0) add_meta(in, buffer.get(), info);
  if (in.once_in(8)) {
    GstVideoCropMeta* crop = gst_buffer_add_video_crop_meta(buffer.get());
    crop->x = in.byte() % 2;
    crop->y = in.byte() % 2;
    crop->width = in.flag() ? static_cast<guint>(info.width) : in.bits<guint>();
    crop->height = in.flag() ? static_cast<guint>(info.height) : in.bits<guint>();
  }
  return buffer;
}

/// Every byte that belongs to a pixel.
template <typename Row>
void each_row(const embed::ImageView& view, Row&& row) {
  const embed::PixelLayout& layout = embed::layout_of(view.format);
  for (int plane = 0; plane < layout.planes; ++plane) {
    const int together = layout.pixels_together;
    const auto bytes = static_cast<std::size_t>(plane == 0 ? (view.width + together - 1) / together *
                                                                 together * layout.pixel_bytes
                                                           : (view.width + 1) / 2 * layout.chroma_bytes);
    const int rows = plane == 0 ? view.height : (view.height + 1) / 2;
    const auto p = static_cast<std::size_t>(plane);
    for (int y = 0; y < rows; ++y) row(view.planes[p] + view.strides[p] * y, bytes);
  }
}

void look(Values& in, const GstVideoInfo& info, GstBuffer* buffer) {
  const embed::gst::MappedFrame frame(info, buffer);
  each_row(frame.view(), [](const std::uint8_t* row, std::size_t bytes) { fuzz::read_through(row, bytes); });
  embed::InputSpec input;
  input.width = input.height = 16;
  std::uint8_t crop[16 * 16 * 3];
  const auto real = [&in] { return static_cast<float>(in.real() * 32); };
  embed::crop_face(frame.view(), {{real(), real(), real(), real()}, std::nullopt, 0}, input, crop);
}

void write(const GstVideoInfo& info, GstBuffer* buffer) {
  embed::gst::CheckedMap map(info, buffer, GST_MAP_READWRITE);
  embed::ImageView view;
  const GstVideoFrame& frame = *map.frame();
  for (const embed::PixelLayout& layout : embed::pixel_layouts()) {
    if (gst_video_format_from_string(layout.name) == GST_VIDEO_FRAME_FORMAT(&frame))
      view.format = layout.format;
  }
  view.width = GST_VIDEO_FRAME_WIDTH(&frame);
  view.height = GST_VIDEO_FRAME_HEIGHT(&frame);
  for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES(&frame); ++plane) {
    view.planes[plane] = static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, plane));
    view.strides[plane] = GST_VIDEO_FRAME_PLANE_STRIDE(&frame, plane);
  }
  each_row(view, [](const std::uint8_t* row, std::size_t bytes) {
    std::memset(const_cast<std::uint8_t*>(row), 1, bytes);
  });
}

template <typename Work>
void attempt(Work&& work) {
  try {
    work();
  } catch (const embed::Error& error) {
    const embed::ErrorCode expected[] = {embed::ErrorCode::Format, embed::ErrorCode::Io,
                                         embed::ErrorCode::Unsupported, embed::ErrorCode::InvalidArgument};
    if (std::find(std::begin(expected), std::end(expected), error.code()) == std::end(expected))
      broken("a frame that contradicts itself is an error of its own");
  }
}

}  // namespace

std::vector<Bytes> seeds() {
  return arbitrary_seeds(64, 120);
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool ready = [] {
    gst_init(nullptr, nullptr);
    g_log_set_always_fatal(static_cast<GLogLevelFlags>(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL));
    return true;
  }();
  if (!ready) return 0;
  fuzz::Values in(data, size);
  const auto caps = fuzz::caps_of(in);
  GstVideoInfo info;
  if (!caps || gst_video_info_from_caps(&info, caps.get()) == FALSE) return 0;
  const auto buffer = fuzz::buffer_of(in, info);
  fuzz::attempt([&] { fuzz::look(in, info, buffer.get()); });
  fuzz::attempt([&] { fuzz::write(info, buffer.get()); });
  return 0;
}
