// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-tripletpublish
 * @title: tripletpublish
 *
 * Sends the lines that tripletjson writes, of frames or of events, to an MQTT broker or to Kafka, and passes
 * the buffers through as they are. It waits for no network: what the broker does not have yet is kept in a
 * bounded spool, in memory or on disk. With MQTT, retained topics tell who is before the camera.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 v4l2src ! videoconvert ! tripletdetect ! triplettrack ! tripletembed
 *   gallery=people.safetensors ! tripletpublish address=localhost:1883 camera=door ! fakesink
 * gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! videoconvert ! tripletdetect ! tripletembed
 *   gallery=people.safetensors ! tripletpublish method=kafka address=localhost:9092 topic=faces lines=frames
 * ! fakesink
 * ]|
 */
#include "elements/gsttripletpublish.h"

#include <memory>
#include <string>

#include "embed/address.h"
#include "glue/element_settings.h"
#include "glue/frame_reader.h"
#include "glue/gobject_options.h"
#include "glue/gst_guard.h"
#include "glue/publish_structures.h"
#include "sessions/publish_session.h"

using embed::gst::guarded;
using embed::gst::PublishSettings;

GST_DEBUG_CATEGORY_STATIC(gst_triplet_publish_debug);
#define GST_CAT_DEFAULT gst_triplet_publish_debug

namespace {

using StructurePtr = std::unique_ptr<GstStructure, void (*)(GstStructure*)>;

/// What the GObject points to. `options` and the settings' values are guarded by the object lock; the rest
/// belongs to the streaming thread while there is one, else to the thread that changes the state.
struct State {
  explicit State(GstElement* element)
      : settings(element, embed::gst::publish_options()), session([element](const std::string& warning) {
          GST_ELEMENT_WARNING(element, RESOURCE, WRITE, ("%s", warning.c_str()), (nullptr));
        }) {}

  embed::gst::ElementSettings<PublishSettings> settings;
  StructurePtr options{nullptr, gst_structure_free};
  embed::gst::PublishSession session;
  embed::gst::FrameReader frames;
};

guint options_property_id() {
  return static_cast<guint>(embed::gst::publish_options().size() + 1);
}

guint stats_property_id() {
  return options_property_id() + 1;
}

}  // namespace

struct _GstTripletPublish {
  GstBaseTransform parent;
  State* state;
};

G_DEFINE_TYPE(GstTripletPublish, gst_triplet_publish, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(tripletpublish, "tripletpublish", GST_RANK_NONE, GST_TYPE_TRIPLET_PUBLISH)

static std::shared_ptr<const PublishSettings> settings_of(GstTripletPublish* self) {
  return self->state->settings.get();
}

static embed::gst::PublishOptions complete_options(GstTripletPublish* self) {
  StructurePtr options{nullptr, gst_structure_free};
  {
    const embed::gst::ObjectLock lock(self);
    if (self->state->options) options.reset(gst_structure_copy(self->state->options.get()));
  }
  g_autofree gchar* name = gst_element_get_name(self);
  return settings_of(self)->complete(name, embed::gst::broker_options_of(options.get()));
}

static void set_options(GstTripletPublish* self, const GstStructure* options) {
  StructurePtr wanted{options != nullptr ? gst_structure_copy(options) : nullptr, gst_structure_free};
  bool refused = false;
  {
    const embed::gst::ObjectLock lock(self);
    refused = GST_STATE(self) > GST_STATE_READY || GST_STATE_NEXT(self) > GST_STATE_READY;
    if (!refused) self->state->options.swap(wanted);
  }
  if (!refused) return;
  GST_ELEMENT_WARNING(
      self, LIBRARY, SETTINGS,
      ("the property 'options' cannot change in PAUSED or PLAYING and stays as it was: set it in "
       "READY or NULL"),
      (nullptr));
}

static void gst_triplet_publish_set_property(GObject* object, guint id, const GValue* value,
                                             GParamSpec* pspec) {
  GstTripletPublish* self = GST_TRIPLET_PUBLISH(object);
  if (id == options_property_id())
    return set_options(self, static_cast<const GstStructure*>(g_value_get_boxed(value)));
  self->state->settings.set_property(id, value, pspec);
}

static void gst_triplet_publish_get_property(GObject* object, guint id, GValue* value, GParamSpec* pspec) {
  State& state = *GST_TRIPLET_PUBLISH(object)->state;
  if (id == stats_property_id()) {
    g_value_take_boxed(value, embed::gst::publish_stats_structure(state.session.stats()));
    return;
  }
  state.settings.get_property(id, value, pspec);
  // One with a user in it is refused on the way to READY, and may be printed before.
  if (g_str_equal(g_param_spec_get_name(pspec), "address") && g_value_get_string(value) != nullptr)
    g_value_set_string(value, embed::public_address(g_value_get_string(value)).c_str());
}

static gboolean gst_triplet_publish_start(GstBaseTransform* trans) {
  GstTripletPublish* self = GST_TRIPLET_PUBLISH(trans);
  self->state->frames = {};
  return guarded(GST_ELEMENT(self), FALSE, [self] {
    self->state->session.open(complete_options(self));
    return TRUE;
  });
}

// What is there to be told at the end of the stream, and again, of what came since, when it is stopped.
static void end_events(GstTripletPublish* self) {
  guarded(GST_ELEMENT(self), [self] { self->state->session.end(*settings_of(self)); });
}

static gboolean gst_triplet_publish_stop(GstBaseTransform* trans) {
  GstTripletPublish* self = GST_TRIPLET_PUBLISH(trans);
  self->state->session.resume();
  end_events(self);
  self->state->session.close();
  return TRUE;
}

static GstStateChangeReturn gst_triplet_publish_change_state(GstElement* element, GstStateChange transition) {
  GstTripletPublish* self = GST_TRIPLET_PUBLISH(element);
  if (transition == GST_STATE_CHANGE_NULL_TO_READY) {
    // What is wrong with the settings is told before anything flows.
    const bool good = guarded(element, false, [self] {
      embed::gst::check_options(complete_options(self));
      return true;
    });
    if (!good) return GST_STATE_CHANGE_FAILURE;
  }
  // The end of the stream may be waiting for the broker; it must let go before the pad's lock is asked for.
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) self->state->session.cancel();
  return GST_ELEMENT_CLASS(gst_triplet_publish_parent_class)->change_state(element, transition);
}

