// SPDX-License-Identifier: LGPL-2.1-or-later
// The metadata of a face: written once, read everywhere, also behind elements that convert the picture.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "glue/face_meta.h"
#include "glue/tensor_params.h"
#include "gst_support.h"

namespace {

using namespace embed::gst;
using gsttest::own;

embed::FaceRegion region_at(float x, float y, float w, float h) {
  embed::FaceRegion region;
  region.box = {x, y, w, h};
  region.landmarks = embed::Landmarks{{{x + 0.3F * w, y + 0.4F * h},
                                       {x + 0.7F * w, y + 0.4F * h},
                                       {x + 0.5F * w, y + 0.6F * h},
                                       {x + 0.35F * w, y + 0.8F * h},
                                       {x + 0.65F * w, y + 0.8F * h}}};
  return region;
}

GstBuffer* blank() {
  return gsttest::make_buffer(fixtures::make_image(embed::PixelFormat::I420, 160, 120));
}

TEST(DetectionMeta, RoundsTheRoiAndKeepsTheExactBoxAndLandmarks) {
  const auto buffer = own(blank());
  const auto region = region_at(20.4F, 30.6F, 40.3F, 50.2F);
  ASSERT_NE(add_face(buffer.get(), region, 0.875, 160, 120), nullptr);
  const auto list = read_rois(buffer.get(), "face", 160, 120);
  ASSERT_EQ(list.rois.size(), 1U);
  const Roi& roi = list.rois[0];
  EXPECT_NE(roi.id, 0);
  EXPECT_EQ(roi.box.x, 20);
  EXPECT_EQ(roi.box.y, 31);
  EXPECT_EQ(roi.box.width, 41);
  EXPECT_EQ(roi.box.height, 50);
  EXPECT_DOUBLE_EQ(roi.confidence.value_or(0), 0.875);
  ASSERT_TRUE(roi.exact_box);
  EXPECT_NEAR(roi.exact_box->x, 20.4F, 1e-3);
  EXPECT_NEAR(roi.exact_box->width, 40.3F, 1e-3);
  ASSERT_TRUE(roi.landmarks);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR((*roi.landmarks)[i].x, (*region.landmarks)[i].x, 1e-3);
    EXPECT_NEAR((*roi.landmarks)[i].y, (*region.landmarks)[i].y, 1e-3);
  }
}

TEST(DetectionMeta, ClipsToTheFrameAndLeavesOutWhatIsNotInIt) {
  const auto buffer = own(blank());
  ASSERT_NE(add_face(buffer.get(), region_at(-10, -5, 40, 40), 1, 160, 120), nullptr);
  EXPECT_EQ(add_face(buffer.get(), region_at(200, 10, 40, 40), 1, 160, 120), nullptr);
  const auto list = read_rois(buffer.get(), "", 160, 120);
  ASSERT_EQ(list.rois.size(), 1U);
  EXPECT_EQ(list.rois[0].box.x, 0);
  EXPECT_EQ(list.rois[0].box.width, 30);
  ASSERT_TRUE(list.rois[0].exact_box) << "the exact box reaches out of the frame";
  EXPECT_FLOAT_EQ(list.rois[0].exact_box->x, -10);
}

TEST(DetectionMeta, DoesNotBelieveAParamThatContradictsItsRoi) {
  const auto buffer = own(blank());
  GstVideoRegionOfInterestMeta* meta = add_face(buffer.get(), region_at(20, 30, 40, 50), 0.5, 160, 120);
  meta->x += 17;
  EXPECT_FALSE(read_rois(buffer.get(), "", 160, 120).rois.at(0).exact_box);
}

TEST(DetectionMeta, TensorsAreLaidOutAsDlStreamerReadsThem) {
  const auto buffer = own(blank());
  GstVideoRegionOfInterestMeta* meta = add_face(buffer.get(), region_at(20, 30, 40, 50), 0.5, 160, 120);
  const GstStructure* detection = gst_video_region_of_interest_meta_get_param(meta, "detection");
  ASSERT_NE(detection, nullptr);
  double x_min = 0, y_max = 0, confidence = 0;
  ASSERT_TRUE(gst_structure_get(detection, "x_min", G_TYPE_DOUBLE, &x_min, "y_max", G_TYPE_DOUBLE, &y_max,
                                "confidence", G_TYPE_DOUBLE, &confidence, nullptr));
  EXPECT_DOUBLE_EQ(x_min, 20.0 / 160);
  EXPECT_NEAR(y_max, 80.0 / 120, 1e-9);
  const GstStructure* landmarks = gst_video_region_of_interest_meta_get_param(meta, "landmarks");
  ASSERT_NE(landmarks, nullptr);
  EXPECT_STREQ(gst_structure_get_string(landmarks, "format"), "landmark_points");
  int precision = 0, layout = 0;
  gst_structure_get_int(landmarks, "precision", &precision);
  gst_structure_get_int(landmarks, "layout", &layout);
  EXPECT_EQ(precision, 10);
  EXPECT_EQ(layout, 193);
  const GValue* data = gst_structure_get_value(landmarks, "data_buffer");
  ASSERT_TRUE(data != nullptr && G_VALUE_HOLDS_VARIANT(data));
  gsize bytes = 0;
  g_variant_get_fixed_array(g_value_get_variant(data), &bytes, 1);
  EXPECT_EQ(bytes, 10 * sizeof(float));
  EXPECT_NEAR(tensor_values(landmarks).at(0), 0.3F, 1e-5);
}

