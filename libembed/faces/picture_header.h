// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace embed::faces {

/// What a picture file says before it is decoded.
struct PictureHeader {
  enum class Kind { Other, Jpeg, Png, WebP, Tiff, Bmp, Pnm, Gif, Heif };
  Kind kind = Kind::Other;
  std::int64_t width = 0, height = 0;  ///< 0 where the header does not say; JPEG's are its decoder's affair.
  int orientation = 1;                 ///< EXIF's, 1 to 8, of PNG and WebP.
  bool may_have_alpha = false;
  std::string fault;  ///< What is damaged in a PNG or WebP: not empty when the file is not whole.
};

/// `bytes`: the whole file. Never throws for what they hold; any thread.
PictureHeader read_picture_header(const std::vector<std::uint8_t>& bytes);

}  // namespace embed::faces
