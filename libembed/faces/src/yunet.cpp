// SPDX-License-Identifier: LGPL-2.1-or-later
#include "yunet.h"

#include <algorithm>
#include <exception>

#include "convert.h"
#include "embed/error.h"
#include "files.h"
#include "postprocess.h"
#include "yunet_decode.h"

namespace embed::faces {

namespace {

constexpr int kGranule = 32;    ///< The network's coarsest stride that both files have.
constexpr int kLeastSide = 64;  ///< The deepest layer of 2022mar vanishes on smaller pictures.
/// Least standard deviation of a face's pixels, in grey levels. On a black picture 2022mar is 0.8 sure of a
/// face.
constexpr double kLeastContrast = 2;

const std::vector<std::string> kOutputs2022 = {"loc", "conf", "iou"};
const std::vector<std::string> kOutputs2023 = {"cls_8",  "cls_16",  "cls_32",  "obj_8", "obj_16", "obj_32",
                                               "bbox_8", "bbox_16", "bbox_32", "kps_8", "kps_16", "kps_32"};

[[noreturn]] void refuse(const std::string& file, const std::string& why) {
  throw Error(
      ErrorCode::Format,
      why +
          "; take face_detection_yunet_2023mar.onnx or face_detection_yunet_2022mar.onnx of the OpenCV "
          "model zoo (not a quantised variant)",
      file);
}

int padded(int side) {
  return std::max(kLeastSide, (side + kGranule - 1) / kGranule * kGranule);
}

/// Drops what lies on an even surface, or beside the picture.
void drop_even(std::vector<DetectedFace>& faces, const cv::Mat& picture) {
  const auto is_even = [&](const DetectedFace& face) {
    const Rect& box = face.region.box;
    const cv::Rect2f found(box.x, box.y, box.width, box.height);
    const cv::Rect inside = cv::Rect(found) & cv::Rect(cv::Point(0, 0), picture.size());
    if (inside.empty()) return true;
    cv::Scalar mean, deviation;
    cv::meanStdDev(picture(inside), mean, deviation);
    return std::max({deviation[0], deviation[1], deviation[2]}) < kLeastContrast;
  };
  faces.erase(std::remove_if(faces.begin(), faces.end(), is_even), faces.end());
}

bool has_layers(const cv::dnn::Net& net, const std::vector<std::string>& names) {
  const std::vector<std::string> layers = net.getLayerNames();
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    // Newer versions of OpenCV name a layer after its output with a prefix that ends in '!'.
    return std::any_of(layers.begin(), layers.end(), [&](const std::string& layer) {
      return layer == name || (layer.size() > name.size() && layer[layer.size() - name.size() - 1] == '!' &&
                               layer.compare(layer.size() - name.size(), name.size(), name) == 0);
    });
  });
}

}  // namespace

YunetDetector::YunetDetector(const DetectorOptions& options) : options_(options) {
  const std::vector<std::uint8_t> bytes = read_file(options.model);
  if (bytes.empty()) refuse(options.model, "the file is empty, not a YuNet model");
  try {
    net_ = cv::dnn::readNetFromONNX(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  } catch (const std::exception&) {
    refuse(options.model, "not a readable ONNX model (damaged, truncated or of another kind)");
  }
  if (net_.empty()) refuse(options.model, "the ONNX model is empty");
  if (has_layers(net_, kOutputs2022)) {
    kind_ = Kind::March2022;
    output_names_ = kOutputs2022;
  } else if (has_layers(net_, kOutputs2023)) {
    kind_ = Kind::March2023;
    output_names_ = kOutputs2023;
  } else {
    refuse(options.model, "an ONNX model, but not YuNet: it has none of YuNet's outputs");
  }
  net_.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
  net_.setPreferableTarget(cv::dnn::DNN_TARGET_CPU);
  // A first pass shows whether this OpenCV can run the file, before the first frame comes. Two sizes, so that
  // a shape frozen into the file cannot pass.
  try {
    for (const cv::Size size : {cv::Size(96, 64), cv::Size(64, 96)}) {
      canvas_ = cv::Mat::zeros(size, CV_8UC3);
      forward();
      decode();
    }
  } catch (const std::exception& error) {
    refuse(options.model, std::string("the model does not run as YuNet: ") + error.what());
  }
}

void YunetDetector::forward() {
  cv::dnn::blobFromImage(canvas_, blob_);
  net_.setInput(blob_);
  net_.forward(outputs_, output_names_);
}

std::vector<DetectedFace> YunetDetector::decode() const {
  return kind_ == Kind::March2022 ? decode_march_2022(outputs_, canvas_.size(), options_.score_threshold)
                                  : decode_march_2023(outputs_, canvas_.size(), options_.score_threshold);
}

std::vector<DetectedFace> YunetDetector::detect(const ImageView& image) {
  validate(image);
  std::vector<DetectedFace> faces;
  guard_opencv("face detection", [&] {
    const cv::Size size = reduced_size(image, options_.max_side);
    const cv::Size canvas(padded(size.width), padded(size.height));
    if (canvas_.size() != canvas) canvas_.create(canvas, CV_8UC3);
    canvas_.setTo(cv::Scalar::all(0));
    cv::Mat part = canvas_(cv::Rect(cv::Point(0, 0), size));
    to_bgr(image, part);
    forward();
    faces = decode();
    drop_even(faces, part);
    suppress_overlaps(faces, options_.nms_threshold);
    scale_faces(faces, static_cast<float>(image.width) / static_cast<float>(size.width),
                static_cast<float>(image.height) / static_cast<float>(size.height));
  });
  select_faces(faces, options_);
  return faces;
}

std::string YunetDetector::description() const {
  return std::string("yunet (") + (kind_ == Kind::March2022 ? "2022mar" : "2023mar") + ") " + options_.model;
}

}  // namespace embed::faces