TEST(DetectionMeta, ForeignIdsAreMadeUnique) {
  const auto buffer = own(blank());
  for (const int id : {0, 0, 7, 7}) gsttest::add_roi(buffer.get(), "face", 1, 1, 20, 20, id);
  auto list = read_rois(buffer.get(), "face", 160, 120);
  assign_ids(list);
  std::set<int> ids;
  for (const auto& roi : read_rois(buffer.get(), "face", 160, 120).rois) ids.insert(roi.id);
  EXPECT_EQ(ids.size(), 4U);
  EXPECT_EQ(ids.count(0), 0U);
  EXPECT_EQ(ids.count(7), 1U);
}

Identity ann() {
  Identity identity;
  identity.label = "Ann Ναι 安";
  identity.label_id = 3;
  identity.distance = 0.25F;
  identity.threshold = 0.5F;
  identity.nearest = "Alice";
  identity.runner_up = "Bob";
  identity.runner_up_distance = 0.75F;
  identity.quality = 0.625F;
  identity.embedding = fixtures::random_embedding(11);
  return identity;
}

void expect_ann(const Face& face) {
  ASSERT_TRUE(face.identity);
  EXPECT_EQ(face.identity->label, ann().label);
  EXPECT_EQ(face.identity->label_id, 3);
  EXPECT_EQ(face.identity->reason, embed::gst::Reason::None);
  EXPECT_FLOAT_EQ(face.identity->distance.value_or(-1), 0.25F);
  EXPECT_FLOAT_EQ(face.identity->threshold.value_or(-1), 0.5F);
  EXPECT_EQ(face.identity->nearest, "Alice");
  EXPECT_EQ(face.identity->runner_up, "Bob");
  EXPECT_FLOAT_EQ(face.identity->runner_up_distance.value_or(-1), 0.75F);
  EXPECT_EQ(face.identity->quality, 0.625F);
  ASSERT_TRUE(face.identity->embedding);
  EXPECT_EQ(*face.identity->embedding, *ann().embedding);
  EXPECT_DOUBLE_EQ(face.confidence.value_or(-1), 0.5);
}

GstBuffer* with_ann() {
  GstBuffer* buffer = blank();
  add_face(buffer, region_at(40, 30, 40, 60), 0.5, 160, 120);
  auto list = read_rois(buffer, "face", 160, 120);
  write_identities(buffer, list, {ann()}, "weights", 160, 120);
  return buffer;
}

TEST(IdentityMeta, IsReadBackWhole) {
  const auto buffer = own(with_ann());
  const auto faces = read_faces(buffer.get(), 160, 120);
  ASSERT_EQ(faces.size(), 1U);
  EXPECT_EQ(faces[0].box.x, 40);
  expect_ann(faces[0]);
}

TEST(IdentityMeta, SaysWhatIsPredicted) {
  const auto buffer = own(blank());
  auto* meta = add_predicted_face(buffer.get(), region_at(40, 30, 40, 60), 0.5, 160, 120, 77);
  ASSERT_NE(meta, nullptr);
  auto list = read_rois(buffer.get(), "face", 160, 120);
  EXPECT_EQ(list.rois.at(0).id, 77);
  EXPECT_TRUE(list.rois.at(0).predicted);
  EXPECT_TRUE(list.rois.at(0).exact_box) << "it is whole in every other way";
  Identity carried = ann();
  carried.predicted = true;
  write_identities(buffer.get(), list, {carried}, "weights", 160, 120);
  for (const char* param : {"detection", "classification"}) {
    gboolean predicted = FALSE;
    gst_structure_get_boolean(gst_video_region_of_interest_meta_get_param(meta, param), "predicted",
                              &predicted);
    EXPECT_TRUE(predicted) << param;
  }
  // Also where the region was dropped on the way.
  for (int dropped = 0; dropped < 2; ++dropped) {
    const auto faces = read_faces(buffer.get(), 160, 120);
    ASSERT_EQ(faces.size(), 1U);
    EXPECT_TRUE(faces[0].predicted && faces[0].identity->predicted);
    if (dropped == 0) gst_buffer_remove_meta(buffer.get(), reinterpret_cast<GstMeta*>(meta));
  }
  const auto plain = own(with_ann());
  const auto face = read_faces(plain.get(), 160, 120).at(0);
  EXPECT_FALSE(face.predicted || face.identity->predicted);
}

