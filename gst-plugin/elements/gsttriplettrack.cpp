// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-triplettrack
 * @title: triplettrack
 *
 * Gives each face an id that stays the same from frame to frame: the `object_id` of its region of interest,
 * as DL Streamer's gvatrack does. On frames between two detections (tripletdetect's detect-interval) it moves
 * the boxes on, and it adds the box of a face that the detector missed for a moment; both say `predicted`.
 *
 * It stands between the detector and tripletembed, which then knows whose track it embeds. Behind
 * tripletembed it also takes a person up again after a gap, by the embedding that tripletembed attached.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! videoconvert ! tripletdetect detect-interval=3 !
 *   triplettrack ! tripletembed gallery=people.safetensors ! tripletjson location=names.jsonl ! fakesink
 * ]|
 */
#include "elements/gsttriplettrack.h"

#include <gst/video/video.h>

#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "glue/element_settings.h"
#include "glue/face_meta.h"
#include "glue/gobject_options.h"
#include "glue/gst_guard.h"
#include "sessions/track_session.h"

using embed::gst::guarded;
using embed::gst::RoiList;
using embed::gst::TrackSettings;

GST_DEBUG_CATEGORY_STATIC(gst_triplet_track_debug);
#define GST_CAT_DEFAULT gst_triplet_track_debug

namespace {

/// What the GObject points to. `settings` is guarded by the object lock; the rest belongs to the streaming
/// thread while there is one, else to the thread that changes the state.
struct State {
  explicit State(GstElement* element) : settings(element, embed::gst::track_options()) {}

  embed::gst::ElementSettings<TrackSettings> settings;
  embed::gst::TrackSession session;
  int width = 0;  // 0 where the caps say none: nothing is followed.
  int height = 0;
  bool told_of_surplus = false;
};

}  // namespace

struct _GstTripletTrack {
  GstBaseTransform parent;
  State* state;
};

G_DEFINE_TYPE(GstTripletTrack, gst_triplet_track, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(triplettrack, "triplettrack", GST_RANK_NONE, GST_TYPE_TRIPLET_TRACK)

static void gst_triplet_track_set_property(GObject* object, guint id, const GValue* value,
                                           GParamSpec* pspec) {
  GST_TRIPLET_TRACK(object)->state->settings.set_property(id, value, pspec);
}

static void gst_triplet_track_get_property(GObject* object, guint id, GValue* value, GParamSpec* pspec) {
  GST_TRIPLET_TRACK(object)->state->settings.get_property(id, value, pspec);
}

static gboolean gst_triplet_track_start(GstBaseTransform* trans) {
  State& state = *GST_TRIPLET_TRACK(trans)->state;
  state.session.restart();
  state.width = state.height = 0;
  state.told_of_surplus = false;
  return TRUE;
}

// Boxes of other sizes say nothing of the frames to come.
static gboolean gst_triplet_track_set_caps(GstBaseTransform* trans, GstCaps* incaps, GstCaps*) {
  State& state = *GST_TRIPLET_TRACK(trans)->state;
  const GstStructure* structure = gst_caps_get_structure(incaps, 0);
  state.session.restart();
  state.width = state.height = 0;
  gst_structure_get_int(structure, "width", &state.width);
  gst_structure_get_int(structure, "height", &state.height);
  return TRUE;
}

static gboolean gst_triplet_track_sink_event(GstBaseTransform* trans, GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT) GST_TRIPLET_TRACK(trans)->state->session.restart();
  return GST_BASE_TRANSFORM_CLASS(gst_triplet_track_parent_class)->sink_event(trans, event);
}

static void see_surplus(GstTripletTrack* self, std::size_t surplus, std::size_t most) {
  if (surplus == 0 || std::exchange(self->state->told_of_surplus, true)) return;
  GST_ELEMENT_WARNING(self, STREAM, FAILED,
                      ("a frame has %" G_GSIZE_FORMAT " regions of interest; the %" G_GSIZE_FORMAT
                       " largest are followed (max-faces)",
                       surplus + most, most),
                      (nullptr));
}

/// The embeddings that tripletembed attached to the regions of this very frame, in their order.
static std::vector<std::optional<embed::Embedding>> read_embeddings(GstBuffer* buffer, const RoiList& list,
                                                                    const State& state) {
  std::vector<std::optional<embed::Embedding>> embeddings(list.rois.size());
  if (gst_buffer_get_custom_meta(buffer, embed::gst::kMetaName) == nullptr) return embeddings;
  const auto faces = embed::gst::read_faces(buffer, state.width, state.height);
  for (std::size_t i = 0; i < list.rois.size(); ++i) {
    for (const auto& face : faces) {
      if (face.id != list.rois[i].id || face.type != list.rois[i].type || !face.identity) continue;
      embeddings[i] = face.identity->embedding;
      break;
    }
  }
  return embeddings;
}

