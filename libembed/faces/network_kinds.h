// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <opencv2/core.hpp>
#include <string>
#include <vector>

#include "embed/faces/detector.h"

namespace embed::faces {

/// A published network for finding faces that libembed-faces can decode. Immutable.
struct NetworkKind {
  const char* detector;              ///< The value of the option `detector`: "yunet" or "centerface".
  const char* description;           ///< For a log: "yunet (2023mar)".
  std::vector<std::string> outputs;  ///< Names of the file's outputs, by which it is known.
  bool takes_rgb;                    ///< Channels in the order R, G, B; else B, G, R.
  /// Whether cv::dnn may fuse layers. OpenCV 4.6 folds CenterFace's batch norms into their convolutions again
  /// whenever the size of the input changes, and then finds faces everywhere.
  bool fusion;
  /// From `outputs`, in their order, for an input of `canvas` pixels (sides multiples of 32) to the faces
  /// that reach `threshold`, in pixels of the canvas, before the suppression of overlaps. Throws
  /// Error(Format) when an output's size does not fit.
  std::vector<DetectedFace> (*decode)(const std::vector<cv::Mat>& outputs, cv::Size canvas, float threshold);
};

/// All of them.
const std::vector<NetworkKind>& network_kinds();

/// Which files to take for the option `detector` ("auto": for any of them), as the end of an error message.
std::string files_to_take(const std::string& detector);

}  // namespace embed::faces
