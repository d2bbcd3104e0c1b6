// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <opencv2/dnn.hpp>
#include <string>
#include <vector>

#include "embed/faces/detector.h"

namespace embed::faces {

/// YuNet (Wu, Peng and Yu, 2023) over cv::dnn. Decodes the outputs itself, so that both published files run
/// on every OpenCV from 4.6 on, at any frame size.
class YunetDetector final : public FaceDetector {
 public:
  /// `options.model` is the ONNX file. Throws Error(NotFound | Io | Format).
  explicit YunetDetector(const DetectorOptions& options);

  std::vector<DetectedFace> detect(const ImageView& image) override;
  std::string description() const override;

 private:
  enum class Kind { March2022, March2023 };

  /// Runs the network on canvas_; outputs_ in the order of output_names_.
  void forward();
  std::vector<DetectedFace> decode() const;

  DetectorOptions options_;
  Kind kind_ = Kind::March2022;
  cv::dnn::Net net_;
  std::vector<std::string> output_names_;
  cv::Mat canvas_;  ///< 8UC3 BGR, sides multiples of 32; the frame at the top left, the rest black.
  cv::Mat blob_;    ///< [1, 3, height, width] float32, 0 to 255.
  std::vector<cv::Mat> outputs_;
};

}  // namespace embed::faces
