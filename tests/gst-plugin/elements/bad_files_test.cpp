// SPDX-License-Identifier: LGPL-2.1-or-later
// Broken weights and galleries stop tripletembed on the way to READY, with an error that names the file.
#include <gtest/gtest.h>

#include "base/cpu_features.h"
#include "gst_support.h"

namespace {

using gsttest::Outcome;

std::string path(const std::string& name) {
  return fixtures::temp_dir() + "/" + name;
}

std::string truncated(const std::string& of, const std::string& name) {
  auto bytes = fixtures::read_bytes(of);
  bytes.resize(bytes.size() / 2);
  fixtures::write_bytes(path(name), bytes);
  return path(name);
}

std::string good_gallery() {
  return fixtures::write_gallery(path("good-gallery.safetensors"), gsttest::quick_weights_file(),
                                 {{"Ann", fixtures::random_embedding(1)}});
}

std::string written(const std::string& name, const std::string& bytes) {
  fixtures::write_bytes(path(name), bytes);
  return path(name);
}

struct Case {
  std::string file;
  GQuark domain;
  int code;
};

void expect(const Outcome& outcome, const Case& c) {
  EXPECT_EQ(outcome.result, GST_STATE_CHANGE_FAILURE) << c.file;
  EXPECT_EQ(g_quark_to_string(outcome.domain), std::string(g_quark_to_string(c.domain))) << c.file;
  EXPECT_EQ(outcome.code, c.code) << outcome.message;
  EXPECT_NE(outcome.message.find(c.file), std::string::npos) << outcome.message;
}

std::vector<Case> broken_files(const std::string& good, const std::string& wrong_kind) {
  const std::string huge_header = std::string("\xff\xff\xff\xff\xff\xff\xff\x7f", 8) + "{}";
  return {
      {"/nonexistent/file.safetensors", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND},
      {written("empty.safetensors", ""), GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT},
      {written("text.safetensors", "this is no such file at all"), GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT},
      {written("huge.safetensors", huge_header), GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT},
      {truncated(good, "half.safetensors"), GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT},
      {wrong_kind, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT},
  };
}

TEST(BadFiles, WeightsStopTheElement) {
  for (const Case& c : broken_files(gsttest::quick_weights_file(), good_gallery())) {
    expect(gsttest::try_state("tripletembed model=" + c.file, GST_STATE_READY), c);
  }
}

TEST(BadFiles, GalleriesStopTheElement) {
  for (const Case& c : broken_files(good_gallery(), gsttest::quick_weights_file())) {
    expect(gsttest::try_state("tripletembed model=" + gsttest::quick_weights_file() + " gallery=" + c.file,
                              GST_STATE_READY),
           c);
  }
}

TEST(BadFiles, AGalleryOfOtherWeightsIsRefused) {
  const std::string gallery = fixtures::write_gallery(
      path("foreign.safetensors"), gsttest::other_weights_file(), {{"Ann", fixtures::random_embedding(1)}});
  expect(gsttest::try_state("tripletembed model=" + gsttest::quick_weights_file() + " gallery=" + gallery,
                            GST_STATE_READY),
         {gallery, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE});
}

TEST(BadFiles, AWorkingFileCanBeSetAfterABrokenOne) {
  GstElement* element = gst_element_factory_make("tripletembed", nullptr);
  g_object_set(element, "model", "/nonexistent/w.safetensors", nullptr);
  EXPECT_EQ(gst_element_set_state(element, GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  g_object_set(element, "model", gsttest::quick_weights_file().c_str(), nullptr);
  EXPECT_EQ(gst_element_set_state(element, GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  g_object_set(element, "gallery", "/nonexistent/g.safetensors", nullptr);
  EXPECT_EQ(gst_element_set_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE)
      << "changed in READY, seen on the way to PAUSED";
  gst_element_set_state(element, GST_STATE_NULL);
  gst_object_unref(element);
}

TEST(BadSettings, DevicesThatAreNotThereAreRefused) {
  for (const char* device : {"tpu", "cuda:99", "cuda:x"}) {
    const Outcome outcome = gsttest::try_state(
        std::string("tripletembed device=") + device + " model=" + gsttest::quick_weights_file(),
        GST_STATE_READY);
    EXPECT_EQ(outcome.result, GST_STATE_CHANGE_FAILURE) << device;
    EXPECT_EQ(outcome.domain, GST_LIBRARY_ERROR) << outcome.message;
  }
}

TEST(BadSettings, EightBitsOnACpuThatDoesNotMultiplyThemAreRefused) {
  const embed::CpuFeaturesMask old_core({});
  const Outcome outcome = gsttest::try_state(
      "tripletembed device=cpu precision=int8 model=" + gsttest::quick_weights_file(), GST_STATE_READY);
  EXPECT_EQ(outcome.result, GST_STATE_CHANGE_FAILURE);
  EXPECT_EQ(outcome.domain, GST_LIBRARY_ERROR);
  for (const char* words : {"precision int8 needs", "dot products", "take fp32, or auto"})
    EXPECT_NE(outcome.message.find(words), std::string::npos) << outcome.message;
}

TEST(BadCaps, AreNotNegotiated) {
  for (const char* caps : {"video/x-raw,format=v210", "video/x-raw(memory:GLMemory),format=RGBA",
                           "video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=NV12", "audio/x-raw",
                           "video/x-raw,format=RGB,width=0,height=48"}) {
    gsttest::Harness harness("tripletembed name=e model=" + gsttest::quick_weights_file());
    GstPad* sink = gst_element_get_static_pad(harness.element(), "sink");
    GstCaps* offered = gst_caps_from_string(caps);
    EXPECT_FALSE(gst_pad_query_accept_caps(sink, offered)) << caps;
    gst_caps_unref(offered);
    gst_object_unref(sink);
  }
}

TEST(BadCaps, ABufferSmallerThanItsCapsIsAnErrorNotACrash) {
  gsttest::Harness harness("tripletembed name=e model=" + gsttest::quick_weights_file());
  gsttest::Bus bus(harness.element());
  harness.caps("video/x-raw,format=RGB,width=640,height=480,framerate=25/1");
  GstBuffer* tiny = gst_buffer_new_allocate(nullptr, 100, nullptr);
  gsttest::add_roi(tiny, "face", 10, 10, 100, 100);
  EXPECT_EQ(gst_harness_push(harness.get(), tiny), GST_FLOW_ERROR);
  EXPECT_TRUE(bus.pop(GST_MESSAGE_ERROR));
}

}  // namespace
