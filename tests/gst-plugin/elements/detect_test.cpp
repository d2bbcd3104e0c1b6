// SPDX-License-Identifier: LGPL-2.1-or-later
// tripletdetect in a harness and in whole pipelines.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "embed/embedder.h"
#include "embed/error.h"
#include "glue/face_meta.h"
#include "gst_support.h"
#include "sessions/detect_session.h"

namespace {

using gsttest::own;

std::string yunet() {
  const auto data = fixtures::data_dir();
  return data ? *data + "/models/face_detection_yunet_2023mar.onnx" : std::string();
}
std::string clip(const std::string& name) {
  return *fixtures::data_dir() + "/video/" + name;
}

#define NEED_DATA() \
  if (!fixtures::data_dir()) GTEST_SKIP() << "TRIPLETEMBED_DATA names no folder of real data"

TEST(DetectOptions, StartAtTheTablesDefaults) {
  const auto defaults =
      embed::gst::DetectSettings::from(embed::gst::OptionValues(embed::gst::detect_options()));
  const embed::faces::DetectorOptions written;
  EXPECT_EQ(defaults.detector.detector, written.detector);
  EXPECT_EQ(defaults.detector.model, written.model);
  EXPECT_FLOAT_EQ(defaults.detector.score_threshold, written.score_threshold);
  EXPECT_FLOAT_EQ(defaults.detector.nms_threshold, written.nms_threshold);
  EXPECT_EQ(defaults.detector.min_face_size, written.min_face_size);
  EXPECT_EQ(defaults.detector.max_faces, written.max_faces);
  EXPECT_EQ(defaults.detector.max_side, written.max_side);
  EXPECT_EQ(defaults.detector.scales, written.scales);
  EXPECT_EQ(defaults.interval, 1);
}

TEST(TripletDetect, BrokenModelsStopTheElement) {
  const std::string junk = fixtures::temp_dir() + "/junk.onnx";
  fixtures::write_bytes(junk, std::string("no network"));
  for (const std::string& file : {std::string("/nonexistent/y.onnx"), junk}) {
    const auto outcome = gsttest::try_state("tripletdetect detector=yunet model=" + file, GST_STATE_READY);
    EXPECT_EQ(outcome.result, GST_STATE_CHANGE_FAILURE);
    EXPECT_NE(outcome.message.find(file), std::string::npos) << outcome.message;
  }
}

TEST(TripletDetect, LeavesCropsToUpstreamAndRefusesThem) {
  EXPECT_FALSE(gsttest::offers_crop("tripletdetect name=e detector=haar"));
  EXPECT_EQ(gsttest::push_cropped("tripletdetect name=e detector=haar"), GST_FLOW_ERROR);
}

class Formats : public ::testing::TestWithParam<embed::PixelFormat> {};

TEST_P(Formats, PassTheSameMemoryAndFindNoFaceInAPattern) {
  NEED_DATA();
  gsttest::Harness harness("tripletdetect detector=yunet model=" + yunet());
  for (const auto& [width, height] : {std::pair{160, 120}, {161, 121}, {16, 9}}) {
    const auto picture = fixtures::make_image(GetParam(), width, height, 7);
    harness.caps(gsttest::caps_text(picture));
    GstBuffer* in = gsttest::make_buffer(picture, 2);
    GstMemory* memory = gst_buffer_peek_memory(in, 0);
    const auto out = own(harness.push(in));
    ASSERT_TRUE(out);
    EXPECT_EQ(gst_buffer_peek_memory(out.get(), 0), memory);
    EXPECT_EQ(GST_BUFFER_PTS(out.get()), 80 * GST_MSECOND);
    EXPECT_TRUE(gsttest::faces_of(out.get(), width, height).empty());
  }
}

INSTANTIATE_TEST_SUITE_P(All, Formats, ::testing::ValuesIn(fixtures::all_formats()),
                         [](const auto& which) { return std::string(fixtures::format_name(which.param)); });

std::vector<nlohmann::json> run_to_json(const std::string& launch) {
  const std::string path = fixtures::temp_dir() + "/out.jsonl";
  const auto said =
      gsttest::run_pipeline(launch + " ! tripletjson mode=truncate location=" + path + " ! fakesink");
  EXPECT_TRUE(said.empty()) << said.at(0);
  std::vector<nlohmann::json> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

/// What ran with `identity eos-after=COUNT`, up to there: after the end a decoder may hand out a few frames
/// more, of which it has seen a part only, and not every one of them shows a face.
std::vector<nlohmann::json> whole_frames(std::vector<nlohmann::json> lines, std::size_t count) {
  EXPECT_GE(lines.size(), count - 1);
  lines.resize(std::min(lines.size(), count - 1));
  return lines;
}

std::string decode(const std::string& file) {
  return "filesrc location=" + clip(file) + " ! decodebin ! videoconvert ";
}
std::string detect() {
  return "! tripletdetect detector=yunet model=" + yunet();
}

TEST(RealVideo, EveryFrameOfAClipHasItsFaceInEveryFormat) {
  NEED_DATA();
  for (const char* format : {"I420", "NV12", "BGR", "RGBA", "GRAY8"}) {
    const auto lines =
        whole_frames(run_to_json(decode("carphone_pristine.mp4") + "! identity eos-after=20 ! videoconvert " +
                                 "! video/x-raw,format=" + format + " " + detect()),
                     20);
    ASSERT_FALSE(lines.empty()) << format;
    for (const auto& line : lines) {
      ASSERT_EQ(line["objects"].size(), 1U) << format << " frame " << line["frame"];
      EXPECT_GT(line["objects"][0]["detection"]["confidence"], 0.5);
      EXPECT_FALSE(line["objects"][0].contains("identity"));
    }
  }
}

TEST(RealVideo, FramesBetweenTwoDetectionsHaveThePredictedFace) {
  NEED_DATA();
  const auto lines = whole_frames(run_to_json(decode("carphone_pristine.mp4") + "! identity eos-after=10 " +
                                              detect() + " detect-interval=3"),
                                  10);
  ASSERT_FALSE(lines.empty());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    ASSERT_EQ(lines[i]["objects"].size(), 1U) << i;
    const auto& face = lines[i]["objects"][0];
    EXPECT_EQ(face["detection"]["predicted"], i % 3 != 0) << i;
    const auto& found = lines[i - i % 3]["objects"][0];
    EXPECT_EQ(face["id"], found["id"]) << i;
    EXPECT_EQ(face["x"], found["x"]) << i;
  }
}

TEST(RealVideo, LargeFramesAreLookedAtTwiceWhenAsked) {
  NEED_DATA();
  // The face is 32 pixels high, and 15 in the copy of the first look.
  const std::string far = decode("carphone_pristine.mp4") +
                          "! identity eos-after=2 ! videoscale ! video/x-raw,width=88,height=72 "
                          "! videobox right=-912 bottom=-678 ! videoconvert ! video/x-raw,format=I420 " +
                          detect();
  for (const auto& [scales, is_found] : {std::pair("auto", false), {"1", false}, {"2", true}}) {
    const auto lines = run_to_json(far + " scales=" + scales);
    ASSERT_FALSE(lines.empty());
    EXPECT_EQ(!lines[0]["objects"].empty(), is_found) << scales;
  }
}

TEST(RealVideo, ANameIsCarriedOverFramesThatNobodyLookedAt) {
  NEED_DATA();
  const auto lines = whole_frames(
      run_to_json(
          decode("carphone_pristine.mp4") + "! identity eos-after=10 " + detect() +
          " detect-interval=2 ! tripletembed inference-interval=2 unknown-label=me precision=fp32 model=" +
          gsttest::quick_weights_file()),
      10);
  ASSERT_FALSE(lines.empty());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto& identity = lines[i]["objects"].at(0)["identity"];
    EXPECT_EQ(identity["label"], "me") << i;
    EXPECT_EQ(identity["reason"], "no-gallery") << i;
    EXPECT_EQ(identity["predicted"], i % 4 != 0) << i;
  }
}

