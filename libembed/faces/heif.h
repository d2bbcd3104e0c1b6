// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

namespace embed::faces {

/// Whether this build decodes HEIC and AVIF (with libheif).
bool reads_heif();

/// The primary picture of a HEIC or AVIF file: 8UC3 BGR, or 8UC4 with alpha; turned and cut as the file says,
/// samples of more bits as 8. Throws Error(Format) that names `path` where the file is damaged, has more than
/// `max_pixels` (0: no limit), no decoder for its codec is there, or this build has no libheif;
/// Error(OutOfMemory). Any thread.
cv::Mat decode_heif(const std::vector<std::uint8_t>& bytes, const std::string& path, std::int64_t max_pixels);

}  // namespace embed::faces
