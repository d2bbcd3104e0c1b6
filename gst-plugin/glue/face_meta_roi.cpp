// SPDX-License-Identifier: LGPL-2.1-or-later
// The ROI metas: what detectors write and everybody reads.
#include <algorithm>
#include <cmath>

#include "glue/face_meta.h"
#include "glue/face_meta_analytics.h"
#include "glue/face_meta_roi.h"
#include "glue/tensor_params.h"

namespace embed::gst {
namespace {

constexpr char kDetection[] = "detection";
constexpr char kPredicted[] = "predicted";
constexpr char kLandmarks[] = "landmarks";
constexpr char kObjectId[] = "object_id";
constexpr char kLandmarkFormat[] = "landmark_points";
constexpr std::size_t kLandmarkValues = 10;

GstStructure* landmarks_param(const Landmarks& points, const GstVideoRegionOfInterestMeta* roi) {
  std::vector<float> values;
  for (const Point& p : points) {
    values.push_back((p.x - static_cast<float>(roi->x)) / static_cast<float>(roi->w));
    values.push_back((p.y - static_cast<float>(roi->y)) / static_cast<float>(roi->h));
  }
  GstStructure* param = gst_structure_new_empty(kLandmarks);
  set_tensor(param, "tripletdetect", "landmarks", kLandmarkFormat, values.data(), values.size());
  return param;
}

// Zero where the edge cannot be told from the ROI's: detectors clip the ROI to the frame and round it.
bool same_edge(double exact, guint edge, double limit) {
  return std::abs(std::clamp(exact, 0.0, limit) - std::min<double>(edge, limit)) <= 1.0;
}

void read_detection(const GstStructure* param, int frame_width, int frame_height, Roi& roi) {
  double confidence = 0;
  if (gst_structure_get_double(param, "confidence", &confidence) != FALSE && std::isfinite(confidence)) {
    roi.confidence = confidence;
  }
  gboolean predicted = FALSE;
  if (gst_structure_get_boolean(param, kPredicted, &predicted) != FALSE) roi.predicted = predicted != FALSE;
  double x0 = 0, x1 = 0, y0 = 0, y1 = 0;
  if (gst_structure_get(param, "x_min", G_TYPE_DOUBLE, &x0, "x_max", G_TYPE_DOUBLE, &x1, "y_min",
                        G_TYPE_DOUBLE, &y0, "y_max", G_TYPE_DOUBLE, &y1, nullptr) == FALSE) {
    return;
  }
  const double w = frame_width, h = frame_height;
  x0 *= w, x1 *= w, y0 *= h, y1 *= h;
  // A param that contradicts its ROI (someone moved the ROI since) is not believed.
  const auto right = static_cast<guint>(roi.box.x + roi.box.width);
  const auto bottom = static_cast<guint>(roi.box.y + roi.box.height);
  if (x1 > x0 && y1 > y0 && same_edge(x0, static_cast<guint>(roi.box.x), w) && same_edge(x1, right, w) &&
      same_edge(y0, static_cast<guint>(roi.box.y), h) && same_edge(y1, bottom, h)) {
    roi.exact_box = Rect{static_cast<float>(x0), static_cast<float>(y0), static_cast<float>(x1 - x0),
                         static_cast<float>(y1 - y0)};
  }
}

void read_landmarks(const GstStructure* param, Roi& roi) {
  const auto values = tensor_values(param);
  if (values.size() != kLandmarkValues) return;
  if (!std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); })) return;
  Landmarks points;
  for (std::size_t i = 0; i < points.size(); ++i) {
    points[i].x = static_cast<float>(roi.box.x) + values[2 * i] * static_cast<float>(roi.box.width);
    points[i].y = static_cast<float>(roi.box.y) + values[2 * i + 1] * static_cast<float>(roi.box.height);
  }
  roi.landmarks = points;
}

/// The whole pixels of a box inside the frame; without any where it lies outside.
PixelRect pixels_of(const Rect& box, int frame_width, int frame_height) {
  const auto clip = [](float value, int limit) {
    return static_cast<std::int64_t>(std::clamp<double>(std::round(static_cast<double>(value)), 0, limit));
  };
  const std::int64_t x = clip(box.x, frame_width), y = clip(box.y, frame_height);
  return {x, y, clip(box.x + box.width, frame_width) - x, clip(box.y + box.height, frame_height) - y};
}

void add_params(GstVideoRegionOfInterestMeta* meta, const FaceRegion& region,
                std::optional<double> confidence, int frame_width, int frame_height) {
  gst_video_region_of_interest_meta_add_param(
      meta, detection_param(region.box, confidence, frame_width, frame_height));
  if (region.landmarks)
    gst_video_region_of_interest_meta_add_param(meta, landmarks_param(*region.landmarks, meta));
}

GstVideoRegionOfInterestMeta* add_region(GstBuffer* buffer, const char* type, const FaceRegion& region,
                                         std::optional<double> confidence, int frame_width,
                                         int frame_height) {
  const PixelRect box = pixels_of(region.box, frame_width, frame_height);
  if (box.width <= 0 || box.height <= 0) return nullptr;
  auto* meta = gst_buffer_add_video_region_of_interest_meta(
      buffer, type, static_cast<guint>(box.x), static_cast<guint>(box.y), static_cast<guint>(box.width),
      static_cast<guint>(box.height));
  meta->id = fresh_id();
  add_params(meta, region, confidence, frame_width, frame_height);
  analytics::add_detection(buffer, {type_of(meta), box, frame_width, frame_height}, confidence);
  return meta;
}

void set_predicted(GstVideoRegionOfInterestMeta* meta) {
  gst_structure_set(gst_video_region_of_interest_meta_get_param(meta, kDetection), kPredicted, G_TYPE_BOOLEAN,
                    TRUE, nullptr);
}

