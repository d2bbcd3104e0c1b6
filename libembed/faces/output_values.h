// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <opencv2/core.hpp>

#include "embed/faces/detector.h"

namespace embed::faces {

/// The values of a network's output, which `output` owns: `count` float32. Throws Error(Format) that names
/// the output when they are of another type or number.
const float* output_values(const cv::Mat& output, std::size_t count, const char* name);

/// Whether the box has an area, and no part of it or of the landmarks is more than a million pixels large or
/// away: what a damaged file gives must not overflow further on.
bool is_usable(const DetectedFace& face) noexcept;

}  // namespace embed::faces
