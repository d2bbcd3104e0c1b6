// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "embed/image_view.h"

namespace embed::faces {

/// A decoded image that owns its pixels (BGR or grey, tightly packed rows). A value type.
class Image {
 public:
  Image(PixelFormat format, int width, int height, std::vector<std::uint8_t> pixels,
        std::string warning = {});
  /// A view that is valid while this object lives and is not moved from.
  ImageView view() const noexcept;
  /// What the decoder found wrong with the file and corrected without losing pixels, in its own words; empty
  /// for a sound file.
  const std::string& warning() const noexcept { return warning_; }

 private:
  PixelFormat format_;
  int width_, height_;
  std::vector<std::uint8_t> pixels_;
  std::string warning_;
};

/// The most pixels that load_image reads by default.
constexpr std::int64_t kMaxPixels = 64'000'000;

/// Decodes JPEG, PNG, PGM/PPM, BMP, WebP, TIFF and, in a build with libheif, HEIC and AVIF to BGR, or to grey
/// for a grey file, turned as the file says (EXIF of JPEG, PNG and WebP, TIFF's own tag, HEIC's and AVIF's).
/// Transparent parts become grey. A JPEG of more than `max_pixels` (0: no limit) is reduced to a half, a
/// quarter or an eighth of its sides; one that is larger even then, and a file of another format that is too
/// large, is refused before it is decoded. Throws Error(NotFound | Io | Format | OutOfMemory) that names the
/// file; Format also for a file so damaged that pixels are lost.
Image load_image(const std::string& path, std::int64_t max_pixels = kMaxPixels);
/// The same of a file's content, [size] bytes of the caller's; `name` is what errors call it.
Image decode_image(const std::uint8_t* bytes, std::size_t size, const std::string& name,
                   std::int64_t max_pixels = kMaxPixels);
/// A BGR copy of an image in any PixelFormat, turned clockwise by that many quarters, with a longer side of
/// at most `max_side` (0: unchanged). Throws Error(InvalidArgument | OutOfMemory).
Image turned(const ImageView& image, int quarters, int max_side = 0);
/// Writes an image file of the kind that the extension names (.png, .jpg, …). Throws Error(InvalidArgument |
/// Io).
void save_image(const std::string& path, const ImageView& image);
/// Whether load_image reads files with this extension, in upper or lower case.
bool is_image_path(const std::string& path);

}  // namespace embed::faces
