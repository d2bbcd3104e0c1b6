// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <opencv2/core.hpp>
#include <vector>

#include "embed/faces/detector.h"

namespace embed::faces {

/// Drops what lies on an even surface, or beside the picture: 8UC3, in whose pixels the faces are, each
/// usable (see output_values.h).
void drop_even(std::vector<DetectedFace>& faces, const cv::Mat& picture);

/// Drops each face that overlaps a more confident one by more than `threshold` (greedy; O(n²) in the faces
/// kept).
void suppress_overlaps(std::vector<DetectedFace>& faces, float threshold);

/// Multiplies all coordinates by (x, y).
void scale_faces(std::vector<DetectedFace>& faces, float x, float y) noexcept;

/// Drops small faces, sorts by area (largest first) and keeps max_faces, as the options say. In pixels of the
/// full image.
void select_faces(std::vector<DetectedFace>& faces, const DetectorOptions& options);

}  // namespace embed::faces
