// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "sessions/face_types.h"

/// The one place that writes and reads the metadata of faces. Three views of one result:
///
/// 1. On the GstVideoRegionOfInterestMeta, GstStructure params in DL Streamer's tensor convention:
///    - `detection`: confidence, x_min, x_max, y_min, y_max (double, fractions of the frame; unrounded, and
///    beyond
///      [0, 1] where the face reaches out of the frame), label_id, predicted (boolean, only where it is
///      true);
///    - `object_id`: id (int), the track that the region belongs to;
///    - `landmarks`: a tensor with format `landmark_points`: data_buffer holds five (x, y) pairs of float32
///    (left
///      eye, right eye, nose tip, left and right mouth corner) as fractions of the ROI's rectangle;
///    - `classification`: label, label_id, confidence, attribute_name `identity`, predicted as above,
///    quality (double, 0 to 1, where it is known), and the embedding as data_buffer. A tensor has layer_name,
///    model_name, format, precision (10: FP32), layout (193: NC), dims (GValueArray of uint) and data_buffer
///    (a GVariant of type `ay`).
/// 2. A custom meta `TripletEmbed` on the buffer: a structure whose `faces` is an array (GST_TYPE_ARRAY) of
///    structures, one a face: id, type, label, label_id, reason, stranger, distance, threshold, far, quality,
///    nearest, runner_up, runner_up_distance, confidence, x, y, width, height, frame_width, frame_height,
///    model_name, embedding (GBytes, 128 little-endian float32), predicted (boolean), predicted_region
///    (boolean), track (int). Fields that have no value are absent. Elements that convert, scale, flip or
///    crop keep it.
/// 3. With GStreamer 1.24 or newer, the GstAnalyticsRelationMeta on the buffer: a detection for each region,
///    the track and the name. glue/face_meta_analytics.h says how.
namespace embed::gst {

inline constexpr char kMetaName[] = "TripletEmbed";

/// Registers the custom meta; once in the process is enough, more do no harm.
void register_face_meta();

/// Attaches a ROI meta of type `face` with a fresh non-zero id, params and all; `buffer` must be writable. A
/// box that has no pixel in the frame is left out. Returns the meta or null.
GstVideoRegionOfInterestMeta* add_face(GstBuffer* buffer, const FaceRegion& region, double confidence,
                                       int frame_width, int frame_height);
/// The same for a face that was found on an earlier frame and got that id there; marked as predicted.
GstVideoRegionOfInterestMeta* add_predicted_face(GstBuffer* buffer, const FaceRegion& region,
                                                 double confidence, int frame_width, int frame_height,
                                                 int id);
/// The same for a face of any type that was followed to this place. `confidence` is left out where there is
/// none, and without an id it gets a fresh one.
GstVideoRegionOfInterestMeta* add_followed_face(GstBuffer* buffer, const std::string& type,
                                                const FaceRegion& region, std::optional<double> confidence,
                                                int frame_width, int frame_height, std::optional<int> id);
/// Moves such a region there; its other params stay. A box that has no pixel in the frame takes the region
/// off the buffer. Whether it is still there.
bool move_followed_face(GstBuffer* buffer, GstVideoRegionOfInterestMeta* meta, const FaceRegion& region,
                        std::optional<double> confidence, int frame_width, int frame_height);
/// Says that a region belongs to a track, in the place of one that it belonged to before.
void set_track(GstVideoRegionOfInterestMeta* meta, int track);
/// Writes the tracks of all regions of a frame into the relation meta, too; the buffer must be writable.
void write_tracks(GstBuffer* buffer, int frame_width, int frame_height);
/// Whether a frame has a region, or a detection in the relation meta.
bool has_regions(GstBuffer* buffer);
/// The regions of a frame, first its ROI metas in their order; the three vectors run in parallel.
struct RoiList {
  std::vector<Roi> rois;
  /// Owned by the buffer; null for a detection of the relation meta that has none, see read_regions().
  std::vector<GstVideoRegionOfInterestMeta*> metas;
  std::vector<int> detections;          ///< Ids in the relation meta; −1 without a detection there.
  std::unordered_set<int> surplus_ids;  ///< Of regions that were left out as too many.
  std::size_t surplus = 0;              ///< So many were.
};
/// Attaches a ROI meta of that type over the whole frame and returns it.
RoiList add_whole_frame(GstBuffer* buffer, const char* type, int frame_width, int frame_height);

/// ROIs of one of these types, a comma-separated list compared without case (all when it is empty). Foreign
/// detectors' ones are fine, by hand or by gvadetect. Of more than `most` those are taken whose part inside
/// the frame is largest, the earlier one of two that are alike; 0 takes all. A detection of the relation meta
/// without a ROI meta in its place gets one, so the buffer must be writable.
RoiList read_rois(GstBuffer* buffer, const std::string& types, int frame_width, int frame_height,
                  std::size_t most = 0);
/// The same, but the buffer stays as it is: the id of a detection without a ROI meta is that in the relation
/// meta.
RoiList read_regions(GstBuffer* buffer, const std::string& types, int frame_width, int frame_height,
                     std::size_t most = 0);

/// Gives every ROI of the list without an id, or with one that came before, a fresh one; buffer writable.
void assign_ids(RoiList& list);

/// Writes all views: identities[i] belongs to list.rois[i]. Faces that are in the custom meta already are
/// replaced when their type and id are the same, and so is a `classification` param of ours. `buffer` must be
/// writable.
void write_identities(GstBuffer* buffer, const RoiList& list, const std::vector<Identity>& identities,
                      const std::string& model_name, int frame_width, int frame_height);

/// Every region of the frame with its identity matched by type and id, then those faces whose ROI meta was
/// dropped on the way, their own rectangle scaled by the ratio of the frame sizes. A detection without a ROI
/// meta is matched by type and place. Where the custom meta knows nothing, the name is the relation meta's.
std::vector<Face> read_faces(GstBuffer* buffer, int frame_width, int frame_height);

struct FaceList {
  std::vector<Face> faces;
  bool whole = true;  ///< Nothing was left out.
  /// So many have lost their region on the way, as videoflip and videocrop drop it: only where nothing else
  /// was done than to scale the frame are their boxes in their places.
  std::size_t without_region = 0;
};
/// The same of at most `most` faces (0: of all): those with an identity first, then the largest.
FaceList read_most_faces(GstBuffer* buffer, int frame_width, int frame_height, std::size_t most);

}  // namespace embed::gst
