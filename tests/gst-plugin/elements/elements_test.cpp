// SPDX-License-Identifier: LGPL-2.1-or-later
// tripletembed (and what all elements share) in a harness: formats, states, caps, flushes, foreign and absurd
// ROIs.
#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>

#include "embed/embedder.h"
#include "embed/error.h"
#include "embed/gallery.h"
#include "glue/face_meta.h"
#include "glue/video_view.h"
#include "gst_support.h"

namespace {

using gsttest::own;

std::string quick(const std::string& more = "") {
  return "tripletembed name=e precision=fp32 model=" + gsttest::quick_weights_file() + " " + more;
}

guint64 stat(GstElement* element, const char* field) {
  GstStructure* stats = nullptr;
  g_object_get(element, "stats", &stats, nullptr);
  guint64 value = 0;
  EXPECT_TRUE(gst_structure_get_uint64(stats, field, &value)) << field;
  gst_structure_free(stats);
  return value;
}

embed::Embedding expected_embedding(const fixtures::Pixels& picture, embed::Rect box) {
  static const embed::Embedder embedder(gsttest::weights_file(), {"cpu", "fp32", 16});
  embed::FaceRegion region;
  region.box = box;
  return embedder.embed(picture.view(), {region}).at(0);
}

class Formats : public ::testing::TestWithParam<embed::PixelFormat> {};

TEST_P(Formats, EmbedAsTheLibraryDoesAndPassTheSameMemory) {
  gsttest::Harness harness("tripletembed precision=fp32 model=" + gsttest::weights_file());
  for (const auto& [width, height] : {std::pair{160, 120}, {161, 121}, {97, 33}}) {
    const auto picture = fixtures::make_image(GetParam(), width, height, 7);
    harness.caps(gsttest::caps_text(picture));  // Caps change with every turn.
    GstBuffer* in = gsttest::make_buffer(picture, 3);
    GST_BUFFER_FLAG_SET(in, GST_BUFFER_FLAG_DISCONT | GST_BUFFER_FLAG_MARKER);
    GST_BUFFER_OFFSET(in) = 77;
    const auto flags = GST_BUFFER_FLAGS(in);
    gsttest::add_roi(in, "face", 10, 2, 30, 30);
    GstMemory* memory = gst_buffer_peek_memory(in, 0);
    const auto out = own(harness.push(in));
    ASSERT_TRUE(out);
    EXPECT_EQ(gst_buffer_n_memory(out.get()), 1U);
    EXPECT_EQ(gst_buffer_peek_memory(out.get(), 0), memory) << "pixels are not copied";
    EXPECT_EQ(GST_BUFFER_PTS(out.get()), 120 * GST_MSECOND);
    EXPECT_EQ(GST_BUFFER_DURATION(out.get()), 40 * GST_MSECOND);
    EXPECT_EQ(GST_BUFFER_OFFSET(out.get()), 77U);
    EXPECT_EQ(GST_BUFFER_FLAGS(out.get()) & ~GST_BUFFER_FLAG_TAG_MEMORY, flags & ~GST_BUFFER_FLAG_TAG_MEMORY);
    const auto faces = gsttest::faces_of(out.get(), width, height);
    ASSERT_EQ(faces.size(), 1U);
    ASSERT_TRUE(faces[0].identity && faces[0].identity->embedding);
    const auto expected = expected_embedding(picture, {10, 2, 30, 30});
    EXPECT_GE(1 - embed::distance(embed::Metric::Cosine, *faces[0].identity->embedding, expected), 0.9999F);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Formats, ::testing::ValuesIn(fixtures::all_formats()),
                         [](const auto& which) { return std::string(fixtures::format_name(which.param)); });

TEST(Colorimetry, IsTheCaps) {
  using embed::YuvMatrix;
  const struct {
    embed::PixelFormat format;
    std::string colorimetry;
    YuvMatrix matrix;
    bool full;
  } cases[] = {
      {embed::PixelFormat::Gray8, "", YuvMatrix::Bt601, true},
      {embed::PixelFormat::Gray8, "1:4:0:0", YuvMatrix::Bt601, true},
      {embed::PixelFormat::Gray8, "bt601", YuvMatrix::Bt601, false},
      {embed::PixelFormat::Rgb, "", YuvMatrix::Bt601, true},
      {embed::PixelFormat::Rgb, "2:1:7:1", YuvMatrix::Bt601, false},
      {embed::PixelFormat::Nv12, "", YuvMatrix::Bt601, false},
      {embed::PixelFormat::Nv12, "1:3:5:1", YuvMatrix::Bt709, true},
      {embed::PixelFormat::Nv12, "bt2020", YuvMatrix::Bt2020, false},
      {embed::PixelFormat::Nv12, "smpte240m", YuvMatrix::Smpte240m, false},
      {embed::PixelFormat::I420, "2:2:0:0", YuvMatrix::Fcc, false},
  };
  for (const auto& c : cases) {
    const auto picture = fixtures::make_image(c.format, 64, 48);
    const std::string text =
        gsttest::caps_text(picture) + (c.colorimetry.empty() ? "" : ",colorimetry=(string)" + c.colorimetry);
    GstCaps* caps = gst_caps_from_string(text.c_str());
    GstVideoInfo info;
    ASSERT_TRUE(gst_video_info_from_caps(&info, caps)) << text;
    gst_caps_unref(caps);
    const auto frame = own(gsttest::make_buffer(picture));
    const embed::gst::MappedFrame mapped(info, frame.get());
    if (embed::plane_count(c.format) > 1) {
      EXPECT_EQ(mapped.view().matrix, c.matrix) << text;
    }
    EXPECT_EQ(embed::full_range(mapped.view()), c.full) << text;
  }
}

TEST(Frame, ShapeOfPixelsAndTransferAreTheCaps) {
  const auto picture = fixtures::make_image(embed::PixelFormat::I420, 64, 48);
  const auto view_of = [&](const std::string& fields) {
    GstCaps* caps = gst_caps_from_string((gsttest::caps_text(picture) + fields).c_str());
    GstVideoInfo info;
    EXPECT_TRUE(gst_video_info_from_caps(&info, caps)) << fields;
    gst_caps_unref(caps);
    const auto frame = own(gsttest::make_buffer(picture));
    return embed::gst::MappedFrame(info, frame.get()).view();
  };
  EXPECT_EQ(view_of("").pixel_aspect, 1);
  EXPECT_EQ(view_of(",pixel-aspect-ratio=(fraction)1/2").pixel_aspect, 0.5F);
  EXPECT_FLOAT_EQ(view_of(",pixel-aspect-ratio=(fraction)16/15").pixel_aspect, 16.0F / 15);
  EXPECT_EQ(view_of(",pixel-aspect-ratio=(fraction)1/1000").pixel_aspect, 1.0F / 16) << "no camera has that";
  EXPECT_EQ(view_of("").transfer, embed::Transfer::Display);
  EXPECT_EQ(view_of(",colorimetry=(string)bt2100-pq").transfer, embed::Transfer::Pq);
  EXPECT_EQ(view_of(",colorimetry=(string)bt2100-hlg").transfer, embed::Transfer::Hlg);
}

class Embed : public ::testing::Test {
 protected:
  GstBuffer* frame(int index = 0) const { return gsttest::make_buffer(picture_, index); }
  std::string caps() const { return gsttest::caps_text(picture_); }
  fixtures::Pixels picture_ = fixtures::make_image(embed::PixelFormat::I420, 160, 120);
};

TEST_F(Embed, DoesNotWriteAReadOnlyPictureAndSharesItsMemory) {
  gsttest::Harness harness(quick());
  harness.caps(caps());
  const auto held = own(frame());
  gsttest::add_roi(held.get(), "face", 10, 10, 40, 40);
  const auto out = own(harness.push(gst_buffer_ref(held.get())));
  EXPECT_NE(out.get(), held.get());
  EXPECT_EQ(gst_buffer_peek_memory(out.get(), 0), gst_buffer_peek_memory(held.get(), 0));
  EXPECT_EQ(gst_buffer_get_custom_meta(held.get(), "TripletEmbed"), nullptr)
      << "the shared header stays as it was";
  EXPECT_NE(gst_buffer_get_custom_meta(out.get(), "TripletEmbed"), nullptr);
}

TEST_F(Embed, TakesForeignDetectorsRois) {
  gsttest::Harness harness(quick());
  harness.caps(caps());
  GstBuffer* in = frame();
  gsttest::add_roi(in, "face", 10, 10, 40, 40);  // By hand: no id, no params.
  auto* gva = gsttest::add_roi(in, "face", 60, 30, 50, 50, 1);
  gst_video_region_of_interest_meta_add_param(
      gva,
      gst_structure_new("detection", "x_min", G_TYPE_DOUBLE, 60 / 160.0, "x_max", G_TYPE_DOUBLE, 110 / 160.0,
                        "y_min", G_TYPE_DOUBLE, 30 / 120.0, "y_max", G_TYPE_DOUBLE, 80 / 120.0, "confidence",
                        G_TYPE_DOUBLE, 0.75, "label_id", G_TYPE_INT, 1, nullptr));
  gst_video_region_of_interest_meta_add_param(
      gva, gst_structure_new("detection", "confidence", G_TYPE_STRING, "not a number", nullptr));
  gsttest::add_roi(in, "car", 5, 5, 20, 20, 2);
  const auto out = own(harness.push(in));
  const auto faces = gsttest::faces_of(out.get(), 160, 120);
  ASSERT_EQ(faces.size(), 3U);
  EXPECT_TRUE(faces[0].identity && faces[0].identity->embedding);
  EXPECT_NE(faces[0].id, 0);
  EXPECT_TRUE(faces[1].identity && faces[1].identity->embedding);
  EXPECT_EQ(faces[1].id, 1);
  EXPECT_DOUBLE_EQ(faces[1].confidence.value_or(0), 0.75);
  EXPECT_FALSE(faces[2].identity) << "a car is no face";
}

TEST_F(Embed, ObjectClassEmptyTakesAll) {
  gsttest::Harness harness(quick("object-class=\"\""));
  harness.caps(caps());
  GstBuffer* in = frame();
  gsttest::add_roi(in, "face", 10, 10, 40, 40);
  gsttest::add_roi(in, "cat", 60, 10, 40, 40);
  const auto out = own(harness.push(in));
  for (const auto& face : gsttest::faces_of(out.get(), 160, 120)) EXPECT_TRUE(face.identity);
}

TEST_F(Embed, ObjectClassIsAListComparedWithoutCase) {
  gsttest::Harness harness(quick("object-class=\"face, Human_Face\""));
  harness.caps(caps());
  GstBuffer* in = frame();
  for (const char* type : {"Face", "human_face", "fac", "faces", "face, Human_Face"})
    gsttest::add_roi(in, type, 10, 10, 40, 40);
  const auto out = own(harness.push(in));
  const auto faces = gsttest::faces_of(out.get(), 160, 120);
  ASSERT_EQ(faces.size(), 5U);
  for (std::size_t i = 0; i < faces.size(); ++i)
    EXPECT_EQ(faces[i].identity.has_value(), i < 2) << faces[i].type;
}

TEST_F(Embed, WarnsOnceOfRegionsOfOtherTypesAlone) {
  for (const bool wanted : {false, true}) {
    gsttest::Harness harness(quick());
    gsttest::Bus bus(harness.element());
    harness.caps(caps());
    for (int i = 0; i < 220; ++i) {
      GstBuffer* in = frame(i);
      gsttest::add_roi(in, i % 2 == 0 ? "person" : "car", 10, 10, 40, 40);
      if (wanted && i == 50) gsttest::add_roi(in, "face", 10, 10, 40, 40);
      own(harness.push(in));
    }
    int warnings = 0;
    while (const auto message = bus.pop(GST_MESSAGE_WARNING)) {
      GError* error = nullptr;
      gst_message_parse_warning(message.get(), &error, nullptr);
      for (const char* words : {"'car', 'person'", "'face'", "object-class"})
        EXPECT_NE(std::string(error->message).find(words), std::string::npos) << error->message;
      g_error_free(error);
      ++warnings;
    }
    EXPECT_EQ(warnings, wanted ? 0 : 1);
  }
}

TEST_F(Embed, FullFrameNeedsNoDetector) {
  gsttest::Harness harness(quick("inference-region=full-frame"));
  harness.caps(caps());
  const auto out = own(harness.push(frame()));
  const auto faces = gsttest::faces_of(out.get(), 160, 120);
  ASSERT_EQ(faces.size(), 1U);
  EXPECT_EQ(faces[0].type, "frame");
  EXPECT_EQ(faces[0].box.width, 160);
  EXPECT_TRUE(faces[0].identity && faces[0].identity->embedding);
}

TEST_F(Embed, AbsurdRoisPassAndAreCounted) {
  gsttest::Harness harness(quick());
  harness.caps(caps());
  GstBuffer* in = frame();
  gsttest::add_roi(in, "face", 10, 10, 0, 0);
  gsttest::add_roi(in, "face", 10, 10, 40, 0);
  gsttest::add_roi(in, "face", 500, 10, 40, 40);
  gsttest::add_roi(in, "face", G_MAXUINT, G_MAXUINT, G_MAXUINT,
                   G_MAXUINT);  // −1 as a detector's bug makes it.
  gsttest::add_roi(in, "face", 0, 0, 70000, 70000);
  gsttest::add_roi(in, "face", 140, 100, 40, 40);  // Partly outside is fine.
  const auto out = own(harness.push(in));
  ASSERT_TRUE(out);
  std::vector<std::string> reasons;
  for (const auto& face : gsttest::faces_of(out.get(), 160, 120))
    reasons.emplace_back(to_string(face.identity->reason));
  EXPECT_EQ(reasons,
            (std::vector<std::string>{"small", "small", "outside", "outside", "outside", "no-gallery"}));
  EXPECT_EQ(stat(harness.element(), "bad-regions"), 5U);
  EXPECT_EQ(stat(harness.element(), "outside"), 3U);
  EXPECT_EQ(stat(harness.element(), "embedded"), 1U);
}

TEST_F(Embed, TheQualityOfAFaceIsInItsMetadata) {
  gsttest::Harness harness(quick());
  harness.caps(caps());
  GstBuffer* in = frame();
  gsttest::add_roi(in, "face", 10, 10, 80, 80);
  gsttest::add_roi(in, "face", 10, 10, 12, 12);
  gsttest::add_roi(in, "face", 500, 10, 40, 40);
  const auto out = own(harness.push(in));
  ASSERT_TRUE(out);
  const auto faces = gsttest::faces_of(out.get(), 160, 120);
  ASSERT_EQ(faces.size(), 3U);
  ASSERT_TRUE(faces[0].identity->quality && faces[1].identity->quality);
  EXPECT_GT(*faces[0].identity->quality, *faces[1].identity->quality) << "which has fewer pixels";
  EXPECT_FALSE(faces[2].identity->quality) << "it was not embedded";
  // The same for those who read the region alone.
  auto* meta = gst_buffer_get_video_region_of_interest_meta(out.get());
  const GstStructure* param = gst_video_region_of_interest_meta_get_param(meta, "classification");
  double quality = -1;
  ASSERT_TRUE(param != nullptr && gst_structure_get_double(param, "quality", &quality));
  EXPECT_FLOAT_EQ(static_cast<float>(quality), *faces[0].identity->quality);
}

TEST_F(Embed, FiveHundredRoisOnOneFrame) {
  // With one thread, for several would share each batch out.
  gsttest::Harness harness(quick("batch-size=64 threads=1 max-faces=0"));
  harness.caps(caps());
  GstBuffer* in = frame();
  for (guint i = 0; i < 500; ++i) gsttest::add_roi(in, "face", i % 100, i / 10, 30, 30);
  const auto out = own(harness.push(in));
  ASSERT_TRUE(out);
  const auto faces = gsttest::faces_of(out.get(), 160, 120);
  ASSERT_EQ(faces.size(), 500U);
  for (const auto& face : faces) EXPECT_TRUE(face.identity && face.identity->embedding);
  EXPECT_EQ(stat(harness.element(), "embedded"), 500U);
  EXPECT_EQ(stat(harness.element(), "batches"), 8U);
}

TEST_F(Embed, PropertiesTakeEffectWhilePlaying) {
  gsttest::Harness harness(quick());
  harness.caps(caps());
  const auto label = [&] {
    GstBuffer* in = frame();
    gsttest::add_roi(in, "face", 10, 10, 40, 40);
    const auto out = own(harness.push(in));
    return gsttest::faces_of(out.get(), 160, 120).at(0).identity->label;
  };
  EXPECT_EQ(label(), "???");
  g_object_set(harness.element(), "unknown-label", "nobody", nullptr);
  EXPECT_EQ(label(), "nobody");
}

TEST_F(Embed, NamesReadBehindConversionAndScaling) {
  const embed::Embedder embedder(gsttest::quick_weights_file(), {"cpu", "fp32", 16});
  embed::FaceRegion region;
  region.box = {20, 10, 40, 40};
  const std::string gallery =
      fixtures::write_gallery(fixtures::temp_dir() + "/ann.safetensors", gsttest::quick_weights_file(),
                              {{"Ann", embedder.embed(picture_.view(), {region}).at(0)}});
  gsttest::Harness harness(
      quick("gallery=" + gallery) +
      " ! videoconvert ! videoscale ! capsfilter caps=video/x-raw,format=RGB,width=320,height=240");
  harness.caps(caps());
  GstBuffer* in = frame();
  gsttest::add_roi(in, "face", 20, 10, 40, 40);
  const auto out = own(harness.push(in));
  const auto faces = gsttest::faces_of(out.get(), 320, 240);
  ASSERT_EQ(faces.size(), 1U);
  EXPECT_EQ(faces[0].identity->label, "Ann");
  EXPECT_EQ(faces[0].box.x, 40);
  EXPECT_EQ(faces[0].box.width, 80);
}

TEST_F(Embed, TracksEndWithASegmentAFlushAndNewCaps) {
  const embed::Embedder embedder(gsttest::quick_weights_file(), {"cpu", "fp32", 16});
  embed::FaceRegion region;
  region.box = {20, 10, 40, 40};
  const std::string gallery =
      fixtures::write_gallery(fixtures::temp_dir() + "/ann.safetensors", gsttest::quick_weights_file(),
                              {{"Ann", embedder.embed(picture_.view(), {region}).at(0)}});
  gsttest::Harness harness(quick("gallery=" + gallery));
  harness.caps(caps());
  int index = 0;
  const auto label = [&] {
    GstBuffer* in = frame(index++);
    embed::gst::set_track(gsttest::add_roi(in, "face", 20, 10, 40, 40, 1), 5);
    const auto out = own(harness.push(in));
    const auto face = gsttest::faces_of(out.get(), picture_.width, picture_.height).at(0);
    EXPECT_EQ(face.track, 5);
    return face.identity->label.empty() ? "" : face.identity->label + to_string(face.identity->reason);
  };
  const auto begin_segment = [&] {
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(harness.get(), gst_event_new_segment(&segment));
  };
  const auto flush = [&] {
    gst_harness_push_event(harness.get(), gst_event_new_flush_start());
    gst_harness_push_event(harness.get(), gst_event_new_flush_stop(TRUE));
    begin_segment();
  };
  for (const std::function<void()>& end : std::initializer_list<std::function<void()>>{
           begin_segment, flush, [&] { harness.caps(caps() + ",pixel-aspect-ratio=1/1"); }}) {
    EXPECT_EQ(label(), "???undecided");
    EXPECT_EQ(label(), "Ann");
    EXPECT_EQ(label(), "Ann");
    end();
  }
  EXPECT_EQ(label(), "???undecided");
}

TEST_F(Embed, FlushAndEosPass) {
  gsttest::Harness harness(quick());
  harness.caps(caps());
  own(harness.push(frame(0)));
  EXPECT_TRUE(gst_harness_push_event(harness.get(), gst_event_new_flush_start()));
  EXPECT_TRUE(gst_harness_push_event(harness.get(), gst_event_new_flush_stop(TRUE)));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  EXPECT_TRUE(gst_harness_push_event(harness.get(), gst_event_new_segment(&segment)));
  EXPECT_TRUE(own(harness.push(frame(1))));
  EXPECT_TRUE(gst_harness_push_event(harness.get(), gst_event_new_eos()));
  bool eos = false;
  // The element pushes from a thread of its own.
  while (GstEvent* event = eos ? nullptr : gst_harness_pull_event(harness.get())) {
    eos = GST_EVENT_TYPE(event) == GST_EVENT_EOS;
    gst_event_unref(event);
  }
  EXPECT_TRUE(eos);
}

TEST_F(Embed, WarnsOnceWhenNobodyDetects) {
  gsttest::Harness harness(quick());
  gsttest::Bus bus(harness.element());
  harness.caps(caps());
  int warnings = 0;
  for (int i = 0; i < 220; ++i) own(harness.push(frame(i)));
  while (const auto message = bus.pop(GST_MESSAGE_WARNING)) {
    GError* error = nullptr;
    gst_message_parse_warning(message.get(), &error, nullptr);
    EXPECT_NE(std::string(error->message).find("tripletdetect"), std::string::npos);
    g_error_free(error);
    ++warnings;
  }
  EXPECT_EQ(warnings, 1);
}

TEST_F(Embed, WarnsAtTheEndOfAShortStreamToo) {
  for (const int frames : {9, 51}) {
    gsttest::Harness harness(quick());
    gsttest::Bus bus(harness.element());
    harness.caps(caps());
    for (int i = 0; i < frames; ++i) own(harness.push(frame(i)));
    EXPECT_FALSE(bus.pop(GST_MESSAGE_WARNING));
    gst_harness_push_event(harness.get(), gst_event_new_eos());
    const auto message = bus.pop(GST_MESSAGE_WARNING);
    ASSERT_EQ(message != nullptr, frames == 51);
    if (!message) continue;
    GError* error = nullptr;
    gst_message_parse_warning(message.get(), &error, nullptr);
    for (const char* words : {"51 frames", "tripletdetect"})
      EXPECT_NE(std::string(error->message).find(words), std::string::npos) << error->message;
    g_error_free(error);
  }
}

TEST_F(Embed, WarnsOfAPrecisionThatTheCpuLacks) {
  const std::string model = " model=" + gsttest::quick_weights_file();
  std::string backend;  // Without LibTorch a CPU refuses what it does not compute in.
  try {
    backend = embed::Embedder(gsttest::quick_weights_file(), {"cpu", "bf16", 1}).backend();
  } catch (const embed::Error& error) {
    EXPECT_EQ(error.code(), embed::ErrorCode::Unsupported) << error.what();
  }
  for (const std::string precision : {"auto", "fp32", "bf16"}) {
    if (precision == "bf16" && backend.empty()) continue;
    const auto said = gsttest::try_state("tripletembed device=cpu precision=" + precision + model,
                                         GST_STATE_READY, GST_MESSAGE_WARNING);
    EXPECT_EQ(said.result, GST_STATE_CHANGE_SUCCESS);
    const bool slow = precision == "bf16" && backend == "libtorch";
    EXPECT_EQ(said.message.find("computes bf16 in software") != std::string::npos, slow) << precision;
  }
}

TEST(Crop, IsLeftToUpstreamAndRefusedWhereItComesNonetheless) {
  for (const std::string& launch :
       {"tripletembed name=e precision=fp32 model=" + gsttest::quick_weights_file(),
        std::string("tripletoverlay name=e")}) {
    EXPECT_FALSE(gsttest::offers_crop(launch)) << launch;
    EXPECT_EQ(gsttest::push_cropped(launch), GST_FLOW_ERROR) << launch;
  }
}

class States : public ::testing::TestWithParam<const char*> {};

TEST_P(States, UpAndDownAtWill) {
  setenv("TRIPLETEMBED_MODEL", gsttest::quick_weights_file().c_str(), 1);
  GstElement* element = gst_element_factory_make(GetParam(), nullptr);
  ASSERT_NE(element, nullptr);
  if (std::string(GetParam()) == "tripletjson") g_object_set(element, "location", "/dev/null", nullptr);
  if (std::string(GetParam()) == "tripletpublish")
    g_object_set(element, "address", "127.0.0.1:1", "drain-timeout", 0.0, nullptr);
  const GstState walk[] = {GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING, GST_STATE_PAUSED,
                           GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_NULL,    GST_STATE_PLAYING,
                           GST_STATE_NULL,  GST_STATE_NULL};
  for (const GstState state : walk) {
    EXPECT_NE(gst_element_set_state(element, state), GST_STATE_CHANGE_FAILURE)
        << gst_element_state_get_name(state);
  }
  gst_object_unref(element);
}

INSTANTIATE_TEST_SUITE_P(Elements, States,
                         ::testing::Values("tripletembed", "tripletoverlay", "tripletjson", "tripletpublish"),
                         [](const auto& which) { return std::string(which.param); });

class OutOfRange : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(OutOfRange, PropertiesAreRefusedByGstLaunch) {
  GError* error = nullptr;
  GstElement* element = gst_parse_launch_full(
      (std::string("tripletembed ") + GetParam().first + "=" + GetParam().second).c_str(), nullptr,
      GST_PARSE_FLAG_FATAL_ERRORS, &error);
  EXPECT_EQ(element, nullptr);
  ASSERT_NE(error, nullptr);
  EXPECT_NE(std::string(error->message).find(GetParam().first), std::string::npos) << error->message;
  g_error_free(error);
}

INSTANTIATE_TEST_SUITE_P(Properties, OutOfRange,
                         ::testing::Values(std::pair{"metric", "hamming"}, std::pair{"precision", "int4"},
                                           std::pair{"batch-size", "many"},
                                           std::pair{"inference-region", "half"},
                                           std::pair{"no-such-thing", "1"}));

TEST(OutOfRangeValues, NeverReachTheElement) {
  GstElement* element = gst_element_factory_make("tripletembed", nullptr);
  const struct {
    const char* name;
    const char* value;
  } cases[] = {{"batch-size", "0"}, {"k", "5000"}, {"margin", "-3"}, {"threshold", "-7"}};
  for (const auto& c : cases) {
    gst_util_set_object_arg(G_OBJECT(element), c.name, c.value);
    GParamSpec* spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element), c.name);
    GValue value = G_VALUE_INIT;
    g_value_init(&value, spec->value_type);
    g_object_get_property(G_OBJECT(element), c.name, &value);
    EXPECT_FALSE(g_param_value_validate(spec, &value)) << c.name << " is inside its range";
    g_value_unset(&value);
  }
  gst_object_unref(element);
}

}  // namespace
