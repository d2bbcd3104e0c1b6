// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <opencv2/core.hpp>
#include <string>

#include "embed/image_view.h"

namespace embed::faces {

/// The size of a copy with square pixels whose longer side is at most `max_side` (0: no limit); both sides
/// ≥ 1. A side is larger than the image's only where its pixels are not square, so that no line or column is
/// lost.
cv::Size reduced_size(const ImageView& image, int max_side);

/// Resizes to `out`'s size and converts to BGR of full range, as a screen shows it, 8UC3. `out` is allocated
/// by the caller and may be a part of a larger matrix; it is written in place. The image's planes are read
/// where they lie: what is converted is the reduced copy. `image` must have passed validate().
void to_bgr(const ImageView& image, cv::Mat& out);

/// Resizes to `size` and converts to grey, 8UC1, in the image's own range. May return a header over the
/// image's own plane, so it must not be written and not outlive the image. `image` must have passed
/// validate().
cv::Mat to_gray(const ImageView& image, cv::Size size);

/// Colours or grey, 8-bit, from limited range to full: black becomes 0, white 255. `out` may be `limited`.
void to_full_range(const cv::Mat& limited, cv::Mat& out);

/// Runs `action`; an exception of OpenCV becomes Error(OutOfMemory) where memory was refused, else
/// Error(Internal) that starts with `what`.
void guard_opencv(const std::string& what, const std::function<void()>& action);

}  // namespace embed::faces
