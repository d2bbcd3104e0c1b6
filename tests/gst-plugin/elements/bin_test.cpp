// SPDX-License-Identifier: LGPL-2.1-or-later
// tripletbin: what comes in, how its parts are reached, what it says when a part or a file is missing, and
// that it names whom the separate elements name.
#include <gst/pbutils/pbutils.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "gst_support.h"

namespace {

/// The bin with weights and a detector that need no real data.
std::string quick(const std::string& more = "") {
  return "tripletbin name=e detect::detector=haar model=" + gsttest::quick_weights_file() + " " + more + " ";
}

std::vector<nlohmann::json> run_to_json(const std::string& launch) {
  const std::string path = fixtures::temp_dir() + "/bin.jsonl";
  const auto said = gsttest::run_pipeline(
      launch + " ! tripletjson add-embedding=true mode=truncate location=" + path + " ! fakesink");
  EXPECT_TRUE(said.empty()) << said.at(0);
  std::vector<nlohmann::json> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

class Formats : public ::testing::TestWithParam<const char*> {};

TEST_P(Formats, OfVideoconvertAreTaken) {
  const auto lines = run_to_json("videotestsrc num-buffers=3 ! video/x-raw,width=161,height=121,format=" +
                                 std::string(GetParam()) + " ! " + quick());
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[2]["resolution"]["width"], 161);
}

INSTANTIATE_TEST_SUITE_P(Some, Formats,
                         ::testing::Values("I420", "Y42B", "YUY2", "NV21", "RGBx", "ARGB64", "GRAY16_LE",
                                           "v210", "P010_10LE"),
                         [](const auto& which) { return std::string(which.param); });

TEST(Camera, OfMotionJpegWithHalfTheColoursIsTaken) {
  const auto lines = run_to_json(
      "videotestsrc num-buffers=3 ! video/x-raw,format=Y42B,width=160,height=120 ! jpegenc ! image/jpeg ! "
      "decodebin ! " +
      quick());
  EXPECT_EQ(lines.size(), 3U);
}

TEST(Orientation, OfTheFilesTagIsHeeded) {
  const std::string source =
      "videotestsrc num-buffers=2 ! video/x-raw,width=160,height=120 ! taginject "
      "tags=image-orientation=rotate-90 ! ";
  for (const auto& [more, width] : {std::pair("", 120), {"flip::video-direction=identity", 160}}) {
    const auto lines = run_to_json(source + quick(more));
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[1]["resolution"]["width"], width) << more;
  }
}

/// A property of a child, by its name "child::property", as text.
std::string text_of(GstElement* bin, const char* name) {
  g_autofree gchar* text = nullptr;
  gst_child_proxy_get(GST_CHILD_PROXY(bin), name, &text, nullptr);
  return text != nullptr ? text : "";
}

TEST(Properties, OfTheBinAreThoseOfTripletembed) {
  gsttest::Harness harness(quick());
  GstElement* embed = gst_bin_get_by_name(GST_BIN(harness.element()), "embed");
  ASSERT_NE(embed, nullptr);
  for (const char* name : {"model", "gallery", "device", "camera"}) {
    const GParamSpec* ours = g_object_class_find_property(G_OBJECT_GET_CLASS(harness.element()), name);
    GParamSpec* its = g_object_class_find_property(G_OBJECT_GET_CLASS(embed), name);
    ASSERT_NE(ours, nullptr) << name;
    EXPECT_STREQ(g_param_spec_get_blurb(const_cast<GParamSpec*>(ours)), g_param_spec_get_blurb(its));
    EXPECT_EQ(ours->flags, its->flags) << name;
  }
  gst_object_unref(embed);

  g_object_set(harness.element(), "camera", "door", nullptr);
  EXPECT_EQ(text_of(harness.element(), "embed::camera"), "door");
  gst_child_proxy_set(GST_CHILD_PROXY(harness.element()), "embed::camera", "yard", nullptr);
  g_autofree gchar* camera = nullptr;
  g_object_get(harness.element(), "camera", &camera, nullptr);
  EXPECT_STREQ(camera, "yard");
}

TEST(Properties, OfTheChildrenAreReachedByTheirNames) {
  gsttest::Harness harness(quick("detect::detect-interval=3 track::max-missed=5 embed::threshold=0.25"));
  gint interval = 0, missed = 0;
  gdouble threshold = 0;
  gst_child_proxy_get(GST_CHILD_PROXY(harness.element()), "detect::detect-interval", &interval,
                      "track::max-missed", &missed, "embed::threshold", &threshold, nullptr);
  EXPECT_EQ(interval, 3);
  EXPECT_EQ(missed, 5);
  EXPECT_EQ(threshold, 0.25);
  for (const char* name : {"convert", "flip", "convert-again"}) {
    GObject* child = gst_child_proxy_get_child_by_name(GST_CHILD_PROXY(harness.element()), name);
    EXPECT_NE(child, nullptr) << name;
    g_clear_object(&child);
  }
}

