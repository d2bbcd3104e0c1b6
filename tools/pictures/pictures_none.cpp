// SPDX-License-Identifier: LGPL-2.1-or-later
// pictures.h for a build without OpenCV.
#include <string>

#include "embed/error.h"
#include "pictures/pictures.h"

namespace pictures {

namespace {

[[noreturn]] void missing(const std::string& what) {
  throw embed::Error(
      embed::ErrorCode::Unsupported,
      what +
          ": this build has no OpenCV (it was configured with -Dfaces=disabled); packed data sets "
          "and IDX files work");
}

}  // namespace

Picture load_picture(const std::string& path, int) {
  missing("cannot read the image " + path);
}
Picture decode_picture(const std::uint8_t*, std::size_t, const std::string& name, int) {
  missing("cannot read the image " + name);
}
Picture small_copy(const embed::ImageView&) {
  missing("cannot keep a frame");
}
void save_picture(const std::string& path, const embed::ImageView&) {
  missing("cannot write the image " + path);
}
void require_pictures() {
  missing("cannot read image files");
}
bool is_picture_path(const std::string&) {
  return false;
}

struct FaceFinder::Impl {};
FaceFinder::FaceFinder(const command_line::TableFlags&) {
  missing("cannot detect faces");
}
FaceFinder::~FaceFinder() = default;
std::vector<FoundFace> FaceFinder::find(const embed::ImageView&) {
  return {};
}
std::vector<FoundFace> FaceFinder::find_hard(const embed::ImageView&) {
  return {};
}
std::vector<FoundFace> FaceFinder::find_turned(const embed::ImageView&, int) {
  return {};
}
std::string FaceFinder::description() const {
  return "none";
}

std::string describe_detector(const std::string& model_path) {
  missing("cannot load the detector " + model_path);
}

}  // namespace pictures
