// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-tripletjson
 * @title: tripletjson
 *
 * Writes one JSON object a frame (JSON Lines) that says who is where, or one for each event (lines=events),
 * and passes the buffers through as they are. Every line is written out before its frame goes on. Behind
 * elements that convert, scale, flip or crop the names are still there; where such an element drops the
 * regions of interest, the rectangles are those of the frame that was embedded, scaled to the size of this
 * one.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 -q filesrc location=clip.mp4 ! decodebin ! videoconvert ! tripletdetect ! tripletembed
 *   gallery=people.safetensors ! tripletjson ! fakesink
 * gst-launch-1.0 v4l2src ! videoconvert ! tripletdetect ! tripletembed ! tripletjson location=faces.jsonl
 *   add-embedding=true ! fakesink
 * ]|
 */
#include "elements/gsttripletjson.h"

#include <memory>

#include "embed/error.h"
#include "glue/element_settings.h"
#include "glue/frame_reader.h"
#include "glue/gobject_options.h"
#include "glue/gst_guard.h"
#include "sessions/json_session.h"

using embed::gst::guarded;
using embed::gst::JsonSettings;

GST_DEBUG_CATEGORY_STATIC(gst_triplet_json_debug);
#define GST_CAT_DEFAULT gst_triplet_json_debug

namespace {

/// What the GObject points to. `values` and `settings` are guarded by the object lock; the rest belongs to
/// the streaming thread while there is one, else to the thread that changes the state.
struct State {
  explicit State(GstElement* element) : settings(element, embed::gst::json_options()) {}

  embed::gst::ElementSettings<JsonSettings> settings;
  embed::gst::JsonSession session;
  embed::gst::FrameReader frames;
};

}  // namespace

struct _GstTripletJson {
  GstBaseTransform parent;
  State* state;
};

G_DEFINE_TYPE(GstTripletJson, gst_triplet_json, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(tripletjson, "tripletjson", GST_RANK_NONE, GST_TYPE_TRIPLET_JSON)

static std::shared_ptr<const JsonSettings> settings_of(GstTripletJson* self) {
  return self->state->settings.get();
}

static void gst_triplet_json_set_property(GObject* object, guint id, const GValue* value, GParamSpec* pspec) {
  GST_TRIPLET_JSON(object)->state->settings.set_property(id, value, pspec);
}

static void gst_triplet_json_get_property(GObject* object, guint id, GValue* value, GParamSpec* pspec) {
  GST_TRIPLET_JSON(object)->state->settings.get_property(id, value, pspec);
}

static gboolean gst_triplet_json_start(GstBaseTransform* trans) {
  GstTripletJson* self = GST_TRIPLET_JSON(trans);
  self->state->frames = {};
  try {
    self->state->session.open(*settings_of(self));
    return TRUE;
  } catch (const std::exception& error) {
    GST_ELEMENT_ERROR(self, RESOURCE, OPEN_WRITE, ("%s", error.what()), (nullptr));
    return FALSE;
  }
}

// What is there to be told at the end of the stream, and again, of what came since, when it is stopped.
static void end_events(GstTripletJson* self) {
  guarded(GST_ELEMENT(self), [self] { self->state->session.end(*settings_of(self)); });
}

static gboolean gst_triplet_json_stop(GstBaseTransform* trans) {
  end_events(GST_TRIPLET_JSON(trans));
  GST_TRIPLET_JSON(trans)->state->session.close();
  return TRUE;
}

// A write may wait for the reader of a pipe; it must let go before the pad's lock is asked for.
static GstStateChangeReturn gst_triplet_json_change_state(GstElement* element, GstStateChange transition) {
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) GST_TRIPLET_JSON(element)->state->session.cancel();
  return GST_ELEMENT_CLASS(gst_triplet_json_parent_class)->change_state(element, transition);
}

// A flush, too, must end a write that waits.
static gboolean gst_triplet_json_sink_event(GstBaseTransform* trans, GstEvent* event) {
  embed::gst::JsonSession& session = GST_TRIPLET_JSON(trans)->state->session;
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_START) session.cancel();
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) session.resume();
  if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) end_events(GST_TRIPLET_JSON(trans));
  return GST_BASE_TRANSFORM_CLASS(gst_triplet_json_parent_class)->sink_event(trans, event);
}

static gboolean gst_triplet_json_set_caps(GstBaseTransform* trans, GstCaps* incaps, GstCaps*) {
  GST_TRIPLET_JSON(trans)->state->frames.set_caps(incaps);
  return TRUE;
}

static GstFlowReturn write_frame(GstTripletJson* self, GstBuffer* buffer) {
  State& state = *self->state;
  const auto settings = settings_of(self);
  const auto& facts = state.frames.facts_of(GST_BASE_TRANSFORM(self), buffer, settings->camera);
  const auto faces = state.frames.faces_of(buffer);
  try {
    return state.session.write(facts, faces, *settings) ? GST_FLOW_OK : GST_FLOW_FLUSHING;
  } catch (const embed::Error& error) {
    if (error.code() != embed::ErrorCode::Io) throw;
    GST_ELEMENT_ERROR(self, RESOURCE, WRITE, ("%s", error.what()), (nullptr));
    return GST_FLOW_ERROR;
  }
}

static GstFlowReturn gst_triplet_json_transform_ip(GstBaseTransform* trans, GstBuffer* buffer) {
  GstTripletJson* self = GST_TRIPLET_JSON(trans);
  return guarded(GST_ELEMENT(self), GST_FLOW_ERROR, [self, buffer] { return write_frame(self, buffer); });
}

static void gst_triplet_json_finalize(GObject* object) {
  delete GST_TRIPLET_JSON(object)->state;
  G_OBJECT_CLASS(gst_triplet_json_parent_class)->finalize(object);
}

static void gst_triplet_json_init(GstTripletJson* self) {
  self->state = new State(GST_ELEMENT(self));
  gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), TRUE);
}

static void gst_triplet_json_class_init(GstTripletJsonClass* klass) {
  auto* object_class = G_OBJECT_CLASS(klass);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  auto* trans_class = GST_BASE_TRANSFORM_CLASS(klass);
  GST_DEBUG_CATEGORY_INIT(gst_triplet_json_debug, "tripletjson", 0, "Writes who is where as JSON Lines");

  object_class->set_property = gst_triplet_json_set_property;
  object_class->get_property = gst_triplet_json_get_property;
  object_class->finalize = gst_triplet_json_finalize;
  embed::gst::install_options(object_class, "GstTripletJson", embed::gst::json_options());

  element_class->change_state = gst_triplet_json_change_state;
  trans_class->start = gst_triplet_json_start;
  trans_class->stop = gst_triplet_json_stop;
  trans_class->sink_event = gst_triplet_json_sink_event;
  trans_class->set_caps = gst_triplet_json_set_caps;
  trans_class->transform_ip = gst_triplet_json_transform_ip;
  trans_class->transform_ip_on_passthrough = TRUE;

  embed::gst::add_pads(element_class, "ANY");
  gst_element_class_set_static_metadata(element_class, "Faces to JSON", "Filter/Metadata/Video",
                                        "Writes the faces of each frame and their names as a line of JSON "
                                        "and passes the frame on; for example: "
                                        "... ! tripletdetect ! tripletembed gallery=people.safetensors ! "
                                        "tripletjson location=names.jsonl ! fakesink",
                                        "The tripletembed authors");
}
