// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "embed/image_view.h"

namespace embed::faces {

/// A decoded picture that owns its pixels (BGR or grey, tightly packed rows). Movable.
class Image {
 public:
  Image(PixelFormat format, int width, int height, std::vector<std::uint8_t> pixels,
        std::string warning = {});
  /// Valid while this object lives and is not moved from.
  ImageView view() const noexcept;
  /// What the decoder noticed in the file and could mend without loss of pixels, in its words; empty for a
  /// sound file.
  const std::string& warning() const noexcept { return warning_; }

 private:
  PixelFormat format_;
  int width_, height_;
  std::vector<std::uint8_t> pixels_;
  std::string warning_;
};

/// Pixels that load_image reads at most unless it is told otherwise.
constexpr std::int64_t kMaxPixels = 64'000'000;

/// Decodes JPEG, PNG, PGM/PPM, BMP, WebP, TIFF to BGR, or to grey for a grey file, turned as the file says
/// (EXIF of JPEG, PNG and WebP, TIFF's own tag). What is transparent becomes grey. A JPEG of more than
/// `max_pixels` (0: no limit) is read reduced to a half, a quarter or an eighth; what is larger even then, or
/// of another format, is refused by its header. Throws Error(NotFound | Io | Format | OutOfMemory) that names
/// the file, also where it is damaged so that pixels are lost.
Image load_image(const std::string& path, std::int64_t max_pixels = kMaxPixels);
/// A BGR copy, turned clockwise by so many quarters, its longer side at most `max_side` (0: as it is). Every
/// PixelFormat. Throws Error(InvalidArgument | OutOfMemory).
Image turned(const ImageView& image, int quarters, int max_side = 0);
/// Writes by the extension (.png, .jpg, …). Throws Error(InvalidArgument | Io).
void save_image(const std::string& path, const ImageView& image);
/// True for the extensions that load_image reads (case-insensitive).
bool is_image_path(const std::string& path);

}  // namespace embed::faces
