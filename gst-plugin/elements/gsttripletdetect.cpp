// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-tripletdetect
 * @title: tripletdetect
 *
 * Finds faces and marks each with a GstVideoRegionOfInterestMeta of type `face` that carries a `detection`
 * param (confidence and the box as fractions of the frame) and, from YuNet and CenterFace, a `landmarks`
 * param with five points. Pixels are read, never copied or written. With detect-interval=N the frames between
 * two detections get the faces of the last one, with the same ids, and their `detection` param says
 * `predicted`: nobody looked for them there.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! videoconvert ! tripletdetect ! tripletoverlay !
 *   videoconvert ! autovideosink
 * gst-launch-1.0 v4l2src ! videoconvert ! tripletdetect detector=haar min-face-size=60 ! tripletjson !
 * fakesink
 * ]|
 */
#include "elements/gsttripletdetect.h"

#include <gst/video/video.h>

#include <memory>
#include <utility>
#include <vector>

#include "glue/detector_query.h"
#include "glue/element_settings.h"
#include "glue/face_meta.h"
#include "glue/gobject_options.h"
#include "glue/gst_guard.h"
#include "glue/video_view.h"
#include "sessions/detect_session.h"

using embed::gst::DetectSettings;
using embed::gst::guarded;

GST_DEBUG_CATEGORY_STATIC(gst_triplet_detect_debug);
#define GST_CAT_DEFAULT gst_triplet_detect_debug

namespace {

struct Found {
  embed::faces::DetectedFace face;
  int id = 0;
};

/// What the GObject points to. `values` and `settings` are guarded by the object lock; the rest belongs to
/// the streaming thread while there is one, else to the thread that changes the state.
struct State {
  explicit State(GstElement* element) : settings(element, embed::gst::detect_options()) {}

  embed::gst::ElementSettings<DetectSettings> settings;
  embed::gst::DetectSession session;
  GstVideoInfo info{};
  bool told_of_haar = false;
  std::vector<Found> found;  // On the last frame that was looked at.
};

}  // namespace

struct _GstTripletDetect {
  GstBaseTransform parent;
  State* state;
};

G_DEFINE_TYPE(GstTripletDetect, gst_triplet_detect, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(tripletdetect, "tripletdetect", GST_RANK_NONE, GST_TYPE_TRIPLET_DETECT)

static std::shared_ptr<const DetectSettings> settings_of(GstTripletDetect* self) {
  return self->state->settings.get();
}

static void gst_triplet_detect_set_property(GObject* object, guint id, const GValue* value,
                                            GParamSpec* pspec) {
  GST_TRIPLET_DETECT(object)->state->settings.set_property(id, value, pspec);
}

static void gst_triplet_detect_get_property(GObject* object, guint id, GValue* value, GParamSpec* pspec) {
  GST_TRIPLET_DETECT(object)->state->settings.get_property(id, value, pspec);
}

// What was found before says nothing of the frames to come; the next one is looked at.
static void forget_faces(GstTripletDetect* self) {
  self->state->found.clear();
  self->state->session.restart();
}

// Whoever asks for it by name has it in mind.
static void tell_of_haar(GstTripletDetect* self, const embed::faces::DetectorOptions& asked) {
  const char* named = g_getenv("TRIPLETEMBED_DETECTOR");
  if (asked.detector != "auto" || !asked.model.empty() || (named != nullptr && *named != '\0')) return;
  if (self->state->session.description().rfind("haar", 0) != 0) return;
  if (std::exchange(self->state->told_of_haar, true)) return;
  GST_ELEMENT_WARNING(
      self, LIBRARY, SETTINGS,
      ("no model of YuNet or CenterFace was found, so faces are looked for with OpenCV's Haar cascade: it "
       "misses more of them and gives no landmarks to align them by, which makes names less sure. "
       "Put face_detection_yunet_2023mar.onnx of github.com/opencv/opencv_zoo into "
       "~/.local/share/tripletembed/models, or name a model with the property 'model'"),
      (nullptr));
}

static gboolean open_session(GstTripletDetect* self) {
  return guarded(GST_ELEMENT(self), FALSE, [self] {
    self->state->session.open(*settings_of(self));
    forget_faces(self);
    tell_of_haar(self, settings_of(self)->detector);
    GST_INFO_OBJECT(self, "%s", self->state->session.description().c_str());
    return TRUE;
  });
}

// The model is loaded on the way to READY, so that a broken file stops the pipeline there, before any data
// flows.
static GstStateChangeReturn gst_triplet_detect_change_state(GstElement* element, GstStateChange transition) {
  GstTripletDetect* self = GST_TRIPLET_DETECT(element);
  if (transition == GST_STATE_CHANGE_NULL_TO_READY && open_session(self) == FALSE)
    return GST_STATE_CHANGE_FAILURE;
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(gst_triplet_detect_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_READY_TO_NULL) {
    self->state->session.close();
    self->state->told_of_haar = false;
  }
  return result;
}

// Again on the way to PAUSED: properties may have changed in READY. Loads nothing when they have not.
static gboolean gst_triplet_detect_start(GstBaseTransform* trans) {
  return open_session(GST_TRIPLET_DETECT(trans));
}

static gboolean gst_triplet_detect_set_caps(GstBaseTransform* trans, GstCaps* incaps, GstCaps*) {
  forget_faces(GST_TRIPLET_DETECT(trans));
  return gst_video_info_from_caps(&GST_TRIPLET_DETECT(trans)->state->info, incaps);
}

static gboolean gst_triplet_detect_sink_event(GstBaseTransform* trans, GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT) forget_faces(GST_TRIPLET_DETECT(trans));
  return GST_BASE_TRANSFORM_CLASS(gst_triplet_detect_parent_class)->sink_event(trans, event);
}

