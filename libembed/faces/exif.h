// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <opencv2/core.hpp>

namespace embed::faces {

/// The `Orientation` (1 to 8) of an EXIF block: the TIFF structure that JPEG's APP1, PNG's eXIf and WebP's
/// EXIF hold, with or without "Exif\0\0" before it. 1, upright, where there is none or where the block is
/// damaged. Any thread.
int exif_orientation(const std::uint8_t* block, std::size_t size) noexcept;

/// The picture as it is to be seen, by an `Orientation` of 1 to 8. Any type of matrix; any thread.
cv::Mat upright(const cv::Mat& picture, int orientation);

/// Turns clockwise by so many quarters.
cv::Mat turned_quarters(const cv::Mat& picture, int quarters);

}  // namespace embed::faces
