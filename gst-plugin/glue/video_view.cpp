// SPDX-License-Identifier: LGPL-2.1-or-later
#include "glue/video_view.h"

#include <algorithm>
#include <array>
#include <string>
#include <tuple>
#include <type_traits>

#include "embed/error.h"

namespace embed::gst {
namespace {

PixelFormat pixel_format(GstVideoFormat format) {
  static const auto formats = [] {
    std::array<GstVideoFormat, std::tuple_size_v<std::decay_t<decltype(pixel_layouts())>>> all{};
    std::transform(pixel_layouts().begin(), pixel_layouts().end(), all.begin(),
                   [](const PixelLayout& layout) { return gst_video_format_from_string(layout.name); });
    return all;
  }();
  const auto found = std::find(formats.begin(), formats.end(), format);
  if (found != formats.end())
    return pixel_layouts()[static_cast<std::size_t>(found - formats.begin())].format;
  throw Error(ErrorCode::Unsupported,
              std::string("frames of format ") + gst_video_format_to_string(format) + " cannot be read");
}

YuvMatrix yuv_matrix(const GstVideoInfo& info) {
  switch (info.colorimetry.matrix) {
    case GST_VIDEO_COLOR_MATRIX_BT709:
      return YuvMatrix::Bt709;
    case GST_VIDEO_COLOR_MATRIX_BT2020:
      return YuvMatrix::Bt2020;
    case GST_VIDEO_COLOR_MATRIX_SMPTE240M:
      return YuvMatrix::Smpte240m;
    case GST_VIDEO_COLOR_MATRIX_FCC:
      return YuvMatrix::Fcc;
    case GST_VIDEO_COLOR_MATRIX_UNKNOWN:
      // As GStreamer guesses where caps say nothing: high definition is BT.709.
      return info.height > 576 ? YuvMatrix::Bt709 : YuvMatrix::Bt601;
    default:
      return YuvMatrix::Bt601;
  }
}

PixelRange pixel_range(const GstVideoInfo& info) {
  switch (info.colorimetry.range) {
    case GST_VIDEO_COLOR_RANGE_0_255:
      return PixelRange::Full;
    case GST_VIDEO_COLOR_RANGE_16_235:
      return PixelRange::Limited;
    default:
      return PixelRange::Usual;
  }
}

Transfer transfer(const GstVideoInfo& info) {
  switch (info.colorimetry.transfer) {
    case GST_VIDEO_TRANSFER_SMPTE2084:
      return Transfer::Pq;
    case GST_VIDEO_TRANSFER_ARIB_STD_B67:
      return Transfer::Hlg;
    default:
      return Transfer::Display;
  }
}

}  // namespace

std::string video_caps() {
  std::string formats;
  for (const PixelLayout& layout : pixel_layouts())
    formats += (formats.empty() ? "" : ", ") + std::string(layout.name);
  return "video/x-raw, format = (string) { " + formats +
         " }, width = " GST_VIDEO_SIZE_RANGE ", height = " GST_VIDEO_SIZE_RANGE
         ", framerate = " GST_VIDEO_FPS_RANGE;
}

float pixel_aspect(const GstVideoInfo& info) {
  const int width = GST_VIDEO_INFO_PAR_N(&info), height = GST_VIDEO_INFO_PAR_D(&info);
  if (width <= 0 || height <= 0) return 1;
  return std::clamp(static_cast<float>(width) / static_cast<float>(height), 1.0F / 16, 16.0F);
}

void ask_for_more_buffers(GstQuery* query, std::size_t held) {
  const auto more = static_cast<guint>(held);
  for (guint i = 0; i < gst_query_get_n_allocation_pools(query); ++i) {
    GstBufferPool* pool = nullptr;
    guint size = 0, least = 0, most = 0;
    gst_query_parse_nth_allocation_pool(query, i, &pool, &size, &least, &most);
    least = most == 0 ? least + more : MIN(least + more, most);
    gst_query_set_nth_allocation_pool(query, i, pool, size, least, most);
    gst_clear_object(&pool);
  }
}

void withhold_crop(GstQuery* query) {
  guint index = 0;
  while (gst_query_find_allocation_meta(query, GST_VIDEO_CROP_META_API_TYPE, &index) != FALSE) {
    gst_query_remove_nth_allocation_meta(query, index);
  }
}

void refuse_crop(const GstVideoInfo& info, GstBuffer* buffer) {
  const GstVideoCropMeta* crop = gst_buffer_get_video_crop_meta(buffer);
  if (crop == nullptr) return;
  const GstVideoMeta* whole = gst_buffer_get_video_meta(buffer);
  const guint width = whole != nullptr ? whole->width : static_cast<guint>(GST_VIDEO_INFO_WIDTH(&info));
  const guint height = whole != nullptr ? whole->height : static_cast<guint>(GST_VIDEO_INFO_HEIGHT(&info));
  if (crop->x == 0 && crop->y == 0 && crop->width == width && crop->height == height) return;
  throw Error(ErrorCode::Unsupported,
              "a frame is to be cropped by its GstVideoCropMeta, which this element does not offer to do: "
              "upstream must crop it");
}

MappedFrame::MappedFrame(const GstVideoInfo& info, GstBuffer* buffer) : map_(info, buffer, GST_MAP_READ) {
  refuse_crop(info, buffer);
  const GstVideoFrame& frame = *map_.frame();
  view_.format = pixel_format(GST_VIDEO_INFO_FORMAT(&info));
  view_.width = GST_VIDEO_FRAME_WIDTH(&frame);
  view_.height = GST_VIDEO_FRAME_HEIGHT(&frame);
  for (int plane = 0; plane < plane_count(view_.format); ++plane) {
    const auto p = static_cast<std::size_t>(plane);
    view_.planes[p] = static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, plane));
    view_.strides[p] = GST_VIDEO_FRAME_PLANE_STRIDE(&frame, plane);
  }
  view_.matrix = yuv_matrix(info);
  view_.range = pixel_range(info);
  view_.transfer = transfer(info);
  view_.pixel_aspect = pixel_aspect(info);
}

}  // namespace embed::gst