/// Moves the regions of the frame that are carried on, and adds those that it has none of.
static void place_carried(GstBuffer* buffer, RoiList& list, const embed::gst::TrackedFrame& frame,
                          const State& state) {
  std::set<int> taken(list.surplus_ids.begin(), list.surplus_ids.end());
  for (const auto& roi : list.rois) taken.insert(roi.id);
  for (const auto& face : frame.carried) {
    if (face.roi >= 0) {
      auto*& meta = list.metas[static_cast<std::size_t>(face.roi)];
      if (!embed::gst::move_followed_face(buffer, meta, face.region, face.confidence, state.width,
                                          state.height))
        meta = nullptr;
      continue;
    }
    // An id that the detector gave to another face since would take this one's name to that.
    auto* meta = embed::gst::add_followed_face(
        buffer, face.type, face.region, face.confidence, state.width, state.height,
        taken.count(face.roi_id) == 0 ? std::optional<int>(face.roi_id) : std::nullopt);
    if (meta == nullptr) continue;
    taken.insert(meta->id);
    embed::gst::set_track(meta, face.track);
  }
}

static void follow(GstTripletTrack* self, GstBuffer* buffer) {
  State& state = *self->state;
  const auto settings = state.settings.get();
  RoiList list =
      embed::gst::read_rois(buffer, settings->object_class, state.width, state.height, settings->max_faces);
  see_surplus(self, list.surplus, settings->max_faces);
  embed::gst::assign_ids(list);
  const auto embeddings = read_embeddings(buffer, list, state);
  std::vector<const embed::Embedding*> borrowed;
  for (const auto& embedding : embeddings) borrowed.push_back(embedding ? &*embedding : nullptr);
  const auto& frame = state.session.take(list.rois, borrowed, state.width, state.height, *settings);
  place_carried(buffer, list, frame, state);
  for (std::size_t i = 0; i < list.metas.size(); ++i)
    if (frame.track_of[i] != 0 && list.metas[i] != nullptr)
      embed::gst::set_track(list.metas[i], frame.track_of[i]);
  embed::gst::write_tracks(buffer, state.width, state.height);
  GST_LOG_OBJECT(self, "%" G_GSIZE_FORMAT " regions, %" G_GSIZE_FORMAT " carried on", list.rois.size(),
                 frame.carried.size());
}

static GstFlowReturn gst_triplet_track_transform_ip(GstBaseTransform* trans, GstBuffer* buffer) {
  GstTripletTrack* self = GST_TRIPLET_TRACK(trans);
  return guarded(GST_ELEMENT(self), GST_FLOW_ERROR, [self, buffer] {
    if (self->state->width > 0 && self->state->height > 0) follow(self, buffer);
    return GST_FLOW_OK;
  });
}

static void gst_triplet_track_finalize(GObject* object) {
  delete GST_TRIPLET_TRACK(object)->state;
  G_OBJECT_CLASS(gst_triplet_track_parent_class)->finalize(object);
}

static void gst_triplet_track_init(GstTripletTrack* self) {
  self->state = new State(GST_ELEMENT(self));
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
}

static void gst_triplet_track_class_init(GstTripletTrackClass* klass) {
  auto* object_class = G_OBJECT_CLASS(klass);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  auto* trans_class = GST_BASE_TRANSFORM_CLASS(klass);
  GST_DEBUG_CATEGORY_INIT(gst_triplet_track_debug, "triplettrack", 0, "Follows faces");

  object_class->set_property = gst_triplet_track_set_property;
  object_class->get_property = gst_triplet_track_get_property;
  object_class->finalize = gst_triplet_track_finalize;
  embed::gst::install_options(object_class, "GstTripletTrack", embed::gst::track_options());

  trans_class->start = gst_triplet_track_start;
  trans_class->set_caps = gst_triplet_track_set_caps;
  trans_class->sink_event = gst_triplet_track_sink_event;
  trans_class->transform_ip = gst_triplet_track_transform_ip;

  embed::gst::add_pads(element_class, "ANY");
  gst_element_class_set_static_metadata(
      element_class, "Face tracker", "Filter/Analyzer/Video",
      "Gives each face an id that stays from frame to frame, and moves its box on where nobody looked; for "
      "example: "
      "... ! tripletdetect detect-interval=3 ! triplettrack ! tripletembed gallery=people.safetensors ! ...",
      "The tripletembed authors");
}
