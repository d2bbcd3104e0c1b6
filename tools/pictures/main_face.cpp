// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <cmath>

#include "pictures/pictures.h"

namespace pictures {

const FoundFace& main_face(const std::vector<FoundFace>& faces, const embed::ImageView& image) {
  const float centre_x = static_cast<float>(image.width) / 2;
  const float centre_y = static_cast<float>(image.height) / 2;
  const float reach = std::hypot(centre_x, centre_y);
  const auto weight = [&](const FoundFace& face) {
    const embed::Rect& box = face.region.box;
    const float off = std::hypot(box.x + box.width / 2 - centre_x, box.y + box.height / 2 - centre_y);
    // Squared, so that a large face at the edge does not beat the one that the picture was cut around.
    const float nearness = std::max(0.0F, 1 - off / reach);
    return std::max(box.width, box.height) * nearness * nearness;
  };
  return *std::max_element(faces.begin(), faces.end(),
                           [&](const FoundFace& a, const FoundFace& b) { return weight(a) < weight(b); });
}

embed::FaceRegion centre_box(const embed::ImageView& image, float fraction) {
  const float side = fraction * static_cast<float>(std::min(image.width, image.height));
  embed::FaceRegion region;
  region.box = {(static_cast<float>(image.width) - side) / 2, (static_cast<float>(image.height) - side) / 2,
                side, side};
  return region;
}

}  // namespace pictures
