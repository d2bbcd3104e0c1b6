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
  /// How often a large image is looked at. 2: once more at four times max_side (at 480 when max_side is 0),
  /// so that both far and close faces are found; an image that is hardly larger than max_side is still looked
  /// at once.
  int scales = 1;
};

struct DetectedFace {
  FaceRegion region;     ///< In pixels of the full image; the box may reach a little beyond it. id is 0.
  float confidence = 0;  ///< 0 to 1; a Haar cascade has none and says 1.
};

/// Finds faces. One thread at a time; instances are independent.
class FaceDetector {
 public:
  virtual ~FaceDetector() = default;
  /// The faces of an image in any PixelFormat, the largest first. Throws Error(InvalidArgument) for an
  /// invalid image and Error(Internal) when the backend fails.
  virtual std::vector<DetectedFace> detect(const ImageView& image) = 0;
  /// One line for a log: "yunet (2022mar) /path/to/model.onnx".
  virtual std::string description() const = 0;
};

/// The detector that the options ask for. "auto" takes the first model of these: the file `model`, the file
/// that TRIPLETEMBED_DETECTOR names, tripletembed/models/face_detection_yunet*.onnx and then centerface*.onnx
/// under $XDG_DATA_HOME, ~/.local/share, /usr/local/share and /usr/share, and OpenCV's frontal-face Haar
/// cascade. The kind of a file is read off its content: a cascade is XML, and the outputs of an ONNX network
/// tell YuNet from CenterFace. Throws Error(NotFound | Format | Unsupported | InvalidArgument) that names the
/// file.
std::unique_ptr<FaceDetector> make_detector(const DetectorOptions& options = {});

}  // namespace embed::faces
