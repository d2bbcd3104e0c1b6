// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <opencv2/dnn.hpp>
#include <string>
#include <vector>

#include "embed/faces/detector.h"
#include "faces/network_kinds.h"

namespace embed::faces {

/// YuNet (Wu, Peng and Yu, 2023) or CenterFace (Xu et al., 2019) over cv::dnn. The outputs are decoded here,
/// so that every published file runs on every OpenCV from 4.6 on, at any frame size.
class NetworkDetector final : public FaceDetector {
 public:
  /// `options.model` is the ONNX file; what it holds is told by its outputs. `options.detector` is "auto", or
  /// the kind that it must be. Throws Error(NotFound | Io | Format).
  explicit NetworkDetector(const DetectorOptions& options);

  std::vector<DetectedFace> detect(const ImageView& image) override;
  std::string description() const override;

 private:
  /// Runs the network on canvas_; outputs_ in the order of kind_->outputs.
  void forward();
  std::vector<DetectedFace> decode() const;

  DetectorOptions options_;
  const NetworkKind* kind_ = nullptr;  ///< In network_kinds(); never null once constructed.
  cv::dnn::Net net_;
  cv::Mat canvas_;  ///< 8UC3 BGR, sides multiples of 32; the frame at the top left, the rest black.
  cv::Mat blob_;    ///< [1, 3, height, width] float32, 0 to 255, channels in the kind's order.
  std::vector<cv::Mat> outputs_;
};

}  // namespace embed::faces
