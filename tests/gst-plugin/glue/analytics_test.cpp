// SPDX-License-Identifier: LGPL-2.1-or-later
// The relation meta of GStreamer 1.24 and newer: the same faces as in the other two views, read and written
// with nothing but GStreamer's own functions here. Needs no picture.
#include <gst/analytics/analytics.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <memory>

#include "glue/face_meta.h"

namespace {

using namespace embed::gst;

constexpr int kWidth = 160, kHeight = 120;
constexpr int kContain = GST_ANALYTICS_REL_TYPE_CONTAIN, kRelateTo = GST_ANALYTICS_REL_TYPE_RELATE_TO,
              kPartOf = GST_ANALYTICS_REL_TYPE_IS_PART_OF;

class Relations : public ::testing::Test {
 protected:
  Relations() {
    gst_init(nullptr, nullptr);
    register_face_meta();
    buffer_.reset(gst_buffer_new());
  }
  GstBuffer* buffer() const { return buffer_.get(); }
  GstAnalyticsRelationMeta* meta() const { return gst_buffer_add_analytics_relation_meta(buffer()); }
  guint size() const { return static_cast<guint>(gst_analytics_relation_get_length(meta())); }

  guint detections() const {
    guint count = 0;
    GstAnalyticsODMtd entry;
    for (guint id = 0; id < size(); ++id)
      count += gst_analytics_relation_meta_get_mtd(meta(), id, gst_analytics_od_mtd_get_mtd_type(), &entry)
                   ? 1
                   : 0;
    return count;
  }