TEST(States, UpAndDownAtWill) {
  GError* error = nullptr;
  GstElement* element = gst_parse_launch(quick().c_str(), &error);
  ASSERT_EQ(error, nullptr);
  for (const GstState state : {GST_STATE_READY, GST_STATE_PLAYING, GST_STATE_READY, GST_STATE_PAUSED,
                               GST_STATE_NULL, GST_STATE_PAUSED, GST_STATE_NULL}) {
    EXPECT_NE(gst_element_set_state(element, state), GST_STATE_CHANGE_FAILURE);
  }
  gst_object_unref(element);
}

TEST(MissingFiles, AreToldAsByTheElements) {
  const std::string file = "/nonexistent/y.safetensors";
  for (const char* property : {"model=", "gallery=", "detect::model="}) {
    const auto outcome = gsttest::try_state(quick(property + file), GST_STATE_READY);
    EXPECT_EQ(outcome.result, GST_STATE_CHANGE_FAILURE) << property;
    EXPECT_NE(outcome.message.find(file), std::string::npos) << property << outcome.message;
  }
}

class MissingElement : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(MissingElement, IsToldWithItsPackageAndTakenOnceItIsThere) {
  const auto& [name, package] = GetParam();
  GstRegistry* registry = gst_registry_get();
  GstPluginFeature* feature = gst_registry_lookup_feature(registry, name);
  ASSERT_NE(feature, nullptr);
  gst_registry_remove_feature(registry, feature);
  GstElement* bin = gst_element_factory_make("tripletbin", nullptr);
  ASSERT_NE(bin, nullptr);
  g_object_set(bin, "model", gsttest::quick_weights_file().c_str(), nullptr);
  gst_child_proxy_set(GST_CHILD_PROXY(bin), "detect::detector", 2, nullptr);
  {
    gsttest::Bus bus(bin);
    EXPECT_EQ(gst_element_set_state(bin, GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
    const auto asks = bus.pop(GST_MESSAGE_ELEMENT);
    ASSERT_TRUE(asks);
    EXPECT_TRUE(gst_is_missing_plugin_message(asks.get()));
    const auto message = bus.pop(GST_MESSAGE_ERROR);
    ASSERT_TRUE(message);
    g_autoptr(GError) error = nullptr;
    gst_message_parse_error(message.get(), &error, nullptr);
    EXPECT_TRUE(g_error_matches(error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN));
    EXPECT_NE(std::string(error->message).find("'" + std::string(name) + "'"), std::string::npos);
    EXPECT_NE(std::string(error->message).find(package), std::string::npos) << error->message;
  }
  gst_element_set_state(bin, GST_STATE_NULL);
  gst_registry_add_feature(registry, feature);
  EXPECT_EQ(gst_element_set_state(bin, GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  gst_element_set_state(bin, GST_STATE_NULL);
  gst_object_unref(bin);
  gst_object_unref(feature);
}

INSTANTIATE_TEST_SUITE_P(Of, MissingElement,
                         ::testing::Values(std::pair("videoconvert", "gstreamer1.0-plugins-base"),
                                           std::pair("videoflip", "gstreamer1.0-plugins-good")),
                         [](const auto& which) { return std::string(which.param.first); });

TEST(RealVideo, NamesWhomTheSeparateElementsName) {
  const auto data = fixtures::data_dir();
  if (!data) GTEST_SKIP() << "TRIPLETEMBED_DATA names no folder of real data";
  const std::string yunet = *data + "/models/face_detection_yunet_2023mar.onnx";
  const std::string source =
      "filesrc location=" + *data + "/video/bird.mkv ! decodebin ! identity eos-after=20 ! ";
  const std::string model = " model=" + gsttest::quick_weights_file() + " ";
  const std::string apart =
      source + "videoconvert ! videoflip video-direction=auto ! videoconvert ! tripletdetect model=" + yunet +
      " ! triplettrack ! tripletembed" + model;
  const auto unnamed = run_to_json(apart);
  ASSERT_FALSE(unnamed.empty());
  const auto values = unnamed[0]["objects"].at(0).at("embedding").get<std::vector<float>>();
  embed::Embedding ann{};
  ASSERT_EQ(values.size(), ann.size());
  std::copy(values.begin(), values.end(), ann.begin());
  const std::string gallery =
      " gallery=" + fixtures::write_gallery(fixtures::temp_dir() + "/ann.safetensors",
                                            gsttest::quick_weights_file(), {{"Ann", ann}});

  const auto expected = run_to_json(apart + gallery);
  const auto lines = run_to_json(source + "tripletbin detect::model=" + yunet + model + gallery);
  // After the end a decoder may hand out a few frames more.
  ASSERT_GE(std::min(expected.size(), lines.size()), 19U);
  for (std::size_t i = 0; i < 19; ++i) {
    ASSERT_EQ(lines[i]["objects"].size(), expected[i]["objects"].size()) << i;
    for (std::size_t face = 0; face < lines[i]["objects"].size(); ++face) {
      // The ids of the regions count on through the process.
      auto ours = lines[i]["objects"][face], theirs = expected[i]["objects"][face];
      EXPECT_EQ(ours.erase("id"), theirs.erase("id"));
      EXPECT_EQ(ours, theirs) << i;
    }
  }
  EXPECT_EQ(lines[18]["objects"].at(0)["identity"]["label"], "Ann");
}

}  // namespace
