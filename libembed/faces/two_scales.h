// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "embed/faces/detector.h"

namespace embed::faces {

/// Two looks at large pictures: a coarse one for close faces, a fine one for far ones. Both looks' faces are
/// one list, of each face the surer.
class TwoScales final : public FaceDetector {
 public:
  using Make = std::function<std::unique_ptr<FaceDetector>(DetectorOptions)>;
  /// `make` makes a detector of one scale. Throws what it throws.
  TwoScales(const DetectorOptions& options, const Make& make);

  std::vector<DetectedFace> detect(const ImageView& image) override;
  std::string description() const override { return coarse_->description(); }

 private:
  FaceDetector& fine();

  DetectorOptions options_;
  Make make_;
  int coarse_side_, fine_side_;  ///< Of the copies' longer sides; 0: full size.
  std::unique_ptr<FaceDetector>
      coarse_;  ///< Keeps all faces; which of them stay is decided when both have looked.
  std::unique_ptr<FaceDetector> fine_;  ///< Made for the first picture that is large enough.
};

}  // namespace embed::faces
