// SPDX-License-Identifier: LGPL-2.1-or-later
// A build without libheif.
#include "embed/error.h"
#include "faces/heif.h"

namespace embed::faces {

bool reads_heif() {
  return false;
}

cv::Mat decode_heif(const std::vector<std::uint8_t>&, const std::string& path, std::int64_t) {
  throw Error(ErrorCode::Format,
              "a HEIC or AVIF picture, which is not read (built without libheif): convert it to JPEG or PNG",
              path);
}

}  // namespace embed::faces
