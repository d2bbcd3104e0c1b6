// SPDX-License-Identifier: LGPL-2.1-or-later
// The elements among others that know GStreamer's analytics metadata alone.
#include <gmock/gmock.h>
#include <gst/analytics/analytics.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "embed/embedder.h"
#include "glue/face_meta.h"
#include "gst_support.h"

namespace {

using namespace embed::gst;
using gsttest::own;

constexpr int kWidth = 320, kHeight = 240;
constexpr PixelRect kPlace = {100, 90, 60, 60};

const fixtures::Pixels& picture() {
  static const auto made = fixtures::make_image(embed::PixelFormat::Bgrx, kWidth, kHeight, 3);
  return made;
}

/// A frame with that picture as plain as it can be: GStreamer's blending, which objectdetectionoverlay calls,
/// crashes on pixels whose addresses are no multiples of their size.
GstBuffer* frame(int index = 0) {
  constexpr std::size_t kRow = 4 * std::size_t{kWidth};
  GstBuffer* buffer = gst_buffer_new_allocate(nullptr, kRow * kHeight, nullptr);
  const auto view = picture().view();
  for (int y = 0; y < kHeight; ++y)
    gst_buffer_fill(buffer, kRow * static_cast<std::size_t>(y), view.planes[0] + y * view.strides[0], kRow);
  GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(index) * 40 * GST_MSECOND;
  GST_BUFFER_DURATION(buffer) = 40 * GST_MSECOND;
  return buffer;
}

/// The launch line of a tripletembed that has one person, whose face is the one of these tests.
std::string embed_as(const std::string& name) {
  static const embed::Embedder embedder(gsttest::quick_weights_file(), {"cpu", "fp32", 16});
  embed::FaceRegion region;
  region.box = rect_of(kPlace);
  const std::string gallery = fixtures::write_gallery(
      fixtures::temp_dir() + "/" + name + ".safetensors", gsttest::quick_weights_file(),
      {{name, embedder.embed(picture().view(), {region}).at(0)}});
  return "tripletembed precision=fp32 model=" + gsttest::quick_weights_file() + " gallery=" + gallery;
}

void detect(GstBuffer* buffer) {
  GstAnalyticsODMtd entry;
  gst_analytics_relation_meta_add_od_mtd(gst_buffer_add_analytics_relation_meta(buffer),
                                         g_quark_from_string("Face"), kPlace.x, kPlace.y, kPlace.width,
                                         kPlace.height, 0.75F, &entry);
}

GstPadProbeReturn detect_by_hand(GstPad*, GstPadProbeInfo* info, gpointer) {
  GstBuffer* buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
  detect(buffer);
  info->data = buffer;
  return GST_PAD_PROBE_OK;
}

/// Frames on which nobody but a probe in front of `launch` finds a face.
class Stream {
 public:
  explicit Stream(const std::string& launch) : harness_("identity name=e ! " + launch) {
    GstPad* pad = gst_element_get_static_pad(harness_.element(), "src");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, detect_by_hand, nullptr, nullptr);
    gst_object_unref(pad);
    harness_.caps(gsttest::caps_text(picture()));
  }
  /// The last of some frames, by when a track has its name.
  gsttest::BufferPtr push_some() {
    for (int index = 0; index < 9; ++index) push(index);
    return push(9);
  }
  gsttest::BufferPtr push(int index = 0) { return own(harness_.push(frame(index))); }

 private:
  gsttest::Harness harness_;
};

/// The only entry of a kind that the first detection is related to.
std::optional<GstAnalyticsMtd> related(GstBuffer* buffer, GstAnalyticsRelTypes relation,
                                       GstAnalyticsMtdType type) {
  GstAnalyticsRelationMeta* meta = gst_buffer_get_analytics_relation_meta(buffer);
  gpointer state = nullptr;
  GstAnalyticsODMtd face;
  if (meta == nullptr ||
      gst_analytics_relation_meta_iterate(meta, &state, gst_analytics_od_mtd_get_mtd_type(), &face) == FALSE)
    return std::nullopt;
  state = nullptr;
  GstAnalyticsMtd found, more;
  if (gst_analytics_relation_meta_get_direct_related(meta, face.id, relation, type, &state, &found) ==
          FALSE ||
      gst_analytics_relation_meta_get_direct_related(meta, face.id, relation, type, &state, &more) != FALSE)
    return std::nullopt;
  return found;
}

