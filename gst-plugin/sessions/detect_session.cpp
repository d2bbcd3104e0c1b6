// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessions/detect_session.h"

#include <string_view>

#include "embed/error.h"

namespace embed::gst {
namespace {

constexpr OptionSpec kDetectInterval = {
    "detect-interval",
    OptionType::Int,
    1,
    1000000,
    "1",
    "",
    "Look for faces on every Nth frame; the frames between get the last ones found, marked as predicted"};

}  // namespace

const std::vector<ElementOption>& detect_options() {
  static const std::vector<ElementOption> options = [] {
    std::vector<ElementOption> all;
    for (OptionSpec spec : kDetectorOptions) {
      if (std::string_view(spec.name) == "detector-model") spec.name = "model";
      all.push_back({spec, Takes::AtStart});
    }
    all.push_back({kDetectInterval, Takes::AtOnce});
    return all;
  }();
  return options;
}

DetectSettings DetectSettings::from(const OptionValues& values) {
  DetectSettings s;
  s.detector.detector = values.text("detector");
  s.detector.model = values.text("model");
  s.detector.score_threshold = static_cast<float>(values.number("score-threshold"));
  s.detector.nms_threshold = static_cast<float>(values.number("nms-threshold"));
  s.detector.min_face_size = values.integer("min-face-size");
  s.detector.max_faces = values.integer("max-faces");
  s.detector.max_side = values.integer("max-side");
  s.detector.scales = values.text("scales") == "2" ? 2 : 1;
  s.interval = values.integer("detect-interval");
  s.start_key = values.start_key();
  return s;
}

void DetectSession::open(const DetectSettings& settings) {
  frame_ = 0;
  if (detector_ && !opened_as_.empty() && settings.start_key == opened_as_) return;
  close();
  detector_ = faces::make_detector(settings.detector);
  opened_as_ = settings.start_key;
}

void DetectSession::close() noexcept {
  detector_.reset();
  opened_as_.clear();
}

bool DetectSession::due(const DetectSettings& settings) noexcept {
  return frame_++ % static_cast<std::uint64_t>(settings.interval) == 0;
}

std::vector<faces::DetectedFace> DetectSession::detect(const ImageView& image) {
  if (!detector_) throw Error(ErrorCode::Internal, "no face detector is loaded");
  return detector_->detect(image);
}

std::string DetectSession::description() const {
  return detector_ ? detector_->description() : std::string();
}

}  // namespace embed::gst
