// SPDX-License-Identifier: LGPL-2.1-or-later
// triplettrack: its session, in a harness, and on real clips.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "glue/face_meta.h"
#include "gst_support.h"
#include "sessions/track_session.h"

namespace {

using namespace embed::gst;
using gsttest::own;

constexpr int kWidth = 160, kHeight = 120;

embed::FaceRegion region_at(float x, float y = 40, float side = 30) {
  embed::FaceRegion region;
  region.box = {x, y, side, side};
  region.landmarks = embed::Landmarks{{{x + 0.3F * side, y + 0.4F * side},
                                       {x + 0.7F * side, y + 0.4F * side},
                                       {x + 0.5F * side, y + 0.6F * side},
                                       {x + 0.35F * side, y + 0.8F * side},
                                       {x + 0.65F * side, y + 0.8F * side}}};
  return region;
}

TEST(TrackOptions, StartAtTheTrackersDefaults) {
  const auto defaults = TrackSettings::from(OptionValues(track_options()));
  const TrackSettings written;
  EXPECT_FLOAT_EQ(defaults.tracker.confident_score, written.tracker.confident_score);
  EXPECT_EQ(defaults.tracker.max_lost, written.tracker.max_lost);
  EXPECT_FLOAT_EQ(defaults.tracker.max_cosine_distance, written.tracker.max_cosine_distance);
  EXPECT_EQ(defaults.max_missed, written.max_missed);
  EXPECT_EQ(defaults.max_faces, written.max_faces);
  EXPECT_EQ(defaults.object_class, written.object_class);
}

Roi roi_at(std::int64_t x, int id, bool predicted = false, const char* type = "face") {
  Roi roi;
  roi.id = id;
  roi.type = type;
  roi.box = {x, 40, 30, 30};
  roi.predicted = predicted;
  return roi;
}

class Session : public ::testing::Test {
 protected:
  const TrackedFrame& take(const std::vector<Roi>& rois) {
    return session_.take(rois, std::vector<const embed::Embedding*>(rois.size()), kWidth, kHeight, settings_);
  }
  TrackSession session_;
  TrackSettings settings_;
};

TEST_F(Session, MovesWhatNobodyLookedAt) {
  for (int look = 0; look < 4; ++look) {
    EXPECT_EQ(take({roi_at(10 + 6 * look, 7 + look)}).track_of, (std::vector<int>{1}));
    EXPECT_TRUE(take({roi_at(10 + 6 * look, 7 + look, true)}).carried.size() == 1);
  }
  // Three pixels a frame; the last detection was at 28.
  const TrackedFrame& frame = take({roi_at(28, 10, true)});
  EXPECT_EQ(frame.track_of, (std::vector<int>{1}));
  ASSERT_EQ(frame.carried.size(), 1U);
  EXPECT_EQ(frame.carried[0].roi, 0);
  EXPECT_EQ(frame.carried[0].track, 1);
  EXPECT_NEAR(frame.carried[0].region.box.x, 34, 2);
}

TEST_F(Session, ShowsAMissedFaceForMaxMissedLooks) {
  settings_.max_missed = 1;
  take({roi_at(10, 7)});
  take({roi_at(10, 8)});
  const TrackedFrame& missed = take({});
  ASSERT_EQ(missed.carried.size(), 1U);
  EXPECT_EQ(missed.carried[0].roi, -1);
  EXPECT_EQ(missed.carried[0].roi_id, 8);
  EXPECT_EQ(missed.carried[0].type, "face");
  EXPECT_TRUE(take({}).carried.empty());
  EXPECT_EQ(take({roi_at(10, 9)}).track_of, (std::vector<int>{1})) << "the track lives on unseen";
}

TEST_F(Session, ShowsNobodyTwiceAndNobodyOutside) {
  take({roi_at(10, 1), roi_at(60, 2)});
  take({roi_at(10, 1), roi_at(60, 2)});
  // A face that covers the missed one's place.
  Roi other = roi_at(55, 3, false, "person");
  EXPECT_TRUE(take({roi_at(10, 1), other}).carried.empty());
  session_.restart();
  for (int look = 0; look < 6; ++look) take({roi_at(40 + 20 * look, 4)});
  EXPECT_TRUE(take({}).carried.empty()) << "it has left to the right";
}

TEST_F(Session, NumbersOnAfterARestart) {
  EXPECT_EQ(take({roi_at(10, 1)}).track_of, (std::vector<int>{1}));
  session_.restart();
  EXPECT_EQ(take({roi_at(10, 1)}).track_of, (std::vector<int>{2}));
}

TEST_F(Session, FollowsTypesApart) {
  EXPECT_EQ(take({roi_at(10, 1), roi_at(10, 1, false, "person")}).track_of, (std::vector<int>{1, 2}));
  EXPECT_EQ(take({roi_at(10, 1, false, "person"), roi_at(10, 1)}).track_of, (std::vector<int>{2, 1}));
}

TEST_F(Session, LivesThroughAnHourWithoutRegions) {
  for (int frame = 0; frame < 3600 * 30; ++frame) ASSERT_TRUE(take({}).carried.empty());
  EXPECT_EQ(take({roi_at(10, 1)}).track_of, (std::vector<int>{1}));
}

GstBuffer* blank() {
  return gsttest::make_buffer(fixtures::make_image(embed::PixelFormat::I420, kWidth, kHeight));
}

/// A harness that takes frames with faces as tripletdetect marks them.
class Element : public ::testing::Test {
 protected:
  explicit Element(const std::string& launch = "triplettrack name=e") : harness_(launch) {
    harness_.caps(gsttest::caps_text(embed::PixelFormat::I420, kWidth, kHeight));
  }
  std::vector<Face> push(GstBuffer* buffer) {
    out_ = own(harness_.push(buffer));
    return gsttest::faces_of(out_.get(), kWidth, kHeight);
  }
  /// A frame with a fresh detection at each of these places.
  std::vector<Face> found(const std::vector<float>& places) {
    GstBuffer* buffer = blank();
    for (const float x : places) last_id_ = add_face(buffer, region_at(x), 0.9, kWidth, kHeight)->id;
    return push(buffer);
  }
  /// A frame with the last face repeated there, as between two detections.
  std::vector<Face> repeated(float x) {
    GstBuffer* buffer = blank();
    add_predicted_face(buffer, region_at(x), 0.9, kWidth, kHeight, last_id_);
    return push(buffer);
  }
  gsttest::Harness harness_;
  gsttest::BufferPtr out_ = own(nullptr);
  int last_id_ = 0;
};

TEST_F(Element, MarksEachFaceAsDlStreamerDoes) {
  found({10, 80});
  auto list = read_rois(out_.get(), "face", kWidth, kHeight);
  ASSERT_EQ(list.metas.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    const GstStructure* param = gst_video_region_of_interest_meta_get_param(list.metas[i], "object_id");
    ASSERT_NE(param, nullptr);
    int id = 0;
    EXPECT_TRUE(gst_structure_get_int(param, "id", &id));
    EXPECT_EQ(id, static_cast<int>(i) + 1);
    EXPECT_EQ(list.rois[i].track, id);
  }
}

TEST_F(Element, KeepsTheIdsAndNeverTouchesPixels) {
  for (int frame = 0; frame < 5; ++frame) {
    GstBuffer* buffer = blank();
    add_face(buffer, region_at(10 + 4 * static_cast<float>(frame)), 0.9, kWidth, kHeight);
    GstMemory* memory = gst_buffer_peek_memory(buffer, 0);
    const auto faces = push(buffer);
    EXPECT_EQ(gst_buffer_peek_memory(out_.get(), 0), memory);
    ASSERT_EQ(faces.size(), 1U);
    EXPECT_EQ(faces[0].track, 1);
    EXPECT_FALSE(faces[0].predicted);
    EXPECT_EQ(faces[0].box.x, 10 + 4 * frame) << "a box that was found stays as it is";
  }
}

TEST_F(Element, MovesARepeatedBoxWithItsLandmarks) {
  for (int look = 0; look < 5; ++look) {
    const float x = 10 + 8 * static_cast<float>(look);
    found({x});
    repeated(x);
  }
  const auto faces = repeated(42);
  ASSERT_EQ(faces.size(), 1U);
  EXPECT_EQ(faces[0].id, last_id_);
  EXPECT_EQ(faces[0].track, 1);
  EXPECT_TRUE(faces[0].predicted);
  EXPECT_NEAR(static_cast<double>(faces[0].box.x), 50, 2);
  const Roi roi = read_rois(out_.get(), "face", kWidth, kHeight).rois.at(0);
  ASSERT_TRUE(roi.exact_box && roi.landmarks);
  EXPECT_NEAR((*roi.landmarks)[0].x, roi.exact_box->x + 0.3F * roi.exact_box->width, 0.1);
  EXPECT_DOUBLE_EQ(roi.confidence.value_or(0), 0.9);
}

TEST_F(Element, AddsTheBoxOfAFaceThatWasMissed) {
  found({10, 80});
  found({10, 80});
  const auto faces = found({10});
  ASSERT_EQ(faces.size(), 2U);
  EXPECT_EQ(faces[0].track, 1);
  EXPECT_EQ(faces[1].track, 2);
  EXPECT_TRUE(faces[1].predicted);
  EXPECT_EQ(faces[1].box.x, 80);
  EXPECT_EQ(found({10, 80})[1].track, 2);
}

TEST_F(Element, AMissedFaceTakesNoIdThatIsTaken) {
  for (int frame = 0; frame < 3; ++frame) {
    GstBuffer* buffer = blank();
    // A detector that numbers the faces of each frame from 1.
    gsttest::add_roi(buffer, "face", 10, 40, 30, 30, 1);
    if (frame < 2) gsttest::add_roi(buffer, "face", 80, 40, 30, 30, 2);
    if (frame == 2) gsttest::add_roi(buffer, "face", 120, 80, 30, 30, 2);
    const auto faces = push(buffer);
    std::set<int> ids, tracks;
    for (const Face& face : faces) ids.insert(face.id), tracks.insert(face.track);
    EXPECT_EQ(ids.size(), faces.size());
    EXPECT_EQ(tracks.size(), faces.size());
    EXPECT_EQ(faces.size(), frame < 2 ? 2U : 3U);
  }
}

TEST_F(Element, FollowsRegionsWithoutParamsAndIds) {
  for (int frame = 0; frame < 4; ++frame) {
    GstBuffer* buffer = blank();
    gsttest::add_roi(buffer, "Face", 10, 10, 20, 20);
    gsttest::add_roi(buffer, "Face", 60, 10, 20, 20);
    gsttest::add_roi(buffer, "car", 100, 10, 20, 20);
    const auto faces = push(buffer);
    ASSERT_EQ(faces.size(), 3U);
    EXPECT_EQ(faces[0].track, 1);
    EXPECT_EQ(faces[1].track, 2);
    EXPECT_EQ(faces[2].track, 0) << "not asked for";
  }
}

TEST_F(Element, ANewSegmentAndNewCapsStartNewTracks) {
  EXPECT_EQ(found({10})[0].track, 1);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness_.get(), gst_event_new_segment(&segment));
  EXPECT_EQ(found({10})[0].track, 2);
  harness_.caps(gsttest::caps_text(embed::PixelFormat::I420, kWidth, kHeight - 2));
  harness_.caps(gsttest::caps_text(embed::PixelFormat::I420, kWidth, kHeight));
  EXPECT_EQ(found({10})[0].track, 3);
}