/// The name as DL Streamer reads it, by CONTAIN, or GStreamer's overlay, by RELATE_TO.
std::string name_by(GstBuffer* buffer, GstAnalyticsRelTypes relation) {
  auto found = related(buffer, relation, gst_analytics_cls_mtd_get_mtd_type());
  return found ? g_quark_to_string(gst_analytics_cls_mtd_get_quark(&*found, 0)) : "";
}

guint64 track_by_relation(GstBuffer* buffer) {
  auto found = related(buffer, GST_ANALYTICS_REL_TYPE_RELATE_TO, gst_analytics_tracking_mtd_get_mtd_type());
  guint64 number = 0;
  GstClockTime first, last;
  gboolean lost;
  if (found) gst_analytics_tracking_mtd_get_info(&*found, &number, &first, &last, &lost);
  return number;
}

TEST(Analytics, ADetectionByHandIsFollowedAndNamed) {
  Stream stream("triplettrack ! " + embed_as("Ann"));
  const auto out = stream.push_some();
  const auto faces = gsttest::faces_of(out.get(), kWidth, kHeight);
  ASSERT_EQ(faces.size(), 1U);
  EXPECT_EQ(faces[0].type, "Face");
  EXPECT_EQ(faces[0].track, 1);
  EXPECT_DOUBLE_EQ(faces[0].confidence.value_or(0), 0.75);
  ASSERT_TRUE(faces[0].identity);
  EXPECT_EQ(faces[0].identity->label, "Ann");
  EXPECT_EQ(name_by(out.get(), GST_ANALYTICS_REL_TYPE_CONTAIN), "Ann");
  EXPECT_EQ(name_by(out.get(), GST_ANALYTICS_REL_TYPE_RELATE_TO), "Ann");
  EXPECT_EQ(track_by_relation(out.get()), 1U);
}

TEST(Analytics, TheTrackerMayStandBehindToo) {
  Stream stream(embed_as("Ann") + " ! triplettrack");
  for (int index = 0; index < 3; ++index) {
    const auto out = stream.push(index);
    EXPECT_EQ(gsttest::faces_of(out.get(), kWidth, kHeight).size(), 1U);
    EXPECT_EQ(name_by(out.get(), GST_ANALYTICS_REL_TYPE_CONTAIN), "Ann");
    EXPECT_EQ(track_by_relation(out.get()), 1U);
  }
}

TEST(Analytics, ASecondElementsNameIsTheOneThatHolds) {
  Stream stream(embed_as("Ann") + " ! " + embed_as("Bob"));
  const auto out = stream.push();
  EXPECT_EQ(name_by(out.get(), GST_ANALYTICS_REL_TYPE_CONTAIN), "Bob");
  EXPECT_EQ(name_by(out.get(), GST_ANALYTICS_REL_TYPE_RELATE_TO), "Bob");
}

TEST(Analytics, ClassesThatAreNotAskedForAreLeftAndNamedInTheWarning) {
  gsttest::Harness harness("tripletembed name=e object-class=person precision=fp32 model=" +
                           gsttest::quick_weights_file());
  gsttest::Bus bus(harness.element());
  harness.caps(gsttest::caps_text(picture()));
  for (int index = 0; index < 100; ++index) {
    GstBuffer* in = frame(index);
    detect(in);
    const auto out = own(harness.push(in));
    EXPECT_EQ(name_by(out.get(), GST_ANALYTICS_REL_TYPE_CONTAIN), "");
    EXPECT_EQ(gst_buffer_get_video_region_of_interest_meta(out.get()), nullptr);
  }
  const auto message = bus.pop(GST_MESSAGE_WARNING);
  ASSERT_TRUE(message);
  GError* warning = nullptr;
  gst_message_parse_warning(message.get(), &warning, nullptr);
  EXPECT_THAT(warning->message, ::testing::HasSubstr("of the types 'Face', and none of 'person'"));
  g_error_free(warning);
}

TEST(Analytics, AFrameThatIsNamedAsAWholeIsADetectionToo) {
  gsttest::Harness harness(embed_as("Ann") + " inference-region=full-frame");
  harness.caps(gsttest::caps_text(picture()));
  const auto out = own(harness.push(frame()));
  EXPECT_EQ(name_by(out.get(), GST_ANALYTICS_REL_TYPE_CONTAIN),
            gsttest::faces_of(out.get(), kWidth, kHeight).at(0).identity->label);
}