TEST(IdentityMeta, RoiParamsFollowDlStreamersConvention) {
  const auto buffer = own(with_ann());
  auto* meta = gst_buffer_get_video_region_of_interest_meta(buffer.get());
  const GstStructure* param = gst_video_region_of_interest_meta_get_param(meta, "classification");
  ASSERT_NE(param, nullptr);
  EXPECT_EQ(std::string(gst_structure_get_string(param, "label")), ann().label);
  EXPECT_STREQ(gst_structure_get_string(param, "model_name"), "weights");
  EXPECT_STREQ(gst_structure_get_string(param, "layer_name"), "embedding");
  EXPECT_STREQ(gst_structure_get_string(param, "attribute_name"), "identity");
  int label_id = 0;
  double confidence = 0;
  gst_structure_get_int(param, "label_id", &label_id);
  gst_structure_get_double(param, "confidence", &confidence);
  EXPECT_EQ(label_id, 3);
  double quality = 0;
  EXPECT_TRUE(gst_structure_get_double(param, "quality", &quality));
  EXPECT_DOUBLE_EQ(quality, 0.625);
  EXPECT_DOUBLE_EQ(confidence, 0.75);
  const auto values = tensor_values(param);
  ASSERT_EQ(values.size(), embed::kEmbeddingDim);
  EXPECT_TRUE(std::equal(values.begin(), values.end(), ann().embedding->begin()));
}

TEST(IdentityMeta, ASecondEmbedderReplacesTheSameFaceAndKeepsOthers) {
  const auto buffer = own(with_ann());
  gsttest::add_roi(buffer.get(), "cat", 1, 1, 30, 30, 5);
  Identity tom = ann();
  tom.label = "Tom";
  write_identities(buffer.get(), read_rois(buffer.get(), "cat", 160, 120), {tom}, "cats", 160, 120);
  Identity eve = ann();
  eve.label = "Eve";
  write_identities(buffer.get(), read_rois(buffer.get(), "face", 160, 120), {eve}, "weights", 160, 120);
  const auto faces = read_faces(buffer.get(), 160, 120);
  ASSERT_EQ(faces.size(), 2U);
  EXPECT_EQ(faces[0].identity->label, "Eve");
  EXPECT_EQ(faces[1].identity->label, "Tom");
}

TEST(IdentityMeta, RegionsOfTwoTypesMayHaveOneId) {
  const auto buffer = own(blank());
  for (const char* type : {"car", "face"}) gsttest::add_roi(buffer.get(), type, 1, 1, 30, 30, 5);
  write_identities(buffer.get(), read_rois(buffer.get(), "face", 160, 120), {ann()}, "weights", 160, 120);
  auto faces = read_faces(buffer.get(), 160, 120);
  ASSERT_EQ(faces.size(), 2U);
  EXPECT_FALSE(faces[0].identity) << "nobody looked at the car";
  EXPECT_TRUE(faces[1].identity);
  Identity beetle = ann();
  beetle.label = "Beetle";
  write_identities(buffer.get(), read_rois(buffer.get(), "car", 160, 120), {beetle}, "cars", 160, 120);
  faces = read_faces(buffer.get(), 160, 120);
  ASSERT_EQ(faces.size(), 2U);
  ASSERT_TRUE(faces[0].identity && faces[1].identity);
  EXPECT_EQ(faces[0].identity->label, "Beetle");
  EXPECT_EQ(faces[1].identity->label, ann().label);
}

TEST(IdentityMeta, BytesThatAreNoTextAreRepaired) {
  const auto buffer = own(blank());
  gsttest::add_roi(buffer.get(), "f\xFF", 10, 10, 40, 40, 1);
  const auto list = read_rois(buffer.get(), "", 160, 120);
  Identity identity;
  identity.label = "B\xC3";
  write_identities(buffer.get(), list, {identity}, "w\xFE", 160, 120);
  const auto faces = read_faces(buffer.get(), 160, 120);
  ASSERT_EQ(faces.size(), 1U) << "the region and its identity are one face";
  EXPECT_EQ(faces[0].type, "f\xEF\xBF\xBD");
  ASSERT_TRUE(faces[0].identity);
  EXPECT_EQ(faces[0].identity->label, "B\xEF\xBF\xBD");
}