static gboolean gst_triplet_publish_sink_event(GstBaseTransform* trans, GstEvent* event) {
  embed::gst::PublishSession& session = GST_TRIPLET_PUBLISH(trans)->state->session;
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_START) session.cancel();
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) session.resume();
  if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) end_events(GST_TRIPLET_PUBLISH(trans));
  return GST_BASE_TRANSFORM_CLASS(gst_triplet_publish_parent_class)->sink_event(trans, event);
}

static gboolean gst_triplet_publish_set_caps(GstBaseTransform* trans, GstCaps* incaps, GstCaps*) {
  GST_TRIPLET_PUBLISH(trans)->state->frames.set_caps(incaps);
  return TRUE;
}

static GstFlowReturn gst_triplet_publish_transform_ip(GstBaseTransform* trans, GstBuffer* buffer) {
  GstTripletPublish* self = GST_TRIPLET_PUBLISH(trans);
  return guarded(GST_ELEMENT(self), GST_FLOW_ERROR, [self, trans, buffer] {
    State& state = *self->state;
    const auto settings = settings_of(self);
    const auto& facts = state.frames.facts_of(trans, buffer, settings->camera);
    state.session.write(facts, state.frames.faces_of(buffer), *settings);
    return GST_FLOW_OK;
  });
}

static void gst_triplet_publish_finalize(GObject* object) {
  delete GST_TRIPLET_PUBLISH(object)->state;
  G_OBJECT_CLASS(gst_triplet_publish_parent_class)->finalize(object);
}

static void gst_triplet_publish_init(GstTripletPublish* self) {
  self->state = new State(GST_ELEMENT(self));
  gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), TRUE);
}

static void install_properties(GObjectClass* object_class) {
  embed::gst::install_options(object_class, "GstTripletPublish", embed::gst::publish_options());
  g_object_class_install_property(
      object_class, options_property_id(),
      g_param_spec_boxed(
          "options", "options",
          "Kafka: further settings by librdkafka's names, such as "
          "\"options,security.protocol=ssl\". They cannot be read back",
          GST_TYPE_STRUCTURE,
          static_cast<GParamFlags>(G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)));
  g_object_class_install_property(
      object_class, stats_property_id(),
      g_param_spec_boxed(
          "stats", "stats",
          "What became of lines since the start: accepted, delivered, dropped, refused, resent, "
          "waiting, spool-bytes; connections, failures, connected",
          GST_TYPE_STRUCTURE, static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

static void gst_triplet_publish_class_init(GstTripletPublishClass* klass) {
  auto* object_class = G_OBJECT_CLASS(klass);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  auto* trans_class = GST_BASE_TRANSFORM_CLASS(klass);
  GST_DEBUG_CATEGORY_INIT(gst_triplet_publish_debug, "tripletpublish", 0, "Publishes who is where");

  object_class->set_property = gst_triplet_publish_set_property;
  object_class->get_property = gst_triplet_publish_get_property;
  object_class->finalize = gst_triplet_publish_finalize;
  install_properties(object_class);

  element_class->change_state = gst_triplet_publish_change_state;
  trans_class->start = gst_triplet_publish_start;
  trans_class->stop = gst_triplet_publish_stop;
  trans_class->sink_event = gst_triplet_publish_sink_event;
  trans_class->set_caps = gst_triplet_publish_set_caps;
  trans_class->transform_ip = gst_triplet_publish_transform_ip;
  trans_class->transform_ip_on_passthrough = TRUE;

  embed::gst::add_pads(element_class, "ANY");
  gst_element_class_set_static_metadata(
      element_class, "Faces to MQTT or Kafka", "Filter/Metadata/Video",
      "Sends who comes and goes, or the faces of each frame, to an MQTT broker or to Kafka, and passes the "
      "frame "
      "on; for example: ... ! tripletdetect ! triplettrack ! tripletembed gallery=people.safetensors ! "
      "tripletpublish address=localhost:1883 camera=door ! fakesink",
      "The tripletembed authors");
}