static gboolean gst_triplet_detect_query(GstBaseTransform* trans, GstPadDirection direction,
                                         GstQuery* query) {
  if (direction == GST_PAD_SRC && embed::gst::is_detector_query(query)) return TRUE;
  return GST_BASE_TRANSFORM_CLASS(gst_triplet_detect_parent_class)->query(trans, direction, query);
}

static gboolean gst_triplet_detect_propose_allocation(GstBaseTransform* trans, GstQuery* decided,
                                                      GstQuery* query) {
  const gboolean answered =
      GST_BASE_TRANSFORM_CLASS(gst_triplet_detect_parent_class)->propose_allocation(trans, decided, query);
  embed::gst::withhold_crop(query);
  return answered;
}

static void look_for_faces(State& state, GstBuffer* buffer) {
  const embed::gst::MappedFrame frame(state.info, buffer);
  state.found.clear();
  for (auto& face : state.session.detect(frame.view())) state.found.push_back({std::move(face), 0});
}

static void mark_faces(State& state, GstBuffer* buffer, bool predicted) {
  const int width = GST_VIDEO_INFO_WIDTH(&state.info), height = GST_VIDEO_INFO_HEIGHT(&state.info);
  for (Found& found : state.found) {
    const auto& region = found.face.region;
    const auto confidence = static_cast<double>(found.face.confidence);
    const auto* meta =
        predicted ? embed::gst::add_predicted_face(buffer, region, confidence, width, height, found.id)
                  : embed::gst::add_face(buffer, region, confidence, width, height);
    if (meta != nullptr) found.id = meta->id;
  }
}

static GstFlowReturn gst_triplet_detect_transform_ip(GstBaseTransform* trans, GstBuffer* buffer) {
  GstTripletDetect* self = GST_TRIPLET_DETECT(trans);
  return guarded(GST_ELEMENT(self), GST_FLOW_ERROR, [self, buffer] {
    State& state = *self->state;
    const bool due = state.session.due(*settings_of(self));
    if (due) look_for_faces(state, buffer);
    mark_faces(state, buffer, !due);
    GST_LOG_OBJECT(self, "%" G_GSIZE_FORMAT " faces%s", state.found.size(), due ? "" : ", predicted");
    return GST_FLOW_OK;
  });
}

static void gst_triplet_detect_finalize(GObject* object) {
  delete GST_TRIPLET_DETECT(object)->state;
  G_OBJECT_CLASS(gst_triplet_detect_parent_class)->finalize(object);
}

static void gst_triplet_detect_init(GstTripletDetect* self) {
  self->state = new State(GST_ELEMENT(self));
  gst_video_info_init(&self->state->info);
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
  gst_base_transform_set_qos_enabled(GST_BASE_TRANSFORM(self), TRUE);
}

static void gst_triplet_detect_class_init(GstTripletDetectClass* klass) {
  auto* object_class = G_OBJECT_CLASS(klass);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  auto* trans_class = GST_BASE_TRANSFORM_CLASS(klass);
  GST_DEBUG_CATEGORY_INIT(gst_triplet_detect_debug, "tripletdetect", 0, "Finds faces");

  object_class->set_property = gst_triplet_detect_set_property;
  object_class->get_property = gst_triplet_detect_get_property;
  object_class->finalize = gst_triplet_detect_finalize;
  embed::gst::install_options(object_class, "GstTripletDetect", embed::gst::detect_options());

  element_class->change_state = gst_triplet_detect_change_state;
  trans_class->start = gst_triplet_detect_start;
  trans_class->set_caps = gst_triplet_detect_set_caps;
  trans_class->sink_event = gst_triplet_detect_sink_event;
  trans_class->query = gst_triplet_detect_query;
  trans_class->propose_allocation = gst_triplet_detect_propose_allocation;
  trans_class->transform_ip = gst_triplet_detect_transform_ip;

  embed::gst::add_pads(element_class, embed::gst::video_caps().c_str());
  gst_element_class_set_static_metadata(
      element_class, "Face detector", "Filter/Analyzer/Video",
      "Marks faces with regions of interest, found by YuNet, CenterFace or a Haar cascade; for example: "
      "... ! videoconvert ! tripletdetect ! tripletembed gallery=people.safetensors ! ...",
      "The tripletembed authors");
}