TEST(Analytics, JsonHasADetectionThatNobodyNamed) {
  const std::string file = fixtures::temp_dir() + "/analytics.json";
  std::remove(file.c_str());
  {
    Stream named(embed_as("Ann") + " ! tripletjson location=" + file + ".named");
    named.push();
    Stream bare("tripletjson location=" + file);
    bare.push();
  }
  const auto object = [](const std::string& path) {
    std::ifstream in(path);
    std::string line;
    std::getline(in, line);
    return nlohmann::json::parse(line)["objects"].at(0);
  };
  const auto bare = object(file), named = object(file + ".named");
  EXPECT_EQ(bare["roi_type"], "Face");
  EXPECT_EQ(bare["x"], kPlace.x);
  EXPECT_EQ(bare["h"], kPlace.height);
  EXPECT_FALSE(bare.contains("identity"));
  EXPECT_EQ(named["identity"]["label"], "Ann");
}

/// A frame that others may have drawn on, as pixels of four bytes.
class Drawn {
 public:
  explicit Drawn(gsttest::BufferPtr frame) : frame_(std::move(frame)) {
    gst_buffer_map(frame_.get(), &map_, GST_MAP_READ);
    const GstVideoMeta* video = gst_buffer_get_video_meta(frame_.get());
    stride_ = video != nullptr ? static_cast<std::size_t>(video->stride[0]) : 4 * std::size_t{kWidth};
  }
  ~Drawn() { gst_buffer_unmap(frame_.get(), &map_); }
  Drawn(const Drawn&) = delete;
  Drawn& operator=(const Drawn&) = delete;

  /// Blue, green, red.
  std::array<int, 3> at(std::int64_t x, std::int64_t y) const {
    const guint8* pixel = map_.data + static_cast<std::size_t>(y) * stride_ + 4 * static_cast<std::size_t>(x);
    return {pixel[0], pixel[1], pixel[2]};
  }
  /// How many pixels of the rows above the face are not as in the other frame.
  int changed_above(const Drawn& other) const {
    int count = 0;
    for (std::int64_t y = 0; y < kPlace.y - 2; ++y)
      for (std::int64_t x = 0; x < kWidth; ++x) count += at(x, y) != other.at(x, y) ? 1 : 0;
    return count;
  }

 private:
  gsttest::BufferPtr frame_;
  GstMapInfo map_;
  std::size_t stride_;
};

const std::string kUpstreamsOverlay =
    " ! objectdetectionoverlay object-detection-outline-color=0xFF00FF00 draw-labels=";
const std::string kBlended = " ! capsfilter caps=video/x-raw,format=BGRx";

TEST(Analytics, UpstreamsOverlayDrawsOurBoxesAndNames) {
  gst_init(nullptr, nullptr);
  GstElementFactory* factory = gst_element_factory_find("objectdetectionoverlay");
  if (factory == nullptr) GTEST_SKIP() << "there is no objectdetectionoverlay (gstreamer1.0-plugins-bad)";
  gst_object_unref(factory);
  const auto draw = [](const std::string& before, const char* labels) {
    return Drawn(Stream(before + kUpstreamsOverlay + labels + kBlended).push());
  };
  const Drawn plain(own(frame()));
  const Drawn boxes = draw(embed_as("Ann"), "false");
  EXPECT_EQ(boxes.at(kPlace.x, kPlace.y + 30), (std::array<int, 3>{0, 255, 0})) << "the left edge";
  EXPECT_EQ(boxes.at(kPlace.x + 30, kPlace.y + 30), plain.at(kPlace.x + 30, kPlace.y + 30));
  EXPECT_EQ(boxes.changed_above(plain), 0);
  const Drawn face = draw("identity", "true"), ann = draw(embed_as("Ann"), "true"),
              other = draw(embed_as("Bartholomew"), "true");
  EXPECT_GT(ann.changed_above(plain), 20) << "a label";
  EXPECT_GT(ann.changed_above(face), 20) << "the name, not the class";
  EXPECT_GT(other.changed_above(plain), ann.changed_above(plain)) << "a longer name";
}

struct Way {
  const char* launch;
  int width, height;
  PixelRect box;  // Where readers find the face.
  bool related;   // Whether the relation meta is still there.
};

class Behind : public ::testing::TestWithParam<Way> {};

