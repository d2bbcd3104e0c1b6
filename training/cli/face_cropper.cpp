// SPDX-License-Identifier: LGPL-2.1-or-later
#include "face_cropper.h"

#include "embed/preprocess.h"

namespace training::cli {

FaceCropper::FaceCropper(const embed::InputSpec& input, const TableFlags& detector) : input_(input) {
  if (!whole()) finder_.emplace(detector);
}

std::vector<FoundFace> FaceCropper::find(const embed::ImageView& image, bool still) {
  if (finder_) return still ? finder_->find_hard(image) : finder_->find(image);
  FoundFace all;
  all.region.box = {0, 0, static_cast<float>(image.width), static_cast<float>(image.height)};
  all.confidence = 1;
  return {all};
}

void FaceCropper::cut(const embed::ImageView& image, const FoundFace& face,
                      std::vector<std::uint8_t>& crops) const {
  const std::size_t start = crops.size();
  crops.resize(start + embed::crop_bytes(input_));
  embed::crop_face(image, face.region, input_, crops.data() + start);
}

}  // namespace training::cli
