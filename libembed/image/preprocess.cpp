// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/preprocess.h"

#include "image/crop_engine.h"
#include "image/crop_geometry.h"

namespace embed {

namespace {

CropEngine& engine() {
  static thread_local CropEngine engine(crop_kernels());
  return engine;
}

}  // namespace

std::size_t crop_bytes(const InputSpec& input) noexcept {
  return static_cast<std::size_t>(input.width) * static_cast<std::size_t>(input.height) *
         static_cast<std::size_t>(input.channels);
}

AffineMap crop_map(const ImageView& image, const FaceRegion& region, const InputSpec& input) {
  const CentredMap map = centred_map(image, &region, input);
  const double u = input.width / 2.0, v = input.height / 2.0;
  return {static_cast<float>(map.a),
          static_cast<float>(map.b),
          static_cast<float>(map.centre_x - map.a * u - map.b * v),
          static_cast<float>(map.d),
          static_cast<float>(map.e),
          static_cast<float>(map.centre_y - map.d * u - map.e * v)};
}

void crop_face(const ImageView& image, const FaceRegion& region, const InputSpec& input, std::uint8_t* out) {
  engine().crop(image, &region, input, out);
}

void crop_whole(const ImageView& image, const InputSpec& input, std::uint8_t* out) {
  engine().crop(image, nullptr, input, out);
}

}  // namespace embed