void remove_params(GstVideoRegionOfInterestMeta* meta, const char* name) {
  for (GList* l = meta->params; l != nullptr;) {
    GList* const next = l->next;
    auto* param = static_cast<GstStructure*>(l->data);
    if (gst_structure_has_name(param, name) != FALSE) {
      gst_structure_free(param);
      meta->params = g_list_delete_link(meta->params, l);
    }
    l = next;
  }
}

}  // namespace

int fresh_id() {
  const guint32 number = gst_util_seqnum_next() & G_MAXINT32;
  return number != 0 ? static_cast<int>(number) : fresh_id();
}

std::string type_of(const GstVideoRegionOfInterestMeta* meta) {
  return valid_text(g_quark_to_string(meta->roi_type));
}

PixelRect box_of(const GstVideoRegionOfInterestMeta* meta) {
  return {meta->x, meta->y, meta->w, meta->h};
}

GstStructure* detection_param(const Rect& box, std::optional<double> confidence, int frame_width,
                              int frame_height) {
  const double w = frame_width;
  const double h = frame_height;
  GstStructure* param = gst_structure_new_empty(kDetection);
  if (confidence) gst_structure_set(param, "confidence", G_TYPE_DOUBLE, *confidence, nullptr);
  gst_structure_set(param, "label_id", G_TYPE_INT, 0, "x_min", G_TYPE_DOUBLE, box.x / w, "x_max",
                    G_TYPE_DOUBLE, (box.x + box.width) / w, "y_min", G_TYPE_DOUBLE, box.y / h, "y_max",
                    G_TYPE_DOUBLE, (box.y + box.height) / h, nullptr);
  return param;
}

Roi read_roi(const GstVideoRegionOfInterestMeta* meta, int frame_width, int frame_height) {
  Roi roi;
  roi.id = meta->id;
  roi.type = type_of(meta);
  roi.box = box_of(meta);
  for (const GList* l = meta->params; l != nullptr; l = l->next) {
    const auto* param = static_cast<const GstStructure*>(l->data);
    if (gst_structure_has_name(param, kDetection) != FALSE) {
      read_detection(param, frame_width, frame_height, roi);
    } else if (gst_structure_has_name(param, kLandmarks) != FALSE) {
      read_landmarks(param, roi);
    } else if (gst_structure_has_name(param, kObjectId) != FALSE) {
      gst_structure_get_int(param, "id", &roi.track);
    }
  }
  return roi;
}

GstVideoRegionOfInterestMeta* add_face(GstBuffer* buffer, const FaceRegion& region, double confidence,
                                       int frame_width, int frame_height) {
  return add_region(buffer, "face", region, confidence, frame_width, frame_height);
}

GstVideoRegionOfInterestMeta* add_predicted_face(GstBuffer* buffer, const FaceRegion& region,
                                                 double confidence, int frame_width, int frame_height,
                                                 int id) {
  return add_followed_face(buffer, "face", region, confidence, frame_width, frame_height, id);
}

GstVideoRegionOfInterestMeta* add_followed_face(GstBuffer* buffer, const std::string& type,
                                                const FaceRegion& region, std::optional<double> confidence,
                                                int frame_width, int frame_height, std::optional<int> id) {
  auto* meta = add_region(buffer, type.c_str(), region, confidence, frame_width, frame_height);
  if (meta == nullptr) return nullptr;
  if (id) meta->id = *id;
  set_predicted(meta);
  return meta;
}

bool move_followed_face(GstBuffer* buffer, GstVideoRegionOfInterestMeta* meta, const FaceRegion& region,
                        std::optional<double> confidence, int frame_width, int frame_height) {
  const PixelRect box = pixels_of(region.box, frame_width, frame_height);
  const std::string type = type_of(meta);
  const analytics::Place place{type, box_of(meta), frame_width, frame_height};
  if (box.width <= 0 || box.height <= 0) {
    analytics::remove_detection(buffer, place);
    gst_buffer_remove_meta(buffer, &meta->meta);
    return false;
  }
  analytics::move_detection(buffer, place, box, confidence);
  meta->x = static_cast<guint>(box.x), meta->y = static_cast<guint>(box.y);
  meta->w = static_cast<guint>(box.width), meta->h = static_cast<guint>(box.height);
  remove_params(meta, kDetection);
  remove_params(meta, kLandmarks);
  add_params(meta, region, confidence, frame_width, frame_height);
  set_predicted(meta);
  return true;
}

void set_track(GstVideoRegionOfInterestMeta* meta, int track) {
  remove_params(meta, kObjectId);
  gst_video_region_of_interest_meta_add_param(meta,
                                              gst_structure_new(kObjectId, "id", G_TYPE_INT, track, nullptr));
}

RoiList add_whole_frame(GstBuffer* buffer, const char* type, int frame_width, int frame_height) {
  auto* meta = gst_buffer_add_video_region_of_interest_meta(
      buffer, type, 0, 0, static_cast<guint>(frame_width), static_cast<guint>(frame_height));
  meta->id = fresh_id();
  RoiList list;
  list.rois.push_back(read_roi(meta, frame_width, frame_height));
  list.metas.push_back(meta);
  return list;
}

void write_tracks(GstBuffer* buffer, int frame_width, int frame_height) {
  gpointer state = nullptr;
  while (GstMeta* found =
             gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
    const Roi roi =
        read_roi(reinterpret_cast<GstVideoRegionOfInterestMeta*>(found), frame_width, frame_height);
    if (roi.track != 0)
      analytics::write_track(buffer, {roi.type, roi.box, frame_width, frame_height}, roi.confidence,
                             roi.track);
  }
}

}  // namespace embed::gst
