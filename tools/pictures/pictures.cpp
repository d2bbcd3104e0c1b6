// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pictures/pictures.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "embed/faces/detector.h"
#include "embed/faces/media.h"
#include "embed/preprocess.h"

namespace pictures {

namespace {

constexpr std::int64_t kMillion = 1'000'000;
/// Pictures up to this longer side get a second, enlarged look.
constexpr int kSmallPicture = 320;
constexpr float kBorder = 1.5F;  ///< The enlarged copy shows this many times the picture's side.
constexpr int kHardLookSide = 512;
/// A copy that is turned needs to be no larger than this to tell which way is up.
constexpr int kTurnedSide = 1280;

std::vector<FoundFace> plain(const std::vector<embed::faces::DetectedFace>& detected) {
  std::vector<FoundFace> faces;
  for (const embed::faces::DetectedFace& face : detected) faces.push_back({face.region, face.confidence});
  return faces;
}

/// From pixels of a copy to those of the picture: scaled, then moved by (left, top).
void map_back(embed::FaceRegion& region, float scale, float left, float top) {
  region.box = {region.box.x * scale + left, region.box.y * scale + top, region.box.width * scale,
                region.box.height * scale};
  if (!region.landmarks) return;
  for (embed::Point& point : *region.landmarks) point = {point.x * scale + left, point.y * scale + top};
}

}  // namespace

Picture load_picture(const std::string& path, int max_megapixels) {
  auto image =
      std::make_shared<embed::faces::Image>(embed::faces::load_image(path, max_megapixels * kMillion));
  if (!image->warning().empty())
    std::fprintf(stderr, "%s: a little damaged: %s\n", path.c_str(), image->warning().c_str());
  return {image, image->view(), image->warning()};
}

Picture decode_picture(const std::uint8_t* bytes, std::size_t size, const std::string& name,
                       int max_megapixels) {
  auto image = std::make_shared<embed::faces::Image>(
      embed::faces::decode_image(bytes, size, name, max_megapixels * kMillion));
  return {image, image->view(), image->warning()};
}

Picture small_copy(const embed::ImageView& frame) {
  auto image = std::make_shared<embed::faces::Image>(embed::faces::turned(frame, 0, kTurnedSide));
  return {image, image->view()};
}

void save_picture(const std::string& path, const embed::ImageView& image) {
  embed::faces::save_image(path, image);
}

void require_pictures() {}

bool is_picture_path(const std::string& path) {
  return embed::faces::is_image_path(path);
}

struct FaceFinder::Impl {
  embed::faces::DetectorOptions options;
  std::unique_ptr<embed::faces::FaceDetector> detector, still_detector;
  std::unique_ptr<embed::faces::FaceDetector> hard_detector;  // at full size; made when first needed

  embed::faces::FaceDetector& hard() {
    if (!hard_detector) {
      embed::faces::DetectorOptions full_size = options;
      full_size.max_side = 0;
      full_size.scales = 1;
      full_size.min_face_size = 0;
      hard_detector = embed::faces::make_detector(full_size);
    }
    return *hard_detector;
  }
};

FaceFinder::FaceFinder(const command_line::TableFlags& flags) : impl_(std::make_unique<Impl>()) {
  embed::faces::DetectorOptions& options = impl_->options;
  options.detector = flags.text("detector");
  options.model = flags.text("detector-model");
  options.score_threshold = static_cast<float>(flags.number("score-threshold"));
  options.nms_threshold = static_cast<float>(flags.number("nms-threshold"));
  options.min_face_size = flags.integer("min-face-size");
  options.max_faces = flags.integer("max-faces");
  options.max_side = flags.integer("max-side");
  const std::string& scales = flags.text("scales");
  options.scales = scales == "2" ? 2 : 1;
  impl_->detector = embed::faces::make_detector(options);
  options.scales = scales == "1" ? 1 : 2;
  impl_->still_detector = embed::faces::make_detector(options);
}

FaceFinder::~FaceFinder() = default;

std::vector<FoundFace> FaceFinder::find(const embed::ImageView& image) {
  return plain(impl_->detector->detect(image));
}

std::vector<FoundFace> FaceFinder::find_hard(const embed::ImageView& image) {
  std::vector<FoundFace> faces = plain(impl_->still_detector->detect(image));
  const int side = std::max(image.width, image.height);
  if (!faces.empty() || side > kSmallPicture) return faces;
  // A square box around the picture, cut by the one implementation of cropping: black outside the picture.
  const float shown = kBorder * static_cast<float>(side);
  const float left = (static_cast<float>(image.width) - shown) / 2;
  const float top = (static_cast<float>(image.height) - shown) / 2;
  embed::InputSpec input;
  input.width = input.height = kHardLookSide;
  input.crop.alignment = embed::Alignment::Box;
  embed::FaceRegion whole;
  whole.box = {left, top, shown, shown};
  std::vector<std::uint8_t> pixels(embed::crop_bytes(input));
  embed::crop_face(image, whole, input, pixels.data());
  embed::ImageView enlarged;
  enlarged.format = embed::PixelFormat::Rgb;
  enlarged.width = enlarged.height = kHardLookSide;
  enlarged.planes[0] = pixels.data();
  enlarged.strides[0] = std::ptrdiff_t{3} * kHardLookSide;
  faces = plain(impl_->hard().detect(enlarged));
  const float scale = shown / static_cast<float>(kHardLookSide);
  for (FoundFace& face : faces) map_back(face.region, scale, left, top);
  return faces;
}

std::vector<FoundFace> FaceFinder::find_turned(const embed::ImageView& image, int quarters) {
  const embed::faces::Image copy = embed::faces::turned(image, quarters, kTurnedSide);
  return plain(impl_->still_detector->detect(copy.view()));
}

std::string FaceFinder::description() const {
  return impl_->detector->description();
}

std::string describe_detector(const std::string& model_path) {
  embed::faces::DetectorOptions options;
  options.model = model_path;
  const bool cascade = model_path.size() > 4 && model_path.compare(model_path.size() - 4, 4, ".xml") == 0;
  options.detector = cascade ? "haar" : "auto";
  return embed::faces::make_detector(options)->description();
}

}  // namespace pictures