TEST(IdentityMeta, OneRegionHasOneIdentityParamAndKeepsForeignOnes) {
  const auto buffer = own(blank());
  auto* meta = gsttest::add_roi(buffer.get(), "face", 1, 1, 30, 30, 5);
  gst_video_region_of_interest_meta_add_param(
      meta, gst_structure_new("classification", "attribute_name", G_TYPE_STRING, "age", "label",
                              G_TYPE_STRING, "42", nullptr));
  for (const char* model : {"first", "second"}) {
    write_identities(buffer.get(), read_rois(buffer.get(), "face", 160, 120), {ann()}, model, 160, 120);
  }
  std::vector<std::string> params;
  for (const GList* l = meta->params; l != nullptr; l = l->next) {
    const auto* param = static_cast<const GstStructure*>(l->data);
    const gchar* model = gst_structure_get_string(param, "model_name");
    params.push_back(std::string(gst_structure_get_string(param, "attribute_name")) + " " +
                     (model != nullptr ? model : "-"));
  }
  EXPECT_EQ(params, (std::vector<std::string>{"age -", "identity second"}));
}

TEST(IdentityMeta, TheCustomMetaIsPlainForOthersToRead) {
  const auto buffer = own(with_ann());
  GstCustomMeta* meta = gst_buffer_get_custom_meta(buffer.get(), "TripletEmbed");
  ASSERT_NE(meta, nullptr);
  const GValue* faces = gst_structure_get_value(gst_custom_meta_get_structure(meta), "faces");
  ASSERT_TRUE(faces != nullptr && GST_VALUE_HOLDS_ARRAY(faces));
  ASSERT_EQ(gst_value_array_get_size(faces), 1U);
  const GstStructure* face = gst_value_get_structure(gst_value_array_get_value(faces, 0));
  GBytes* bytes = nullptr;
  guint x = 0;
  int frame_width = 0;
  ASSERT_TRUE(gst_structure_get(face, "embedding", G_TYPE_BYTES, &bytes, "x", G_TYPE_UINT, &x, "frame_width",
                                G_TYPE_INT, &frame_width, nullptr));
  EXPECT_EQ(g_bytes_get_size(bytes), 512U);
  g_bytes_unref(bytes);
  EXPECT_EQ(x, 40U);
  EXPECT_EQ(frame_width, 160);
}

struct Way {
  const char* launch;
  int width, height;
  PixelRect box;  // Where readers find the face.
};

class Survival : public ::testing::TestWithParam<Way> {};

TEST_P(Survival, NamesAreStillThere) {
  const Way& way = GetParam();
  gsttest::Harness harness(way.launch);
  harness.caps(gsttest::caps_text(embed::PixelFormat::I420, 160, 120));
  const auto out = own(harness.push(with_ann()));
  ASSERT_TRUE(out);
  const auto faces = read_faces(out.get(), way.width, way.height);
  ASSERT_EQ(faces.size(), 1U);
  expect_ann(faces[0]);
  EXPECT_EQ(faces[0].box.x, way.box.x);
  EXPECT_EQ(faces[0].box.y, way.box.y);
  EXPECT_EQ(faces[0].box.width, way.box.width);
  EXPECT_EQ(faces[0].box.height, way.box.height);
}

// Behind videoflip and videocrop the ROI is gone: the rectangle is the one that was embedded, scaled.
INSTANTIATE_TEST_SUITE_P(
    Elements, Survival,
    ::testing::Values(
        Way{"videoconvert ! capsfilter caps=video/x-raw,format=BGRx", 160, 120, {40, 30, 40, 60}},
        Way{"videoscale ! capsfilter caps=video/x-raw,width=320,height=240", 320, 240, {80, 60, 80, 120}},
        Way{"videoconvert ! videoscale ! capsfilter caps=video/x-raw,format=RGB,width=80,height=60",
            80,
            60,
            {20, 15, 20, 30}},
        Way{"videoflip method=horizontal-flip", 160, 120, {40, 30, 40, 60}},
        Way{"videocrop right=80 bottom=60", 80, 60, {20, 15, 20, 30}},
        Way{"queue", 160, 120, {40, 30, 40, 60}}));

}  // namespace