  /// As an element of somebody else's attaches it.
  guint detect(const char* type, int x, int y, int w, int h, float confidence = 0.5F) const {
    GstAnalyticsODMtd entry;
    gst_analytics_relation_meta_add_od_mtd(meta(), type != nullptr ? g_quark_from_string(type) : 0, x, y, w,
                                           h, confidence, &entry);
    return entry.id;
  }
  guint classify(guint detection, const char* label, int relations) const {
    GstAnalyticsClsMtd entry;
    gst_analytics_relation_meta_add_one_cls_mtd(meta(), 0.75F, g_quark_from_string(label), &entry);
    relate(relations, detection, entry.id);
    return entry.id;
  }
  guint track(guint detection, guint64 number) const {
    GstAnalyticsTrackingMtd entry;
    gst_analytics_relation_meta_add_tracking_mtd(meta(), number, 0, &entry);
    relate(kRelateTo, detection, entry.id);
    return entry.id;
  }
  void relate(int relations, guint from, guint to) const {
    EXPECT_TRUE(gst_analytics_relation_meta_set_relation(meta(), static_cast<GstAnalyticsRelTypes>(relations),
                                                         from, to));
  }
  int relation(guint from, guint to) const {
    return gst_analytics_relation_meta_get_relation(meta(), from, to);
  }
  /// All entries of a kind to which `from` has one of these relations.
  std::vector<guint> related(guint from, int relations, GstAnalyticsMtdType type) const {
    std::vector<guint> ids;
    GstAnalyticsMtd entry;
    for (guint id = 0; id < size(); ++id) {
      if ((relation(from, id) & relations) != 0 &&
          gst_analytics_relation_meta_get_mtd(meta(), id, type, &entry) != FALSE)
        ids.push_back(id);
    }
    return ids;
  }
  std::vector<guint> names(guint from) const {
    return related(from, kContain, gst_analytics_cls_mtd_get_mtd_type());
  }
  std::string label(guint id) const {
    GstAnalyticsClsMtd entry;
    EXPECT_TRUE(gst_analytics_relation_meta_get_cls_mtd(meta(), id, &entry));
    EXPECT_EQ(gst_analytics_cls_mtd_get_length(&entry), 1U);
    return g_quark_to_string(gst_analytics_cls_mtd_get_quark(&entry, 0));
  }
  PixelRect box(guint id) const {
    GstAnalyticsODMtd entry;
    EXPECT_TRUE(gst_analytics_relation_meta_get_od_mtd(meta(), id, &entry));
    gint x = 0, y = 0, w = 0, h = 0;
    EXPECT_TRUE(gst_analytics_od_mtd_get_location(&entry, &x, &y, &w, &h, nullptr));
    return {x, y, w, h};
  }
  std::vector<Face> faces() const { return read_faces(buffer(), kWidth, kHeight); }
  RoiList rois(const std::string& types = "") const { return read_rois(buffer(), types, kWidth, kHeight); }
  int roi_metas() const {
    return static_cast<int>(gst_buffer_get_n_meta(buffer(), GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE));
  }
  void name(const std::string& label, float distance = 0.1F) const {
    auto list = rois();
    assign_ids(list);
    write_identities(buffer(), list, std::vector<Identity>(list.rois.size(), identity(label, distance)),
                     "weights", kWidth, kHeight);
  }
  static Identity identity(const std::string& label, float distance) {
    Identity identity;
    identity.label = label;
    identity.label_id = 3;
    identity.distance = distance;
    identity.threshold = 0.4F;
    identity.embedding.emplace();
    (*identity.embedding)[5] = 1;
    return identity;
  }
  static embed::FaceRegion region(float x, float y, float w, float h) {
    embed::FaceRegion region;
    region.box = {x, y, w, h};
    return region;
  }
  std::unique_ptr<GstBuffer, void (*)(GstBuffer*)> buffer_{nullptr, gst_buffer_unref};
};

/// x, y, width and height.
using Sides = std::array<std::int64_t, 4>;
Sides sides(const PixelRect& box) {
  return {box.x, box.y, box.width, box.height};
}

TEST_F(Relations, EveryFaceThatIsFoundIsADetection) {
  const auto* roi = add_face(buffer(), region(20.4F, 30.6F, 40.3F, 50.2F), 0.875, kWidth, kHeight);
  ASSERT_EQ(size(), 1U);
  GstAnalyticsODMtd entry;
  ASSERT_TRUE(gst_analytics_relation_meta_get_od_mtd(meta(), 0, &entry));
  EXPECT_STREQ(g_quark_to_string(gst_analytics_od_mtd_get_obj_type(&entry)), "face");
  EXPECT_EQ(sides(box(0)), (Sides{roi->x, roi->y, roi->w, roi->h}));
  gfloat confidence = 0;
  EXPECT_TRUE(gst_analytics_od_mtd_get_confidence_lvl(&entry, &confidence));
  EXPECT_EQ(confidence, 0.875F);
  EXPECT_EQ(rois().rois.size(), 1U) << "one face, not two";
  EXPECT_EQ(faces().size(), 1U);
}

TEST_F(Relations, ADetectionIsARegionOfItsClassInAnyCase) {
  detect("Face", 40, 30, 40, 60, 0.75F);
  detect("car", 10, 10, 20, 20);
  EXPECT_TRUE(has_regions(buffer()));
  const auto seen = read_regions(buffer(), "person, FACE", kWidth, kHeight);
  ASSERT_EQ(seen.rois.size(), 1U);
  EXPECT_EQ(seen.metas[0], nullptr);
  EXPECT_EQ(roi_metas(), 0) << "reading alone changes nothing";
  const auto list = rois("person, FACE");
  ASSERT_EQ(list.rois.size(), 1U);
  EXPECT_EQ(list.rois[0].type, "Face");
  EXPECT_EQ(sides(list.rois[0].box), (Sides{40, 30, 40, 60}));
  EXPECT_DOUBLE_EQ(list.rois[0].confidence.value_or(0), 0.75);
  EXPECT_NE(list.rois[0].id, 0);
  EXPECT_EQ(roi_metas(), 1) << "the car stays as it came";
  EXPECT_EQ(faces().size(), 2U);
  EXPECT_EQ(rois("face").rois.size(), 1U);
  EXPECT_EQ(roi_metas(), 1);
}

TEST_F(Relations, OneThatReachesOutOfTheFrameKeepsItsPlace) {
  detect("face", -10, -5, 40, 40);
  const auto list = rois();
  ASSERT_EQ(list.rois.size(), 1U);
  EXPECT_EQ(sides(list.rois[0].box), (Sides{0, 0, 30, 35}));
  ASSERT_TRUE(list.rois[0].exact_box);
  EXPECT_NEAR(list.rois[0].exact_box->x, -10, 1e-3);
  EXPECT_NEAR(list.rois[0].exact_box->height, 40, 1e-3);
  name("Ann");
  EXPECT_EQ(detections(), 1U) << "the name went to the detection that was there";
  EXPECT_EQ(faces().size(), 1U);
}

TEST_F(Relations, OfTooManyTheLargestAreTaken) {
  for (int i = 0; i < 9; ++i) detect("face", 12 * i, 10, 5 + i, 20);
  const auto list = read_rois(buffer(), "", kWidth, kHeight, 4);
  EXPECT_EQ(list.rois.size(), 4U);
  EXPECT_EQ(list.surplus, 5U);
  EXPECT_EQ(list.rois[0].box.width, 10);
  EXPECT_EQ(roi_metas(), 4);
}

TEST_F(Relations, ARegionAndADetectionAreOneFaceWithinTwoPixels) {
  detect("face", 40, 30, 40, 60);
  auto* roi = gst_buffer_add_video_region_of_interest_meta(buffer(), "FACE", 42, 28, 36, 64);
  EXPECT_EQ(faces().size(), 1U);
  roi->w = 35;
  EXPECT_EQ(faces().size(), 2U);
  roi->w = 36;
  roi->roi_type = g_quark_from_string("head");
  EXPECT_EQ(faces().size(), 2U);
}

// DL Streamer looks for a ROI meta with the detection's id, and adds one where there is none.
TEST_F(Relations, RegionsThatDlStreamerAddsToOursAreNoFacesOfTheirOwn) {
  add_face(buffer(), region(20, 30, 40, 50), 0.5, kWidth, kHeight);
  add_face(buffer(), region(90, 30, 40, 50), 0.5, kWidth, kHeight);
  for (const guint id : {0U, 1U}) {
    const PixelRect place = box(id);
    gst_buffer_add_video_region_of_interest_meta(buffer(), "face", static_cast<guint>(place.x),
                                                 static_cast<guint>(place.y), static_cast<guint>(place.width),
                                                 static_cast<guint>(place.height))
        ->id = static_cast<gint>(id);
  }
  EXPECT_EQ(roi_metas(), 4);
  EXPECT_EQ(rois().rois.size(), 2U);
  EXPECT_EQ(faces().size(), 2U);
}

TEST_F(Relations, AsGvadetectWritesThemTheyAreOneFaceEach) {
  for (int i = 0; i < 3; ++i) {
    const guint id = detect("face", 50 * i, 20, 40, 50);
    gst_buffer_add_video_region_of_interest_meta(buffer(), "face", static_cast<guint>(50 * i), 20, 40, 50)
        ->id = static_cast<gint>(id);
  }
  auto list = rois();
  EXPECT_EQ(list.rois.size(), 3U);
  EXPECT_EQ(list.detections, (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(list.rois[0].confidence, 0.5) << "the detection's, since the region says none";
  name("Ann");
  EXPECT_EQ(detections(), 3U);
  EXPECT_EQ(faces().size(), 3U);
}

TEST_F(Relations, TheNameIsContainedAsDlStreamerAndRelatedAsGStreamerReadIt) {
  const guint face = detect("face", 40, 30, 40, 60);
  name("Ann", 0.1F);
  ASSERT_EQ(names(face).size(), 1U);
  const guint id = names(face)[0];
  EXPECT_EQ(label(id), "Ann");
  EXPECT_EQ(relation(face, id), kContain | kRelateTo);
  EXPECT_EQ(relation(id, face), kPartOf);
  GstAnalyticsClsMtd entry;
  ASSERT_TRUE(gst_analytics_relation_meta_get_cls_mtd(meta(), id, &entry));
  EXPECT_NEAR(gst_analytics_cls_mtd_get_level(&entry, 0), 0.875, 1e-6)
      << "as the classification param's confidence";
}

TEST_F(Relations, ASecondNameTakesThePlaceOfTheFirst) {
  const guint face = detect("face", 40, 30, 40, 60);
  const guint age = classify(face, "adult", kContain);
  name("Ann");
  const guint first = names(face).at(1);
  name("Bob");
  EXPECT_EQ(names(face), (std::vector<guint>{age, names(face).at(1)})) << "what others said stays";
  EXPECT_EQ(label(names(face)[1]), "Bob");
  EXPECT_EQ(relation(face, first), GST_ANALYTICS_REL_TYPE_NONE);
  EXPECT_EQ(relation(first, face), kPartOf) << "else it were a classification of the whole frame";
  ASSERT_EQ(faces().size(), 1U);
  EXPECT_EQ(faces()[0].identity->label, "Bob");
}

TEST_F(Relations, TheNameIsReadWhereTheCustomMetaIsGone) {
  const guint face = detect("face", 40, 30, 40, 60);
  classify(face, "adult", kContain);
  classify(face, "happy", kRelateTo);
  EXPECT_FALSE(faces().at(0).identity) << "what others classified is no identity";
  name("Ann");
  gst_buffer_remove_meta(buffer(),
                         reinterpret_cast<GstMeta*>(gst_buffer_get_custom_meta(buffer(), kMetaName)));
  const auto all = faces();
  ASSERT_EQ(all.size(), 1U);
  ASSERT_TRUE(all[0].identity);
  EXPECT_EQ(all[0].identity->label, "Ann");
  EXPECT_EQ(all[0].identity->label_id, -1);
  EXPECT_FALSE(all[0].identity->distance);
}

TEST_F(Relations, ADetectionIsMatchedByPlaceWhereItsRegionIsGone) {
  detect("face", 40, 30, 40, 60);
  name("Ann");
  gst_buffer_remove_meta(
      buffer(), &gst_buffer_get_video_region_of_interest_meta_id(buffer(), rois().rois.at(0).id)->meta);
  EXPECT_EQ(roi_metas(), 0);
  const auto all = faces();
  ASSERT_EQ(all.size(), 1U);
  ASSERT_TRUE(all[0].identity);
  EXPECT_EQ(all[0].identity->label, "Ann");
  EXPECT_TRUE(all[0].identity->distance) << "the custom meta's, not the relation meta's";
  EXPECT_NE(all[0].id, 0) << "that of the region";
}

TEST_F(Relations, ATrackIsWhatTheDetectionRelatesTo) {
  const guint face = detect("face", 40, 30, 40, 60);
  GST_BUFFER_PTS(buffer()) = GST_SECOND;
  set_track(rois().metas.at(0), 42);
  write_tracks(buffer(), kWidth, kHeight);
  write_tracks(buffer(), kWidth, kHeight);
  ASSERT_EQ(size(), 2U) << "said once";
  const auto tracks = related(face, kRelateTo, gst_analytics_tracking_mtd_get_mtd_type());
  ASSERT_EQ(tracks.size(), 1U);
  GstAnalyticsTrackingMtd entry;
  ASSERT_TRUE(gst_analytics_relation_meta_get_tracking_mtd(meta(), tracks[0], &entry));
  guint64 number = 0;
  GstClockTime first = 0, last = 0;
  gboolean lost = TRUE;
  ASSERT_TRUE(gst_analytics_tracking_mtd_get_info(&entry, &number, &first, &last, &lost));
  EXPECT_EQ(number, 42U);
  EXPECT_EQ(last, GST_SECOND);
  EXPECT_FALSE(lost);
  set_track(rois().metas.at(0), 43);
  write_tracks(buffer(), kWidth, kHeight);
  const auto now = related(face, kRelateTo, gst_analytics_tracking_mtd_get_mtd_type());
  ASSERT_EQ(now.size(), 1U);
  EXPECT_NE(now, tracks);
}

TEST_F(Relations, TheTrackOfAnotherTrackerIsRead) {
  const guint face = detect("face", 40, 30, 40, 60);
  track(face, (guint64{5} << 31) + 7);
  EXPECT_EQ(read_regions(buffer(), "", kWidth, kHeight).rois.at(0).track, 7) << "its lower 31 bits";
  EXPECT_EQ(rois().rois.at(0).track, 7);
  EXPECT_EQ(faces().at(0).track, 7);
  GstAnalyticsTrackingMtd entry;
  gst_analytics_relation_meta_get_tracking_mtd(meta(), 1, &entry);
  gst_analytics_tracking_mtd_set_lost(&entry);
  EXPECT_EQ(read_regions(buffer(), "", kWidth, kHeight).rois.at(0).track, 0) << "lost";
}

TEST_F(Relations, ADetectionThatIsFollowedMovesAndIsTakenAway) {
  for (const float x : {10.0F, 90.0F})
    add_predicted_face(buffer(), region(x, 30, 40, 50), 0.5, kWidth, kHeight, static_cast<int>(x));
  auto list = rois();
  ASSERT_TRUE(move_followed_face(buffer(), list.metas[0], region(20, 32, 40, 50), 0.25, kWidth, kHeight));
  ASSERT_EQ(size(), 2U);
  EXPECT_EQ(sides(box(0)), (Sides{20, 32, 40, 50}));
  EXPECT_EQ(sides(box(1)), (Sides{90, 30, 40, 50}));
  ASSERT_FALSE(move_followed_face(buffer(), list.metas[1], region(500, 30, 40, 50), 0.25, kWidth, kHeight));
  EXPECT_EQ(size(), 1U);
  EXPECT_EQ(faces().size(), 1U);
}

TEST_F(Relations, OneWithANameMovesWithAllThatBelongsToIt) {
  add_predicted_face(buffer(), region(10, 30, 40, 50), 0.5, kWidth, kHeight, 7);
  const guint age = classify(0, "adult", kContain);
  relate(kPartOf, age, 0);
  name("Ann");
  const guint person = detect("person", 0, 0, 100, 110);
  relate(kContain, person, 0);
  auto list = rois("face");
  ASSERT_TRUE(move_followed_face(buffer(), list.metas.at(0), region(25, 30, 40, 50), 0.25, kWidth, kHeight));
  const guint moved = size() - 1;
  EXPECT_EQ(sides(box(moved)), (Sides{25, 30, 40, 50}));
  EXPECT_EQ(names(moved).size(), 2U);
  EXPECT_EQ(relation(age, moved), kPartOf);
  EXPECT_EQ(relation(person, moved), kContain);
  EXPECT_TRUE(names(0).empty());
  EXPECT_EQ(faces().size(), 2U) << "face and person: the old place is no face";
  list = rois("face");
  ASSERT_FALSE(move_followed_face(buffer(), list.metas.at(0), region(500, 30, 40, 50), 0, kWidth, kHeight));
  EXPECT_EQ(rois("face").rois.size(), 0U);
}

TEST_F(Relations, AFaceThatIsPartOfAnotherIsStillOne) {
  const guint small = detect("face", 30, 30, 20, 20);
  const guint large = detect("face", 20, 20, 80, 80);
  relate(kPartOf, small, large);
  relate(kContain, large, small);
  EXPECT_EQ(faces().size(), 2U);
}

TEST_F(Relations, BrokenOnesDoNoHarm) {
  constexpr int kMost = std::numeric_limits<int>::max(), kLeast = std::numeric_limits<int>::min();
  const float nan = std::nanf("");
  const guint good = detect("face", 40, 30, 40, 60, nan);
  detect(nullptr, 5, 5, 20, 20);
  detect("face", kMost, kMost, kMost, kMost);
  detect("face", kLeast, kLeast, kMost, kMost);
  detect("face", 10, 10, kLeast, kLeast, -1);
  detect("face", 10, 10, 0, 20, INFINITY);
  detect("face", 0, 0, kMost, kMost);
  GstAnalyticsClsMtd empty;
  gfloat no_level = 0;
  GQuark no_class = 0;
  gst_analytics_relation_meta_add_cls_mtd(meta(), 0, &no_level, &no_class, &empty);
  relate(kContain | kRelateTo, good, empty.id);
  GstAnalyticsClsMtd nameless;
  gst_analytics_relation_meta_add_one_cls_mtd(meta(), nan, 0, &nameless);
  relate(kContain | kRelateTo, good, nameless.id);
  track(good, std::numeric_limits<guint64>::max());
  for (guint id = 0; id < size() + 2; ++id) {
    // To itself, to everything, and to entries that are not there; GStreamer refuses what it has no room for.
    gst_analytics_relation_meta_set_relation(meta(), GST_ANALYTICS_REL_TYPE_RELATE_TO, good, id);
    gst_analytics_relation_meta_set_relation(meta(), GST_ANALYTICS_REL_TYPE_RELATE_TO, id, good);
  }
  EXPECT_FALSE(faces().empty());
  auto list = rois();
  assign_ids(list);
  for (const Roi& roi : list.rois) EXPECT_TRUE(!roi.confidence || std::isfinite(*roi.confidence));
  name("Ann");
  for (auto* meta : rois().metas) set_track(meta, 9);
  write_tracks(buffer(), kWidth, kHeight);
  list = rois("face");
  for (auto* meta : list.metas)
    move_followed_face(buffer(), meta, region(30, 30, 40, 60), nan, kWidth, kHeight);
  EXPECT_FALSE(faces().empty());
}

// A kind of metadata that this project knows nothing of, such as another one's zones.
struct Note {
  int values[3];
};
const GstAnalyticsMtdImpl kNoteKind = [] {
  GstAnalyticsMtdImpl kind{};
  kind.name = "note";
  return kind;
}();

TEST_F(Relations, WhatNobodyHereKnowsStaysAsItIs) {
  GstAnalyticsMtd note;
  auto* data =
      static_cast<Note*>(gst_analytics_relation_meta_add_mtd(meta(), &kNoteKind, sizeof(Note), &note));
  *data = {{7, 8, 9}};
  const guint face = detect("face", 40, 30, 40, 60);
  relate(kRelateTo, face, note.id);
  relate(kPartOf, note.id, face);
  name("Ann");
  for (auto* meta : rois().metas) set_track(meta, 9);
  write_tracks(buffer(), kWidth, kHeight);
  add_face(buffer(), region(100, 30, 40, 50), 0.5, kWidth, kHeight);
  GstAnalyticsMtd found;
  ASSERT_TRUE(gst_analytics_relation_meta_get_mtd(meta(), note.id,
                                                  reinterpret_cast<GstAnalyticsMtdType>(&kNoteKind), &found));
  data = static_cast<Note*>(gst_analytics_relation_meta_get_mtd_data(meta(), note.id));
  EXPECT_EQ(data->values[0] + data->values[1] + data->values[2], 24);
  EXPECT_EQ(relation(face, note.id), kRelateTo);
  EXPECT_EQ(relation(note.id, face), kPartOf);
  EXPECT_EQ(faces().size(), 2U);
}

TEST_F(Relations, AFaceMovesBesideWhatNobodyHereKnows) {
  GstAnalyticsMtd note;
  ASSERT_NE(gst_analytics_relation_meta_add_mtd(meta(), &kNoteKind, sizeof(Note), &note), nullptr);
  for (const float x : {10.0F, 90.0F})
    add_predicted_face(buffer(), region(x, 30, 40, 50), 0.5, kWidth, kHeight, static_cast<int>(x));
  auto list = rois();
  ASSERT_TRUE(move_followed_face(buffer(), list.metas[0], region(20, 32, 40, 50), 0.25, kWidth, kHeight));
  ASSERT_FALSE(move_followed_face(buffer(), list.metas[1], region(500, 30, 40, 50), 0.25, kWidth, kHeight));
  GstAnalyticsMtd found;
  EXPECT_TRUE(gst_analytics_relation_meta_get_mtd(meta(), note.id,
                                                  reinterpret_cast<GstAnalyticsMtdType>(&kNoteKind), &found));
  ASSERT_EQ(faces().size(), 1U);
  EXPECT_EQ(sides(faces()[0].box), (Sides{20, 32, 40, 50}));
}

TEST_F(Relations, WhatTheFrameDoesNotShowGetsNoDetection) {
  gst_buffer_add_video_region_of_interest_meta(buffer(), "face", 20, 20, 0, 40)->id = 5;
  gst_buffer_add_video_region_of_interest_meta(buffer(), "face", G_MAXUINT, 20, 40, 40)->id = 6;
  gst_buffer_add_video_region_of_interest_meta(buffer(), "face", 150, 20, G_MAXUINT, 40)->id = 7;
  name("???");
  EXPECT_EQ(detections(), 1U);
  EXPECT_EQ(faces().size(), 3U);
}

TEST_F(Relations, AFrameWithoutFacesGetsNone) {
  write_tracks(buffer(), kWidth, kHeight);
  name("Ann");
  EXPECT_FALSE(has_regions(buffer()));
  EXPECT_TRUE(faces().empty());
  EXPECT_EQ(gst_buffer_get_analytics_relation_meta(buffer()), nullptr);
}

TEST_F(Relations, TheEmbeddingIsATensor) {
#if GST_CHECK_VERSION(1, 28, 0)
  const guint face = detect("face", 40, 30, 40, 60);
  name("Ann");
  name("Bob");
  const auto tensors = related(face, kContain, gst_analytics_tensor_mtd_get_mtd_type());
  ASSERT_EQ(tensors.size(), 1U) << "that of the second";
  EXPECT_EQ(relation(tensors[0], face), kPartOf);
  GstAnalyticsTensorMtd entry;
  ASSERT_TRUE(gst_analytics_relation_meta_get_tensor_mtd(meta(), tensors[0], &entry));
  const GstTensor* tensor = gst_analytics_tensor_mtd_get_tensor(&entry);
  EXPECT_EQ(tensor->data_type, GST_TENSOR_DATA_TYPE_FLOAT32);
  ASSERT_EQ(tensor->num_dims, 2U);
  EXPECT_EQ(tensor->dims[0], 1U);
  EXPECT_EQ(tensor->dims[1], 128U);
  EXPECT_EQ(gst_buffer_get_size(tensor->data), 512U);
  gst_buffer_remove_meta(buffer(),
                         reinterpret_cast<GstMeta*>(gst_buffer_get_custom_meta(buffer(), kMetaName)));
  const auto all = faces();
  ASSERT_TRUE(all.at(0).identity && all[0].identity->embedding);
  EXPECT_EQ((*all[0].identity->embedding)[5], 1);
#else
  GTEST_SKIP() << "GStreamer 1.28 is the first with GstAnalyticsTensorMtd";
#endif
}

}  // namespace
