// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "embed/image_view.h"

namespace embed::faces {

/// A decoded picture that owns its pixels (BGR or grey, tightly packed rows). Movable.
class Image {
 public:
  Image(PixelFormat format, int width, int height, std::vector<std::uint8_t> pixels);
  /// Valid while this object lives and is not moved from.
  ImageView view() const noexcept;

 private:
  PixelFormat format_;
  int width_, height_;
  std::vector<std::uint8_t> pixels_;
};

/// Decodes JPEG, PNG, PGM/PPM, BMP, WebP, TIFF (EXIF orientation applied) to BGR, or to grey for a grey file.
/// Throws Error(NotFound | Io | Format) that names the file.
Image load_image(const std::string& path);
/// Writes by the extension (.png, .jpg, …). Throws Error(InvalidArgument | Io).
void save_image(const std::string& path, const ImageView& image);
/// True for the extensions that load_image reads (case-insensitive).
bool is_image_path(const std::string& path);

/// A video file, device ("/dev/video0") or URL, read frame by frame.
class VideoReader {
 public:
  /// Throws Error(NotFound | Io | Format).
  explicit VideoReader(const std::string& source);
  ~VideoReader();
  VideoReader(const VideoReader&) = delete;
  VideoReader& operator=(const VideoReader&) = delete;
  /// The next frame in BGR; false at the end. The view is valid until the next call.
  bool next(ImageView& frame);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace embed::faces
