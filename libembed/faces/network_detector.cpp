// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faces/network_detector.h"

#include <algorithm>
#include <exception>

#include "embed/error.h"
#include "faces/convert.h"
#include "faces/files.h"
#include "faces/postprocess.h"

namespace embed::faces {

namespace {

constexpr int kGranule = 32;    ///< The networks' coarsest stride that all files have.
constexpr int kLeastSide = 64;  ///< The deepest layer of YuNet's 2022mar vanishes on smaller pictures.

[[noreturn]] void refuse(const DetectorOptions& options, const std::string& why) {
  throw Error(ErrorCode::Format, why + "; " + files_to_take(options.detector), options.model);
}

int padded(int side) {
  return std::max(kLeastSide, (side + kGranule - 1) / kGranule * kGranule);
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

/// What `net` is, by its outputs; null when it is none that we know.
const NetworkKind* kind_of(const cv::dnn::Net& net) {
  const auto& kinds = network_kinds();
  const auto found = std::find_if(kinds.begin(), kinds.end(),
                                  [&](const NetworkKind& kind) { return has_layers(net, kind.outputs); });
  return found == kinds.end() ? nullptr : &*found;
}

/// The middle of an error message about a network that is none of ours.
std::string not_of(const std::string& detector) {
  if (detector == "yunet") return "not YuNet: it has none of YuNet's";
  if (detector == "centerface") return "not CenterFace: it has none of CenterFace's";
  return "not YuNet and not CenterFace: it has neither's";
}

}  // namespace

NetworkDetector::NetworkDetector(const DetectorOptions& options) : options_(options) {
  const std::vector<std::uint8_t> bytes = read_file(options.model);
  if (bytes.empty()) refuse(options, "the file is empty, not a face detector's model");
  try {
    net_ = cv::dnn::readNetFromONNX(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  } catch (const std::exception&) {
    refuse(options, "not a readable ONNX model (damaged, truncated or of another kind)");
  }
  if (net_.empty()) refuse(options, "the ONNX model is empty");
  kind_ = kind_of(net_);
  if (kind_ == nullptr) refuse(options, "an ONNX model, but " + not_of(options.detector) + " outputs");
  if (options.detector != "auto" && options.detector != kind_->detector) {
    refuse(options, std::string("a ") + kind_->detector + " model where detector=" + options.detector +
                        " expects its own");
  }
  net_.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
  net_.setPreferableTarget(cv::dnn::DNN_TARGET_CPU);
  net_.enableFusion(kind_->fusion);
  // A first pass shows whether this OpenCV can run the file, before the first frame comes. Two sizes, so that
  // a shape frozen into the file cannot pass.
  try {
    for (const cv::Size size : {cv::Size(96, 64), cv::Size(64, 96)}) {
      canvas_ = cv::Mat::zeros(size, CV_8UC3);
      forward();
      decode();
    }
  } catch (const std::exception& error) {
    refuse(options, std::string("the model does not run as ") + kind_->description + ": " + error.what());
  }
}

void NetworkDetector::forward() {
  cv::dnn::blobFromImage(canvas_, blob_, 1, cv::Size(), cv::Scalar(), kind_->takes_rgb);
  net_.setInput(blob_);
  net_.forward(outputs_, kind_->outputs);
}

std::vector<DetectedFace> NetworkDetector::decode() const {
  return kind_->decode(outputs_, canvas_.size(), options_.score_threshold);
}

std::vector<DetectedFace> NetworkDetector::detect(const ImageView& image) {
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

std::string NetworkDetector::description() const {
  return std::string(kind_->description) + ' ' + options_.model;
}

}  // namespace embed::faces
