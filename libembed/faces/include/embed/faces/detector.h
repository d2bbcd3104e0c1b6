// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "embed/image_view.h"

namespace embed::faces {

/// Defaults and meanings as in kDetectorOptions (embed/options.h).
struct DetectorOptions {
  std::string detector = "auto";  ///< "auto", "yunet", "centerface" or "haar".
  std::string model;              ///< ONNX or cascade XML; empty: searched for.
  float score_threshold = 0.75F;  ///< 0 to 1.
  float nms_threshold = 0.3F;     ///< 0 to 1.
  int min_face_size = 0;          ///< Pixels of the full image.
  int max_faces = 0;              ///< 0: all.
  int max_side = 480;             ///< Pixels; 0: full size.
  /// Looks at a large picture. 2: a second one at four times max_side (of max_side 0: at 480), so that far
  /// faces and close ones are both found; a picture hardly larger than the first look is looked at once all
  /// the same.
  int scales = 1;
};

struct DetectedFace {
  FaceRegion region;     ///< In pixels of the full image; the box may reach a little beyond it. id is 0.
  float confidence = 0;  ///< 0 to 1; a Haar cascade has none and says 1.
};

/// Finds faces. One instance serves one thread at a time; instances are independent.
class FaceDetector {
 public:
  virtual ~FaceDetector() = default;
  /// Largest face first. Every PixelFormat. Throws Error(InvalidArgument) for an invalid image and
  /// Error(Internal) when the backend fails.
  virtual std::vector<DetectedFace> detect(const ImageView& image) = 0;
  /// One line for a log: "yunet (2022mar) /path/to/model.onnx".
  virtual std::string description() const = 0;
};

/// The detector that the options ask for. "auto": what `model` is (an .onnx file's outputs tell YuNet from
/// CenterFace, a cascade is XML), else what TRIPLETEMBED_DETECTOR names, else what lies in the user's or
/// system's data folders (tripletembed/models/face_detection_yunet*.onnx, then centerface*.onnx, under
/// $XDG_DATA_HOME,
/// ~/.local/share, /usr/local/share, /usr/share), else OpenCV's frontal-face Haar cascade. Throws
/// Error(NotFound | Format | Unsupported | InvalidArgument) that names the file.
std::unique_ptr<FaceDetector> make_detector(const DetectorOptions& options = {});

}  // namespace embed::faces
