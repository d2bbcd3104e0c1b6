// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <opencv2/objdetect.hpp>
#include <string>
#include <vector>

#include "embed/faces/detector.h"

namespace embed::faces {

/// OpenCV's boosted cascade of Haar features (Viola and Jones, 2001). Boxes alone: no landmarks,
/// confidence 1.
class HaarDetector final : public FaceDetector {
 public:
  /// `options.model` is the cascade's XML file. Throws Error(NotFound | Io | Format).
  explicit HaarDetector(const DetectorOptions& options);

  std::vector<DetectedFace> detect(const ImageView& image) override;
  std::string description() const override;

 private:
  DetectorOptions options_;
  cv::CascadeClassifier cascade_;
  cv::Mat equalised_;
};

}  // namespace embed::faces