TEST_P(Behind, AFaceIsStillOne) {
  const Way& way = GetParam();
  Stream stream("triplettrack ! " + embed_as("Ann") + " ! " + way.launch);
  const auto out = stream.push_some();
  ASSERT_TRUE(out);
  const auto faces = gsttest::faces_of(out.get(), way.width, way.height);
  ASSERT_EQ(faces.size(), 1U);
  EXPECT_EQ(faces[0].identity->label, "Ann");
  EXPECT_EQ(faces[0].track, 1);
  EXPECT_EQ(faces[0].box.x, way.box.x);
  EXPECT_EQ(faces[0].box.y, way.box.y);
  EXPECT_EQ(faces[0].box.width, way.box.width);
  EXPECT_EQ(faces[0].box.height, way.box.height);
  EXPECT_EQ(name_by(out.get(), GST_ANALYTICS_REL_TYPE_CONTAIN), way.related ? "Ann" : "");
}

INSTANTIATE_TEST_SUITE_P(
    Elements, Behind,
    ::testing::Values(
        Way{"queue", 320, 240, kPlace, true},
        Way{"videoconvert ! capsfilter caps=video/x-raw,format=I420", 320, 240, kPlace, true},
        Way{"videoscale ! capsfilter caps=video/x-raw,width=640,height=480",
            640,
            480,
            {200, 180, 120, 120},
            true},
        Way{"videoconvert ! videoscale ! capsfilter caps=video/x-raw,format=RGB,width=214,height=161",
            214,
            161,
            {66, 60, 40, 40},
            true},
        Way{"videoflip method=horizontal-flip", 320, 240, kPlace, false},
        Way{"videocrop right=160 bottom=120", 160, 120, {50, 45, 30, 30}, false}));

/// Counts what comes to a fakesink.
struct Count {
  int frames = 0;
  std::size_t faces = 0;
  std::size_t with_both = 0;   // A region and a detection.
  std::size_t detections = 0;  // In the relation meta, all of them.
};

void count_frame(GstElement*, GstBuffer* buffer, GstPad*, gpointer data) {
  auto& count = *static_cast<Count*>(data);
  const auto list = read_regions(buffer, "", 640, 480);
  ++count.frames;
  count.faces += list.rois.size();
  for (std::size_t i = 0; i < list.rois.size(); ++i)
    count.with_both += list.metas[i] != nullptr && list.detections[i] >= 0 ? 1 : 0;
  GstAnalyticsRelationMeta* meta = gst_buffer_get_analytics_relation_meta(buffer);
  gpointer state = nullptr;
  GstAnalyticsODMtd face;
  while (meta != nullptr && gst_analytics_relation_meta_iterate(
                                meta, &state, gst_analytics_od_mtd_get_mtd_type(), &face) != FALSE)
    ++count.detections;
}

// Between detections triplettrack moves the boxes: no detection may stay where a face was.
TEST(Analytics, EveryRegionOfAClipHasOneDetection) {
  const auto data = fixtures::data_dir();
  if (!data) GTEST_SKIP() << "TRIPLETEMBED_DATA names no folder of real data";
  gst_init(nullptr, nullptr);
  GstElementFactory* factory = gst_element_factory_find("tripletdetect");
  if (factory == nullptr) GTEST_SKIP() << "built without face detection";
  gst_object_unref(factory);
  for (const std::string more : {"", " ! triplettrack"}) {
    const std::string launch =
        "filesrc location=" + *data +
        "/video/bird.mkv ! decodebin ! videoconvert ! identity eos-after=40 ! tripletdetect "
        "detector=yunet detect-interval=3 model=" +
        *data + "/models/face_detection_yunet_2023mar.onnx" + more +
        " ! fakesink name=s signal-handoffs=true sync=false";
    GstElement* pipeline = gst_parse_launch(launch.c_str(), nullptr);
    ASSERT_NE(pipeline, nullptr) << launch;
    GstElement* sink = gst_bin_get_by_name(GST_BIN(pipeline), "s");
    Count count;
    g_signal_connect(sink, "handoff", G_CALLBACK(count_frame), &count);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstBus* bus = gst_element_get_bus(pipeline);
    const gsttest::MessagePtr message(
        gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND,
                                   static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)),
        gst_message_unref);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(sink);
    gst_object_unref(pipeline);
    ASSERT_TRUE(message);
    EXPECT_EQ(GST_MESSAGE_TYPE(message.get()), GST_MESSAGE_EOS);
    EXPECT_GT(count.faces, 20U) << count.frames << " frames" << more;
    EXPECT_EQ(count.with_both, count.faces) << more;
    EXPECT_EQ(count.detections, count.faces) << more;
  }
}

}  // namespace
