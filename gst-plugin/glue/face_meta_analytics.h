// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>
#include <vector>

#include "sessions/face_types.h"

/// The part of face_meta that knows GStreamer's GstAnalyticsRelationMeta; only the other files of face_meta
/// include this. Where GStreamer is older than 1.24 there is no such meta: nothing is found and nothing is
/// written. All functions: any thread that holds the buffer.
///
/// A face is a GstAnalyticsODMtd. Its relations are those of DL Streamer's metadata_analytics.md:
/// - OD RELATE_TO GstAnalyticsTrackingMtd: the track;
/// - OD CONTAIN GstAnalyticsClsMtd, and back IS_PART_OF: the name. OD RELATE_TO it, too, since that is what
///   GStreamer's objectdetectionoverlay looks for; both together tell a name from what others classified;
/// - OD CONTAIN GstAnalyticsTensorMtd, and back IS_PART_OF (GStreamer 1.28): the embedding.
///
/// Nothing can be taken out of a relation meta. What is replaced loses the relation that leads to it and
/// keeps IS_PART_OF, so that nobody takes it for something of the whole frame. Relations are read one by one
/// below the meta's length: GStreamer's own search follows one that leads to nowhere.
namespace embed::gst::analytics {

/// An object detection of a frame.
struct Detection {
  guint id = 0;                      ///< Its place in the relation meta.
  std::string type;                  ///< The class of the object; empty where it has none.
  PixelRect box;                     ///< In pixels; may reach out of the frame. It has an area.
  std::optional<double> confidence;  ///< None where it is not above 0.
};

/// Where a region is, which is what tells the detection of a face from others of its type.
struct Place {
  const std::string& type;
  PixelRect box;
  int frame_width = 0;
  int frame_height = 0;
};

/// Whether the edges are within two pixels: scaling rounds those of a region and of a detection apart.
bool same_box(const PixelRect& a, const PixelRect& b) noexcept;
/// Whether that is the region's detection: of the same type but for case, and in the same place, as far as
/// the frame shows them.
bool is_at(const Detection& detection, const Place& place);

/// Whether somebody detected something on the frame.
bool has_detections(GstBuffer* buffer);
/// The detections of a frame that have an area, but for those that were moved or taken away.
std::vector<Detection> read_detections(GstBuffer* buffer);
/// The track of a detection, the lower 31 bits of its tracking id; 0 for none.
int track_of(GstBuffer* buffer, guint id);
/// The name that tripletembed wrote to a detection, and the embedding; no more is known here.
std::optional<Identity> identity_of(GstBuffer* buffer, guint id);

/// The buffer of what follows must be writable. Where a place has no detection, it gets one, unless the frame
/// shows nothing of it.
void add_detection(GstBuffer* buffer, const Place& place, std::optional<double> confidence);
/// A relation meta that holds detections alone is written anew. In any other one the detection stays as part
/// of the one that takes its place and its relations.
void move_detection(GstBuffer* buffer, const Place& from, const PixelRect& to,
                    std::optional<double> confidence);
/// The same; in any other relation meta the detection stays as part of itself.
void remove_detection(GstBuffer* buffer, const Place& place);
void write_track(GstBuffer* buffer, const Place& place, std::optional<double> confidence, int track);
/// `confidence` is that of the detector, `level` that of the name, from 0 to 1.
void write_identity(GstBuffer* buffer, const Place& place, std::optional<double> confidence,
                    const Identity& identity, double level);

}  // namespace embed::gst::analytics
