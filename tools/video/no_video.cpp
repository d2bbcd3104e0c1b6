// SPDX-License-Identifier: LGPL-2.1-or-later
// video.h for a build without GStreamer.
#include "embed/address.h"
#include "embed/error.h"
#include "video/video.h"

namespace video {

struct Video::Impl {};

Video::Video(const std::string& source, const VideoOptions&) {
  throw embed::Error(
      embed::ErrorCode::Unsupported,
      "cannot read videos: this build has no GStreamer (it was configured with -Dgst=disabled); pictures "
      "of a person do (--images, --folder)",
      embed::public_address(source));
}
Video::~Video() = default;
bool Video::next(embed::ImageView&) {
  return false;
}
double Video::seconds() const noexcept {
  return 0;
}
double Video::end() const noexcept {
  return 0;
}
std::size_t Video::damaged() const noexcept {
  return 0;
}
double Video::first_damaged() const noexcept {
  return 0;
}
bool Video::endless() const noexcept {
  return false;
}

}  // namespace video
