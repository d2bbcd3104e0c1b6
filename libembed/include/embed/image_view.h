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
  Yuy2,  ///< Two pixels in four bytes: Y, U, Y, V. A row of odd width ends in a whole pair, too.
  Uyvy,  ///< The same as U, Y, V, Y.
};

/// Which matrix turns a YUV image into RGB. Ignored for RGB and grey images. BT.2020 is the one of
/// non-constant luminance.
enum class YuvMatrix { Bt601, Bt709, Bt2020, Smpte240m, Fcc };

/// The shares of red and blue in luma; green's is what is left to 1.
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

/// How light became the values of a picture. Networks and detectors know pictures as screens show them, so
/// the two of high dynamic range are brought to that, colour by colour, by a table (see transfer_table).
enum class Transfer {
  Display,  ///< Made for screens as they are: BT.709, sRGB, BT.601 and their like.
  Pq,       ///< SMPTE ST 2084, "HDR10".
  Hlg,      ///< ARIB STD-B67, hybrid log-gamma.
};

/// 256 bytes, full range to full range: what a value of such a picture is on a screen of usual range, with
/// diffuse white (203 cd/m², ITU-R BT.2408) near its top and what is brighter pressed together above. Null
/// for Display. The table lives as long as the program. Any thread.
const std::uint8_t* transfer_table(Transfer transfer) noexcept;

/// A borrowed, read-only image. Never owns and never copies the pixels: the caller keeps the planes alive and
/// unchanged while a function uses the view. A value type, cheap to copy.
///
/// The pixels lie in the process's own memory, unless cuda_device says that they are a CUDA device's to read.
struct ImageView {
  PixelFormat format = PixelFormat::Rgb;
  int width = 0;                                ///< Pixels, ≥ 1; odd sizes are fine in every format.
  int height = 0;                               ///< Pixels, ≥ 1.
  std::array<const std::uint8_t*, 3> planes{};  ///< As many as the format has; the rest are null.
  std::array<std::ptrdiff_t, 3> strides{};      ///< Bytes from one row to the next; may exceed the row.
  YuvMatrix matrix = YuvMatrix::Bt601;
  PixelRange range = PixelRange::Usual;
  Transfer transfer = Transfer::Display;
  /// A pixel's width over its height as it is shown: 1/16 to 16; 1 where pixels are square. Positions and
  /// sizes in pixels are never multiplied by it: it only says which shape a face has.
  float pixel_aspect = 1;
  /// −1, or the CUDA device that reads the planes where they are: its own memory, managed memory, or pinned
  /// host memory. Only Embedder::embed takes such an image, on that device, and what writes the pixels must
  /// have come to its end by then.
  int cuda_device = -1;
};

/// What there is to know of a pixel format: one row of the table below.
struct PixelLayout {
  PixelFormat format;
  const char* name;     ///< GStreamer's.
  int planes;           ///< 1 to 3.
  int pixel_bytes;      ///< From one pixel to the next in plane 0.
  int pixels_together;  ///< A row of plane 0 holds a whole number of so many pixels.
  int chroma_bytes;     ///< Of a sample in the planes behind the first, at half resolution; 0: there is none.
  bool yuv;             ///< Luma and chroma in the place of colours.
  bool blue_first;      ///< Blue, green, red in the place of red, green, blue.
};

/// All pixel formats: who reads pixels, or names formats, does it by this table. Any thread.
const std::array<PixelLayout, 11>& pixel_layouts() noexcept;
/// A format's row of it. Any thread.
const PixelLayout& layout_of(PixelFormat format) noexcept;

/// Number of planes of a format: 1, 2 (Nv12) or 3 (I420).
int plane_count(PixelFormat format) noexcept;

/// Whether a format holds luma and chroma.
bool is_yuv(PixelFormat format) noexcept;

/// Whether black is 0 and white 255.
bool full_range(const ImageView& image) noexcept;

/// Throws Error(InvalidArgument) unless sizes are positive (and at most 65,535), every plane is there, every
/// stride covers its row and the pixels' aspect is in its range; and for an image that a CUDA device is to
/// read.
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

/// Left eye, right eye, nose tip, left and right mouth corner, as seen in the image (left = smaller x in an
/// upright face).
using Landmarks = std::array<Point, 5>;

/// Where a face is. The box may reach beyond the image.
struct FaceRegion {
  Rect box;
  std::optional<Landmarks> landmarks;
  std::int64_t id = 0;  ///< The caller's; libembed only hands it back.
};

}  // namespace embed
