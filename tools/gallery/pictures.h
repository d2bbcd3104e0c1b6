// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string>

namespace gallery_tool {

/// A picture's file for a browser: its type, such as `image/jpeg`, and its bytes.
struct Picture {
  std::string type, bytes;
};

/// The first of these files that is there: `base` with .jpg, .png, .ppm or .pgm behind it. A PPM or PGM is
/// made a BMP, since no browser shows it. Nothing where there is none, and for what is no such picture or
/// has more than a million pixels. `base` is made of checked parts alone, and never of a request's text.
std::optional<Picture> read_picture(const std::string& base);
/// The bytes of the file as it is.
std::optional<std::string> read_file(const std::string& base);
/// As read_picture() of such a file's bytes.
std::optional<Picture> picture_of(const std::string& bytes);
/// Whether one of these files is there.
bool has_picture(const std::string& base);

}  // namespace gallery_tool
