// SPDX-License-Identifier: LGPL-2.1-or-later
#include "glue/checked_map.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "embed/error.h"

namespace embed::gst {
namespace {

std::string size_text(gint64 width, gint64 height) {
  return std::to_string(width) + "x" + std::to_string(height);
}

/// A meta's format as a number, since it may be none of the enumeration's.
int format_number(const GstVideoMeta* meta) {
  static_assert(sizeof meta->format == sizeof(int));
  int number = 0;
  std::memcpy(&number, &meta->format, sizeof number);
  return number;
}

/// gst_video_format_to_string() takes a number that is no format's for a programmer's error too.
std::string format_text(int number) {
  auto* formats = static_cast<GEnumClass*>(g_type_class_ref(GST_TYPE_VIDEO_FORMAT));
  const bool known = number > 0 && g_enum_get_value(formats, number) != nullptr;
  g_type_class_unref(formats);
  return known ? gst_video_format_to_string(static_cast<GstVideoFormat>(number))
               : "format number " + std::to_string(number);
}

/// gst_video_frame_map() takes a contradiction for a programmer's error and says so with a critical warning.
void check_meta(const GstVideoInfo& info, GstBuffer* buffer) {
  const GstVideoMeta* meta = gst_buffer_get_video_meta(buffer);
  if (meta == nullptr) return;
  const bool agrees =
      format_number(meta) == int{GST_VIDEO_INFO_FORMAT(&info)} &&
      meta->n_planes == GST_VIDEO_INFO_N_PLANES(&info) &&
      meta->width >= static_cast<guint>(GST_VIDEO_INFO_WIDTH(&info)) && meta->width <= guint{G_MAXINT} &&
      meta->height >= static_cast<guint>(GST_VIDEO_INFO_HEIGHT(&info)) && meta->height <= guint{G_MAXINT};
  if (agrees) return;
  throw Error(ErrorCode::Format, "a frame's GstVideoMeta says " + format_text(format_number(meta)) + " of " +
                                     size_text(meta->width, meta->height) + " where the caps say " +
                                     format_text(GST_VIDEO_INFO_FORMAT(&info)) + " of " +
                                     size_text(GST_VIDEO_INFO_WIDTH(&info), GST_VIDEO_INFO_HEIGHT(&info)));
}

/// Bytes of a row of a plane, and rows.
struct PlaneSize {
  std::int64_t row = 0;
  std::int64_t rows = 0;
};

PlaneSize plane_size(const GstVideoFrame& frame, guint plane) {
  PlaneSize size;
  for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS(&frame); ++c) {
    if (static_cast<guint>(GST_VIDEO_FRAME_COMP_PLANE(&frame, c)) != plane) continue;
    const std::int64_t width = GST_VIDEO_FRAME_COMP_WIDTH(&frame, c);
    size.row = std::max(size.row, width * GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, c));
    size.rows = std::max<std::int64_t>(size.rows, GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c));
  }
  return size;
}

/// The stride may be negative: then the rows lie before the plane's first byte. Sizes, strides and rows have
/// 31 bits, so that no sum or product of two overflows.
void check_plane(const GstVideoFrame& frame, guint plane) {
  // Without a GstVideoMeta the buffer is mapped as a whole, and once.
  const GstMapInfo& map = frame.map[frame.meta != nullptr ? plane : 0];
  // Whoever hands out a mapping of his own, without a GstMemory, answers for it.
  if (map.memory == nullptr) return;
  const PlaneSize size = plane_size(frame, plane);
  const std::int64_t stride = GST_VIDEO_FRAME_PLANE_STRIDE(&frame, plane);
  const std::int64_t start = static_cast<const guint8*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, plane)) - map.data;
  const std::int64_t last_row = stride * (size.rows - 1);
  const std::int64_t first = start + std::min<std::int64_t>(0, last_row);
  const std::int64_t end = start + std::max<std::int64_t>(0, last_row) + size.row;
  if (first >= 0 && end <= static_cast<std::int64_t>(map.size)) return;
  throw Error(ErrorCode::Format, "a frame's GstVideoMeta says that plane " + std::to_string(plane) +
                                     " has bytes " + std::to_string(first) + " to " + std::to_string(end) +
                                     " of a memory of " + std::to_string(map.size) + " bytes");
}

}  // namespace

CheckedMap::CheckedMap(const GstVideoInfo& info, GstBuffer* buffer, GstMapFlags flags) {
  check_meta(info, buffer);
  const auto all = static_cast<GstMapFlags>(int{flags} | int{GST_VIDEO_FRAME_MAP_FLAG_NO_REF});
  if (gst_video_frame_map(&frame_, &info, buffer, all) == FALSE) {
    throw Error(ErrorCode::Io, std::string("a video frame's memory cannot be mapped for ") +
                                   ((flags & GST_MAP_WRITE) != 0 ? "writing" : "reading") +
                                   ", or is smaller than its caps say");
  }
  try {
    for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES(&frame_); ++plane) check_plane(frame_, plane);
  } catch (...) {
    gst_video_frame_unmap(&frame_);
    throw;
  }
}

}  // namespace embed::gst
