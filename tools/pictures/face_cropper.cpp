// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pictures/face_cropper.h"

#include <algorithm>

#include "embed/preprocess.h"

namespace pictures {

FaceCropper::FaceCropper(const embed::InputSpec& input, const command_line::TableFlags& detector)
    : input_(input), max_megapixels_(detector.integer("max-megapixels")) {
  if (!whole()) finder_.emplace(detector);
}

std::vector<FoundFace> FaceCropper::find(const embed::ImageView& image, bool still) {
  if (finder_) return still ? finder_->find_hard(image) : finder_->find(image);
  FoundFace all;
  all.region.box = {0, 0, static_cast<float>(image.width), static_cast<float>(image.height)};
  all.confidence = 1;
  return {all};
}

std::optional<Turned> FaceCropper::turned(const std::vector<embed::ImageView>& images) {
  if (!finder_) return std::nullopt;
  Turned best;
  // Detectors find some faces upside down too, but are less sure of them.
  float surest = 0;
  for (const int quarters : {1, 3, 2}) {
    std::size_t faces = 0;
    float sure = 0;
    for (const embed::ImageView& image : images) {
      for (const FoundFace& face : finder_->find_turned(image, quarters)) {
        ++faces;
        sure += face.confidence;
      }
    }
    if (sure > surest) best = {90 * quarters, faces};
    surest = std::max(surest, sure);
  }
  if (best.faces == 0) return std::nullopt;
  return best;
}

embed::FaceQuality FaceCropper::cut(const embed::ImageView& image, const FoundFace& face,
                                    std::vector<std::uint8_t>& crops) const {
  const std::size_t start = crops.size();
  crops.resize(start + embed::crop_bytes(input_));
  embed::crop_face(image, face.region, input_, crops.data() + start);
  if (whole()) return {};
  return embed::face_quality(image, face.region, input_, crops.data() + start, face.confidence);
}

}  // namespace pictures
