// SPDX-License-Identifier: LGPL-2.1-or-later
// One face, three ways in: the elements in a pipeline, `triplet-gallery enroll` and `triplet-train pack
// --detect`.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "embed/dataset.h"
#include "embed/embedder.h"
#include "embed/gallery.h"
#include "gst_support.h"

namespace {

float cosine(const embed::Embedding& a, const embed::Embedding& b) {
  return 1 - embed::distance(embed::Metric::Cosine, a, b);
}

/// `program`: the variable that says where it is.
void call(const char* program, const std::string& arguments) {
  const char* tool = std::getenv(program);
  ASSERT_NE(tool, nullptr);
  const std::string command = "'" + std::string(tool) + "' " + arguments + " >/dev/null";
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

class SameVector : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto data = fixtures::data_dir();
    if (!data) GTEST_SKIP() << "TRIPLETEMBED_DATA names no folder of real data";
    detector_ = *data + "/models/face_detection_yunet_2023mar.onnx";
    clip_ = *data + "/video/bird.mkv";
    folder_ = fixtures::temp_dir() + "/same-vector";
    // PNG: every way must start from the same pixels, and JPEG decoders differ in their chroma.
    photo_ = folder_ + "/people/Ann/frame.png";
    std::filesystem::create_directories(folder_ + "/people/Ann");
    const auto said = gsttest::run_pipeline("filesrc location=" + clip_ +
                                            " ! decodebin ! videoconvert ! video/x-raw,format=RGB ! pngenc "
                                            "snapshot=true ! filesink location=" +
                                            photo_);
    ASSERT_TRUE(said.empty()) << said.at(0);
  }

  std::string detect_flags() const { return " --detector-model '" + detector_ + "'"; }

  embed::Embedding by_pipeline() const {
    const std::string lines = folder_ + "/face.jsonl";
    const auto said = gsttest::run_pipeline(
        "filesrc location=" + photo_ +
        " ! pngdec ! videoconvert ! video/x-raw,format=BGR ! tripletdetect model=" + detector_ +
        " ! tripletembed precision=fp32 model=" + gsttest::weights_file() +
        " ! tripletjson add-embedding=true mode=truncate location=" + lines + " ! fakesink");
    EXPECT_TRUE(said.empty()) << said.at(0);
    std::ifstream in(lines);
    std::string first;  // The decoder may show the one picture twice.
    std::getline(in, first);
    const auto frame = nlohmann::json::parse(first);
    EXPECT_EQ(frame["objects"].size(), 1U);
    const auto values = frame["objects"].at(0).at("embedding").get<std::vector<float>>();
    embed::Embedding embedding{};
    EXPECT_EQ(values.size(), embedding.size());
    std::copy(values.begin(), values.end(), embedding.begin());
    return embedding;
  }

  std::string detector_, clip_, folder_, photo_;
};

TEST_F(SameVector, EnrolGivesTheElements) {
  const std::string file = folder_ + "/people.safetensors";
  call("TRIPLET_GALLERY", "enroll --precision fp32 --weights '" + gsttest::weights_file() + "' --gallery '" +
                              file + "' --folder '" + folder_ + "/people'" + detect_flags());
  const auto gallery = embed::Gallery::load(file);
  ASSERT_EQ(gallery.rows(), 1U);
  embed::Embedding row{};
  std::copy_n(gallery.row(0), row.size(), row.begin());
  EXPECT_GE(cosine(row, by_pipeline()), 0.9999F);
}

TEST_F(SameVector, EnrollingLiveGivesWhatEnrolGives) {
  const std::string offline = folder_ + "/offline.safetensors", live = folder_ + "/live.safetensors";
  call("TRIPLET_GALLERY", "enroll --precision fp32 --weights '" + gsttest::weights_file() + "' --gallery '" +
                              offline + "' --folder '" + folder_ + "/people'" + detect_flags());
  const std::string launch =
      "filesrc location=" + photo_ +
      " ! pngdec ! videoconvert ! video/x-raw,format=BGR ! tripletdetect model=" + detector_ +
      " ! triplettrack ! tripletembed name=e precision=fp32 model=" + gsttest::weights_file() + " ! fakesink";
  GstElement* pipeline = gst_parse_launch(launch.c_str(), nullptr);
  ASSERT_NE(pipeline, nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus* bus = gst_element_get_bus(pipeline);
  gst_message_unref(gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND, GST_MESSAGE_EOS));
  GstElement* element = gst_bin_get_by_name(GST_BIN(pipeline), "e");
  gboolean enrolled = FALSE, saved = FALSE;
  g_signal_emit_by_name(element, "enroll", "Ann", 1, &enrolled);
  g_object_set(element, "gallery", live.c_str(), nullptr);
  g_signal_emit_by_name(element, "save", &saved);
  EXPECT_TRUE(enrolled && saved);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(element);
  gst_object_unref(bus);
  gst_object_unref(pipeline);
  const auto a = embed::Gallery::load(offline), b = embed::Gallery::load(live);
  ASSERT_GE(b.rows(), 1U);
  embed::Embedding first{}, second{};
  std::copy_n(a.row(0), first.size(), first.begin());
  std::copy_n(b.row(0), second.size(), second.begin());
  EXPECT_GE(cosine(first, second), 0.9999F);
  EXPECT_EQ(a.weights_sha256(), b.weights_sha256());
}

TEST_F(SameVector, PackGivesTheElements) {
  const std::string file = folder_ + "/set.safetensors";
  call("TRIPLET_TRAIN", "pack --weights '" + gsttest::weights_file() + "' --out '" + file + "' --detect" +
                            detect_flags() + " '" + folder_ + "/people'");
  const embed::Dataset set(file);
  ASSERT_EQ(set.size(), 1U);
  const embed::Embedder embedder(gsttest::weights_file(), {"cpu", "fp32", 16});
  embed::Embedding packed{};
  embedder.embed_crops(set.image(0).data(), 1, &packed);
  EXPECT_GE(cosine(packed, by_pipeline()), 0.9999F);
}

TEST_F(SameVector, AnotherCropGivesAnotherVector) {
  // The bar above means something: with these random weights, too, a crop that begins four pixels off shows.
  const std::string file = folder_ + "/wide.safetensors";
  call("TRIPLET_TRAIN", "pack --weights '" + gsttest::weights_file() + "' --context 1.125 --out '" + file +
                            "' --detect" + detect_flags() + " '" + folder_ + "/people'");
  const embed::Dataset set(file);
  ASSERT_GT(set.width(), 64);
  const std::vector<std::uint8_t> whole = set.image(0);
  std::vector<std::uint8_t> corner;
  for (int y = 0; y < 64; ++y) {
    const std::uint8_t* row = whole.data() + static_cast<std::ptrdiff_t>(y) * set.width() * 3;
    corner.insert(corner.end(), row, row + 64 * 3);
  }
  const embed::Embedder embedder(gsttest::weights_file(), {"cpu", "fp32", 16});
  embed::Embedding shifted{};
  embedder.embed_crops(corner.data(), 1, &shifted);
  EXPECT_LT(cosine(shifted, by_pipeline()), 0.9999F);
}

}  // namespace
