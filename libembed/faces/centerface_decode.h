// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <opencv2/core.hpp>
#include <vector>

#include "embed/faces/detector.h"

namespace embed::faces {

/// Decodes CenterFace's raw outputs. `canvas` is the network's input size, sides multiples of 32; with rows =
/// canvas.height / 4 and columns = canvas.width / 4, `outputs` are float32: heat map [1, 1, rows, columns] of
/// probabilities, scale [1, 2, rows, columns] (height, width), offset [1, 2, rows, columns] (y, x) and
/// landmarks [1, 10, rows, columns] (y and x of five points). The faces are in pixels of the canvas, before
/// the suppression of overlaps. Throws Error(Format) when an output's size does not fit.
std::vector<DetectedFace> decode_centerface(const std::vector<cv::Mat>& outputs, cv::Size canvas,
                                            float threshold);

}  // namespace embed::faces