TEST(TripletDetect, ANewSegmentIsLookedAtAnew) {
  NEED_DATA();
  gsttest::Harness harness("tripletdetect name=e detector=yunet detect-interval=1000 model=" + yunet());
  const auto picture = fixtures::make_image(embed::PixelFormat::I420, 64, 48);
  harness.caps(gsttest::caps_text(picture));
  for (const bool anew : {true, false, true, false}) {
    if (anew) {
      GstSegment segment;
      gst_segment_init(&segment, GST_FORMAT_TIME);
      gst_harness_push_event(harness.get(), gst_event_new_segment(&segment));
    }
    // Looking at it is told by the crop that is refused then.
    GstBuffer* in = gsttest::make_buffer(picture);
    GstVideoCropMeta* crop = gst_buffer_add_video_crop_meta(in);
    crop->x = crop->y = 0;
    crop->width = crop->height = 24;
    EXPECT_EQ(gst_harness_push(harness.get(), in), anew ? GST_FLOW_ERROR : GST_FLOW_OK);
  }
}

TEST(TripletDetect, SaysThatItFellBackToTheHaarCascade) {
  const std::string empty = fixtures::temp_dir() + "/no-models";
  std::filesystem::create_directories(empty);
  g_unsetenv("TRIPLETEMBED_DETECTOR");
  for (const char* name : {"HOME", "XDG_DATA_HOME"}) g_setenv(name, empty.c_str(), TRUE);
  const auto fell_back = gsttest::try_state("tripletdetect", GST_STATE_PAUSED, GST_MESSAGE_WARNING);
  ASSERT_NE(fell_back.result, GST_STATE_CHANGE_FAILURE);
  for (const char* words : {"Haar", "YuNet", "landmarks", "model"})
    EXPECT_NE(fell_back.message.find(words), std::string::npos) << fell_back.message;
  EXPECT_EQ(gsttest::try_state("tripletdetect detector=haar", GST_STATE_PAUSED, GST_MESSAGE_WARNING).message,
            "")
      << "it was asked for";
}

