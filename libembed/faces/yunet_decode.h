// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <opencv2/core.hpp>
#include <vector>

#include "embed/faces/detector.h"

namespace embed::faces {

/// Decoders of YuNet's raw outputs. `canvas` is the network's input size, sides multiples of 32; the faces
/// are in its pixels, before the suppression of overlaps. Throws Error(Format) when an output's size does not
/// fit.

/// The 2022mar file. `outputs`: loc [P, 14], conf [P, 2], iou [P, 1] float32, for P prior boxes.
std::vector<DetectedFace> decode_march_2022(const std::vector<cv::Mat>& outputs, cv::Size canvas,
                                            float threshold);

/// The 2023mar file. `outputs`: cls [C, 1], obj [C, 1], bbox [C, 4], kps [C, 10] float32, each for the
/// strides 8, 16 and 32 (cls_8, cls_16, cls_32, obj_8, …), C being the cells of that stride.
std::vector<DetectedFace> decode_march_2023(const std::vector<cv::Mat>& outputs, cv::Size canvas,
                                            float threshold);

}  // namespace embed::faces
