// SPDX-License-Identifier: LGPL-2.1-or-later
// Whole pipelines of ten frames, from pixels to names: short enough for a CPU that is emulated.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "embed/default_weights.h"
#include "embed/gallery.h"
#include "embed/model_info.h"
#include "gst_support.h"

namespace {

using Json = nlohmann::json;

constexpr const char* kTenFrames =
    "videotestsrc num-buffers=10 ! video/x-raw,format=NV12,width=320,height=240";

std::string path_of(const std::string& name) {
  return fixtures::temp_dir() + "/" + name;
}

/// The lines of frames of a pipeline that ends in tripletjson.
std::vector<Json> frames_of(const std::string& launch) {
  const std::string lines = path_of("ten.jsonl");
  const auto said =
      gsttest::run_pipeline(launch + " ! tripletjson mode=truncate add-embedding=true location=" + lines +
                            " ! fakesink sync=false");
  EXPECT_TRUE(said.empty()) << said.at(0);
  std::vector<Json> frames;
  std::ifstream in(lines);
  for (std::string line; std::getline(in, line);) frames.push_back(Json::parse(line));
  return frames;
}

/// A gallery of one person, by the face of the first frame that has one.
std::string gallery_of(const std::vector<Json>& frames, const std::string& weights) {
  const embed::SafetensorsFile file(weights);
  const embed::ModelInfo info = embed::model_info_from_metadata(file.metadata(), weights);
  embed::Gallery gallery(info.metric, embed::weights_sha256(file, info));
  for (const Json& frame : frames) {
    if (frame["objects"].empty()) continue;
    const auto values = frame["objects"].at(0).at("embedding").get<std::vector<float>>();
    embed::Embedding embedding{};
    EXPECT_EQ(values.size(), embedding.size());
    std::copy_n(values.begin(), std::min(values.size(), embedding.size()), embedding.begin());
    gallery.add("Ada", embedding);
    break;
  }
  const std::string path = path_of("ada.safetensors");
  gallery.save(path);
  return path;
}

std::size_t named(const std::vector<Json>& frames) {
  std::size_t count = 0;
  for (const Json& frame : frames) {
    for (const Json& face : frame["objects"]) count += face["identity"]["label"] == "Ada" ? 1 : 0;
  }
  return count;
}

TEST(TenFrames, OfATestPictureAreNamedByTheWholePicture) {
  const std::string weights = embed::default_weights("model");
  const std::string embed =
      std::string(kTenFrames) + " ! tripletembed device=cpu inference-region=full-frame model=" + weights;
  const std::vector<Json> first = frames_of(embed);
  ASSERT_EQ(first.size(), 10U);
  const std::vector<Json> frames = frames_of(embed + " gallery=" + gallery_of(first, weights));
  EXPECT_EQ(frames.size(), 10U);
  EXPECT_EQ(named(frames), 10U);
}

TEST(TenFrames, OfAClipHaveTheFacesName) {
  const auto data = fixtures::data_dir();
  if (!data) GTEST_SKIP() << "TRIPLETEMBED_DATA names no folder of real data";
  GstElementFactory* detects = gst_element_factory_find("tripletdetect");
  if (detects == nullptr) GTEST_SKIP() << "built without tripletdetect";
  gst_object_unref(detects);
  const std::string weights = embed::default_weights("model");
  const std::string clip =
      "filesrc location=" + *data +
      "/video/bird.mkv ! decodebin ! identity eos-after=11 ! videoconvert ! tripletdetect model=" + *data +
      "/models/face_detection_yunet_2023mar.onnx ! tripletembed device=cpu model=" + weights;
  const std::vector<Json> first = frames_of(clip);
  ASSERT_GE(first.size(), 10U);
  const std::vector<Json> frames = frames_of(clip + " gallery=" + gallery_of(first, weights));
  EXPECT_GE(named(frames), 8U);
}

}  // namespace