TEST_F(Element, PassesWhatIsNoVideo) {
  harness_.caps("application/x-nothing");
  GstBuffer* buffer = gst_buffer_new_allocate(nullptr, 10, nullptr);
  gsttest::add_roi(buffer, "face", 1, 1, 5, 5);
  const auto out = own(harness_.push(buffer));
  ASSERT_TRUE(out);
  EXPECT_EQ(read_rois(out.get(), "", 10, 10).rois.at(0).track, 0);
}

TEST_F(Element, TellsOnceOfTooManyFaces) {
  gsttest::Bus bus(harness_.element());
  g_object_set(harness_.element(), "max-faces", 1, nullptr);
  for (int frame = 0; frame < 2; ++frame) {
    const auto faces = found({10, 80});
    EXPECT_EQ(faces[0].track + faces[1].track, 1) << "the first of two that are alike";
  }
  const auto said = bus.pop(GST_MESSAGE_WARNING);
  ASSERT_TRUE(said);
  EXPECT_FALSE(bus.pop(GST_MESSAGE_WARNING));
}

TEST_F(Element, TakesAPersonUpAgainByTheEmbeddingOnTheFrame) {
  const embed::Embedding ann = fixtures::random_embedding(1);
  std::vector<int> tracks;
  for (const float x : {10.0F, 10.0F, -1.0F, -1.0F, -1.0F, -1.0F, 110.0F}) {
    GstBuffer* buffer = blank();
    if (x >= 0) {
      add_face(buffer, region_at(x), 0.9, kWidth, kHeight);
      const auto list = read_rois(buffer, "face", kWidth, kHeight);
      Identity identity;
      identity.embedding = ann;
      write_identities(buffer, list, {identity}, "m", kWidth, kHeight);
    }
    const auto faces = push(buffer);
    if (x >= 0) tracks.push_back(faces.at(0).track);
  }
  EXPECT_EQ(tracks, (std::vector<int>{1, 1, 1}));
}