TEST(RealVideo, AFaceEmbedsInThePipelineAsInTheLibrary) {
  NEED_DATA();
  gsttest::Harness harness("tripletdetect detector=yunet model=" + yunet() +
                           " ! tripletembed precision=fp32 model=" + gsttest::weights_file());
  GstElement* source =
      gst_parse_launch(("filesrc location=" + clip("bird.mkv") +
                        " ! decodebin ! videoconvert ! video/x-raw,format=BGR ! appsink name=s")
                           .c_str(),
                       nullptr);
  gst_element_set_state(source, GST_STATE_PLAYING);
  GstElement* sink = gst_bin_get_by_name(GST_BIN(source), "s");
  GstSample* sample = nullptr;
  g_signal_emit_by_name(sink, "pull-sample", &sample);
  ASSERT_NE(sample, nullptr);
  harness.caps(gsttest::caps_text(embed::PixelFormat::Bgr, 640, 480));
  GstBuffer* frame = gst_buffer_copy(gst_sample_get_buffer(sample));
  GstMapInfo map;
  gst_buffer_map(frame, &map, GST_MAP_READ);
  embed::ImageView view;
  view.format = embed::PixelFormat::Bgr;
  view.width = 640, view.height = 480;
  view.planes[0] = map.data;
  view.strides[0] = 1920;
  embed::faces::DetectorOptions options;
  options.detector = "yunet";
  options.model = yunet();
  const auto found = embed::faces::make_detector(options)->detect(view);
  ASSERT_FALSE(found.empty());
  const embed::Embedder embedder(gsttest::weights_file(), {"cpu", "fp32", 16});
  const auto expected = embedder.embed(view, {found[0].region}).at(0);
  gst_buffer_unmap(frame, &map);
  const auto out = own(harness.push(frame));
  const auto faces = gsttest::faces_of(out.get(), 640, 480);
  ASSERT_EQ(faces.size(), found.size());
  EXPECT_GE(1 - embed::distance(embed::Metric::Cosine, *faces[0].identity->embedding, expected), 0.9999F);
  gst_sample_unref(sample);
  gst_element_set_state(source, GST_STATE_NULL);
  gst_object_unref(sink);
  gst_object_unref(source);
}

TEST(RealVideo, ADetectorUpstreamSilencesTheWarningAboutNone) {
  NEED_DATA();
  const auto said = gsttest::run_pipeline(
      "videotestsrc num-buffers=150 pattern=black ! "
      "video/x-raw,width=64,height=48 ! tripletdetect detector=yunet model=" +
      yunet() + " ! queue ! tripletembed model=" + gsttest::quick_weights_file() + " ! fakesink");
  EXPECT_TRUE(said.empty()) << said.at(0);
}

TEST(States, UpAndDownAtWill) {
  NEED_DATA();
  GstElement* element = gst_element_factory_make("tripletdetect", nullptr);
  g_object_set(element, "model", yunet().c_str(), nullptr);
  for (const GstState state : {GST_STATE_READY, GST_STATE_PLAYING, GST_STATE_READY, GST_STATE_PAUSED,
                               GST_STATE_NULL, GST_STATE_PAUSED, GST_STATE_NULL}) {
    EXPECT_NE(gst_element_set_state(element, state), GST_STATE_CHANGE_FAILURE);
  }
  gst_object_unref(element);
}

}  // namespace
