// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/faces/detector.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>

#include "embed/error.h"
#include "faces/haar.h"
#include "faces/network_detector.h"
#include "faces/two_scales.h"

namespace embed::faces {

namespace {

namespace fs = std::filesystem;

constexpr const char* kVariable = "TRIPLETEMBED_DETECTOR";

void require(bool holds, const char* field, const std::string& expected) {
  if (!holds) throw Error(ErrorCode::InvalidArgument, "must be " + expected, "", field);
}

void validate_options(const DetectorOptions& options) {
  const auto is_fraction = [](float value) { return value >= 0 && value <= 1; };  // false for NaN
  const auto is_count = [](int value) { return value >= 0 && value <= 65'535; };
  const auto is_one_of = [&](std::initializer_list<const char*> names) {
    return std::find(names.begin(), names.end(), options.detector) != names.end();
  };
  require(is_one_of({"auto", "yunet", "centerface", "haar"}), "detector",
          "auto, yunet, centerface or haar, not \"" + options.detector + "\"");
  require(is_fraction(options.score_threshold), "score-threshold", "a number from 0 to 1");
  require(is_fraction(options.nms_threshold), "nms-threshold", "a number from 0 to 1");
  require(is_count(options.min_face_size), "min-face-size", "from 0 to 65535");
  require(is_count(options.max_faces), "max-faces", "from 0 to 65535");
  require(is_count(options.max_side), "max-side", "from 0 to 65535");
  require(options.scales == 1 || options.scales == 2, "scales", "1 or 2");
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

/// Where this user's and this system's data lie, most specific first.
std::vector<fs::path> data_folders() {
  std::vector<fs::path> folders;
  const std::string home = environment("HOME");
  if (const std::string data = environment("XDG_DATA_HOME"); !data.empty()) folders.emplace_back(data);
  if (!home.empty()) folders.push_back(fs::path(home) / ".local/share");
  folders.emplace_back("/usr/local/share");
  folders.emplace_back("/usr/share");
  return folders;
}

/// The newest file of tripletembed/models in `folder` whose name begins with `prefix` and ends in .onnx, or
/// "". Quantised variants are left out.
std::string newest_model(const fs::path& folder, const std::string& prefix) {
  std::string newest;
  std::error_code ignored;  // a folder that cannot be listed holds nothing for us
  for (fs::directory_iterator entry(folder / "tripletembed/models", ignored), end; !ignored && entry != end;
       entry.increment(ignored)) {
    const std::string name = entry->path().filename().string();
    const bool quantised = name.find("int8") != std::string::npos;
    if (name.rfind(prefix, 0) == 0 && entry->path().extension() == ".onnx" && !quantised) {
      newest = std::max(newest, entry->path().string());
    }
  }
  return newest;
}

/// The model for `detector` ("auto": YuNet's before CenterFace's) in the first data folder that has one, or
/// "".
std::string find_model(const std::string& detector) {
  for (const auto& [name, prefix] :
       {std::pair("yunet", "face_detection_yunet"), {"centerface", "centerface"}}) {
    if (detector != "auto" && detector != name) continue;
    for (const fs::path& folder : data_folders()) {
      if (std::string found = newest_model(folder, prefix); !found.empty()) return found;
    }
  }
  return {};
}

/// OpenCV's frontal-face cascade, or "".
std::string find_cascade() {
  for (const fs::path& folder : data_folders()) {
    for (const char* opencv : {"opencv4", "OpenCV", "opencv"}) {
      for (const char* name : {"haarcascade_frontalface_default.xml", "haarcascade_frontalface_alt2.xml"}) {
        const fs::path path = folder / opencv / "haarcascades" / name;
        std::error_code ignored;
        if (fs::is_regular_file(path, ignored)) return path.string();
      }
    }
  }
  return {};
}

/// A cascade is XML; anything else is for the networks' reader, which says what is wrong with it.
bool looks_like_xml(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  char first = 0;
  return stream >> first && first == '<';
}

std::unique_ptr<FaceDetector> make_network(DetectorOptions options) {
  if (options.model.empty()) options.model = environment(kVariable);
  if (options.model.empty()) options.model = find_model(options.detector);
  if (options.model.empty()) {
    const bool yunet = options.detector == "yunet";
    throw Error(ErrorCode::NotFound, std::string("no ") + (yunet ? "YuNet" : "CenterFace") +
                                         " model: give detector-model, set " + kVariable + ", or put " +
                                         (yunet ? "face_detection_yunet_2023mar.onnx" : "centerface.onnx") +
                                         " into ~/.local/share/tripletembed/models");
  }
  return std::make_unique<NetworkDetector>(options);
}

std::unique_ptr<FaceDetector> make_haar(DetectorOptions options) {
  if (options.model.empty()) options.model = find_cascade();
  if (options.model.empty()) {
    throw Error(ErrorCode::NotFound,
                "no haarcascade_frontalface_default.xml: install OpenCV's data (Debian: opencv-data) or give "
                "detector-model");
  }
  return std::make_unique<HaarDetector>(options);
}

std::unique_ptr<FaceDetector> make_one(DetectorOptions options) {
  if (options.detector == "haar") return make_haar(options);
  if (options.detector != "auto") return make_network(options);
  if (options.model.empty()) options.model = environment(kVariable);
  if (options.model.empty()) options.model = find_model("auto");
  if (!options.model.empty() && !looks_like_xml(options.model)) return make_network(options);
  return make_haar(options);
}

}  // namespace

std::unique_ptr<FaceDetector> make_detector(const DetectorOptions& options) {
  validate_options(options);
  if (options.scales == 1) return make_one(options);
  return std::make_unique<TwoScales>(options, make_one);
}

}  // namespace embed::faces
