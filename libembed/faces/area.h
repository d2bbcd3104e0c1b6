// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <opencv2/core.hpp>

namespace embed::faces {

/// Resizes to `target`'s size, neither side larger, by averaging over the area that each pixel covers: what
/// cv::resize does with INTER_AREA, to a grey level, but several times as fast where the sides do not divide.
/// `source` is 8UC1 to 8UC4, `target` of its type and allocated; it may be a part of a larger matrix. Any
/// thread.
void reduce_by_area(const cv::Mat& source, cv::Mat& target);

}  // namespace embed::faces
