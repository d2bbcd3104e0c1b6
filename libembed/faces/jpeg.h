// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

namespace embed::faces {

struct DecodedJpeg {
  cv::Mat picture;      ///< 8UC3 BGR or 8UC1 grey; as stored, not turned.
  int orientation = 1;  ///< EXIF's, 1 to 8.
  std::string warning;  ///< What the decoder noticed and could mend without loss of pixels; else empty.
};

/// Decodes with libjpeg, whose every warning is caught: those that mean lost pixels are errors. More than
/// `max_pixels` (0: no limit) are decoded to an eighth at least. Throws Error(Format | Unsupported |
/// OutOfMemory) that names `path`. Any thread.
DecodedJpeg decode_jpeg(const std::vector<std::uint8_t>& bytes, const std::string& path,
                        std::int64_t max_pixels);

}  // namespace embed::faces
