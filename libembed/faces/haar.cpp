// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faces/haar.h"

#include <algorithm>
#include <cmath>
#include <opencv2/core/persistence.hpp>
#include <opencv2/imgproc.hpp>

#include "embed/error.h"
#include "faces/convert.h"
#include "faces/files.h"
#include "faces/postprocess.h"

namespace embed::faces {

namespace {

constexpr double kScaleStep = 1.1;
constexpr int kNeighbours = 5;

// A cascade's square in YuNet's terms (from hair line to chin, between the ears), so that a crop rule needs
// to know one kind of box: medians over 955 LFW and CelebA photographs in which both find the face.
constexpr float kFaceHeight = 1.14F;
constexpr float kFaceWidth = 0.84F;

Rect face_box(const cv::Rect& square) {
  const auto side = static_cast<float>(square.width);
  const float x = static_cast<float>(square.x) + side / 2;
  const float y = static_cast<float>(square.y) + side / 2;
  return {x - side * kFaceWidth / 2, y - side * kFaceHeight / 2, side * kFaceWidth, side * kFaceHeight};
}

[[noreturn]] void refuse(const std::string& file, const std::string& why) {
  throw Error(ErrorCode::Format,
              why + "; take haarcascade_frontalface_default.xml of OpenCV's data (Debian: opencv-data)",
              file);
}

}  // namespace

HaarDetector::HaarDetector(const DetectorOptions& options) : options_(options) {
  const std::vector<std::uint8_t> bytes = read_file(options.model);
  if (bytes.empty()) refuse(options.model, "the file is empty, not a cascade");
  try {
    const std::string text(bytes.begin(), bytes.end());
    const cv::FileStorage storage(text, cv::FileStorage::READ | cv::FileStorage::MEMORY);
    if (!storage.isOpened() || !cascade_.read(storage.getFirstTopLevelNode())) {
      refuse(options.model, "not a cascade classifier");
    }
  } catch (const cv::Exception&) {
    refuse(options.model, "not a readable cascade file (damaged, truncated or of another kind)");
  }
  if (cascade_.empty()) refuse(options.model, "the cascade is empty");
}

std::vector<DetectedFace> HaarDetector::detect(const ImageView& image) {
  validate(image);
  std::vector<DetectedFace> faces;
  guard_opencv("face detection", [&] {
    const cv::Size size = reduced_size(image, options_.max_side);
    const float x = static_cast<float>(image.width) / static_cast<float>(size.width);
    const float y = static_cast<float>(image.height) / static_cast<float>(size.height);
    cv::equalizeHist(to_gray(image, size), equalised_);
    const int smallest = static_cast<int>(
        std::floor(static_cast<float>(options_.min_face_size) / (kFaceHeight * std::max(x, y))));
    std::vector<cv::Rect> boxes;
    cascade_.detectMultiScale(equalised_, boxes, kScaleStep, kNeighbours, 0, cv::Size(smallest, smallest));
    for (const cv::Rect& box : boxes) {
      DetectedFace face;
      face.confidence = 1;
      face.region.box = face_box(box);
      faces.push_back(face);
    }
    suppress_overlaps(faces, options_.nms_threshold);
    scale_faces(faces, x, y);
  });
  select_faces(faces, options_);
  return faces;
}

std::string HaarDetector::description() const {
  return "haar " + options_.model;
}

}  // namespace embed::faces