TEST(TrackMeta, GoesWithTheNameWhereTheRegionIsDropped) {
  const auto buffer = own(blank());
  auto* meta = add_face(buffer.get(), region_at(10), 0.9, kWidth, kHeight);
  set_track(meta, 5);
  set_track(meta, 6);
  const auto list = read_rois(buffer.get(), "face", kWidth, kHeight);
  write_identities(buffer.get(), list, {Identity{}}, "m", kWidth, kHeight);
  EXPECT_EQ(gsttest::faces_of(buffer.get(), kWidth, kHeight).at(0).track, 6);
  gst_buffer_remove_meta(buffer.get(), &meta->meta);
  const auto faces = gsttest::faces_of(buffer.get(), kWidth, kHeight);
  ASSERT_EQ(faces.size(), 1U);
  EXPECT_EQ(faces[0].track, 6);
}

/// The lines of tripletjson of a clip, found on every third frame and followed between.
std::vector<nlohmann::json> follow_clip(const std::string& name) {
  const std::string data = *fixtures::data_dir(), path = fixtures::temp_dir() + "/tracks.jsonl";
  const auto said =
      gsttest::run_pipeline("filesrc location=" + data + "/video/" + name +
                            " ! decodebin ! videoconvert ! tripletdetect detector=yunet model=" + data +
                            "/models/face_detection_yunet_2023mar.onnx detect-interval=3 "
                            "! triplettrack ! tripletjson mode=truncate location=" +
                            path + " ! fakesink");
  EXPECT_TRUE(said.empty()) << said.at(0);
  std::vector<nlohmann::json> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

TEST(RealClips, NoBoxVanishesAndEachPersonHasOneId) {
  if (!fixtures::data_dir()) GTEST_SKIP() << "TRIPLETEMBED_DATA names no folder of real data";
  GstElementFactory* detect = gst_element_factory_find("tripletdetect");
  if (detect == nullptr) GTEST_SKIP() << "built without tripletdetect";
  gst_object_unref(detect);
  for (const auto& [clip, people] :
       {std::pair("bird.mkv", 1U), {"head-pose-face-detection-female-and-male.mkv", 2U}}) {
    const auto lines = follow_clip(clip);
    ASSERT_FALSE(lines.empty()) << clip;
    std::set<int> ids;
    std::size_t predicted = 0;
    for (const auto& line : lines) {
      EXPECT_EQ(line["objects"].size(), people) << clip << " frame " << line["frame"];
      for (const auto& object : line["objects"]) {
        ids.insert(object.value("track", 0));
        predicted += object["detection"]["predicted"].get<bool>() ? 1U : 0U;
      }
    }
    EXPECT_EQ(ids.size(), people) << clip;
    EXPECT_EQ(ids.count(0), 0U) << clip;
    EXPECT_GE(predicted, lines.size() * people / 2) << clip;
  }
}

}  // namespace
