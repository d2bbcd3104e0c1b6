// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace embed {

/// 8-bit pixel layouts. Packed ones are named by byte order in memory, as GStreamer names them.
enum class PixelFormat {
  Rgb,
  Bgr,
  Rgba,
  Bgra,
  Rgbx,
  Bgrx,
  Gray8,
  Nv12,  ///< Plane 0: Y; plane 1: interleaved U, V at half resolution (sides rounded up).
  I420,  ///< Planes 0, 1, 2: Y, U, V; U and V at half resolution (sides rounded up).
  Yuy2,  ///< Two pixels in four bytes: Y, U, Y, V. A row of odd width also ends in a whole pair.
  Uyvy,  ///< Two pixels in four bytes: U, Y, V, Y. A row of odd width also ends in a whole pair.
};

/// The matrix that turns a YUV image into RGB. Ignored for RGB and grey images. Bt2020 is BT.2020 with
/// non-constant luminance.
enum class YuvMatrix { Bt601, Bt709, Bt2020, Smpte240m, Fcc };

/// The shares of red and blue in luma; green has the rest of 1.
struct LumaWeights {
  double red, blue;
};
LumaWeights luma_weights(YuvMatrix matrix) noexcept;

/// Which values black and white have.
enum class PixelRange {
  Usual,    ///< Limited for YUV, full for RGB and grey.
  Full,     ///< 0–255.
  Limited,  ///< 16–235; 16–240 for chroma. What lies beyond is clamped.
};

/// The transfer function of an image: how light became its values. Networks and detectors learned from images
/// of standard dynamic range, so the other two are brought to that, colour by colour (see transfer_table).
enum class Transfer {
  Display,  ///< Standard dynamic range: BT.709, sRGB, BT.601 and their like.
  Pq,       ///< SMPTE ST 2084, "HDR10".
  Hlg,      ///< ARIB STD-B67, hybrid log-gamma.
};

/// The table that brings a colour of high dynamic range to standard range: 256 bytes, full range to full
/// range. Diffuse white (203 cd/m², ITU-R BT.2408) lies near the top, and brighter values are compressed
/// above it. Null for Display. The table lives as long as the program. Any thread.
const std::uint8_t* transfer_table(Transfer transfer) noexcept;

/// A borrowed, read-only image. It neither owns nor copies the pixels: the caller keeps the planes alive and
/// unchanged while a function uses the view. A value type, cheap to copy.
///
/// The pixels lie in the process's own memory, unless cuda_device names a CUDA device that reads them.
struct ImageView {
  PixelFormat format = PixelFormat::Rgb;
  int width = 0;                                ///< Pixels, ≥ 1; odd sizes are fine in every format.
  int height = 0;                               ///< Pixels, ≥ 1.
  std::array<const std::uint8_t*, 3> planes{};  ///< As many as the format has; the rest are null.
  std::array<std::ptrdiff_t, 3> strides{};      ///< Bytes from one row to the next; may exceed the row.
  YuvMatrix matrix = YuvMatrix::Bt601;
  PixelRange range = PixelRange::Usual;
  Transfer transfer = Transfer::Display;
  /// A pixel's width over its height as it is shown, 1/16 to 16; 1 for square pixels. It only says which
  /// shape a face has: positions and sizes in pixels are never multiplied by it.
  float pixel_aspect = 1;
  /// −1, or the number of the CUDA device that can read the planes: its own memory, managed memory, or pinned
  /// host memory. Only Embedder::embed takes such an image, on that device. Whatever writes the pixels must
  /// have finished by then.
  int cuda_device = -1;
};

/// The properties of a pixel format: one row of the table below.
struct PixelLayout {
  PixelFormat format;
  const char* name;     ///< GStreamer's.
  int planes;           ///< 1 to 3.
  int pixel_bytes;      ///< From one pixel to the next in plane 0.
  int pixels_together;  ///< The number of pixels in a row of plane 0 is rounded up to a multiple of this.
  int chroma_bytes;     ///< Bytes of a sample in the other planes, at half resolution; 0: no other planes.
  bool yuv;             ///< Whether it holds luma and chroma instead of colours.
  bool blue_first;      ///< Whether the order is blue, green, red instead of red, green, blue.
};

/// The table of all pixel formats. All code that reads pixels or names formats uses it. Any thread.
const std::array<PixelLayout, 11>& pixel_layouts() noexcept;
/// The row of a format. Any thread.
const PixelLayout& layout_of(PixelFormat format) noexcept;

/// Number of planes of a format: 1, 2 (Nv12) or 3 (I420).
int plane_count(PixelFormat format) noexcept;

/// Whether a format holds luma and chroma.
bool is_yuv(PixelFormat format) noexcept;

/// Whether black is 0 and white 255.
bool full_range(const ImageView& image) noexcept;

/// Throws Error(InvalidArgument) unless the sides are 1 to 65,535, no plane is missing, every stride covers
/// its row, pixel_aspect is in its range, and the image is in the process's own memory. Any thread.
void validate(const ImageView& image);

/// In pixels of the image; x to the right, y down; pixel (0, 0) covers [0, 1) × [0, 1).
struct Point {
  float x = 0;
  float y = 0;
};

struct Rect {
  float x = 0;  ///< Left edge.
  float y = 0;  ///< Top edge.
  float width = 0;
  float height = 0;
};

/// Intersection over union of two boxes, 0 to 1; 0 where they have no area in common. Any thread.
float intersection_over_union(const Rect& a, const Rect& b) noexcept;

/// Left eye, right eye, nose tip, left and right mouth corner, as seen in the image (left = smaller x in an
/// upright face).
using Landmarks = std::array<Point, 5>;

/// Where a face is. The box may reach beyond the image.
struct FaceRegion {
  Rect box;
  std::optional<Landmarks> landmarks;
  std::int64_t id = 0;  ///< For the caller; libembed only hands it back.
};

}  // namespace embed
