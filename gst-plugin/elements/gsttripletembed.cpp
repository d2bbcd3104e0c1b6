// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-tripletembed
 * @title: tripletembed
 *
 * Turns each face that a detector marked on the frame (a GstVideoRegionOfInterestMeta, from tripletdetect or
 * any other detector) into a 128-value embedding and names it by the nearest identity of a gallery. The
 * result is added to the frame's metadata: as params of the ROI meta in DL Streamer's tensor convention, and
 * as a custom meta `TripletEmbed` that survives conversion and scaling. Pixels are read, never copied or
 * written.
 *
 * The gallery's file is watched, and a new one is in use within a second; one that cannot be read leaves the
 * old one in use, with a warning message. The action signals `enroll` and `reject` (a name and a track),
 * `forget` (a name), `rename` and `merge` (two names), `save` and `reload` change the gallery in use at once,
 * and its file where the property `gallery` names one. Each returns whether it was done; a warning message
 * says why it was not.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! videoconvert ! tripletdetect ! tripletembed
 *   gallery=people.safetensors ! tripletjson location=names.jsonl ! fakesink
 * gst-launch-1.0 v4l2src ! videoconvert ! tripletdetect ! tripletembed gallery=people.safetensors !
 * tripletoverlay ! videoconvert ! autovideosink
 * gst-launch-1.0 v4l2src device=/dev/video0 ! videoconvert ! tripletdetect ! tripletembed ! tripletjson !
 *   fakesink v4l2src device=/dev/video1 ! videoconvert ! tripletdetect ! tripletembed ! tripletjson !
 * fakesink
 * ]|
 */
#include "elements/gsttripletembed.h"

#include <gst/video/video.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "elements/gallery_signals.h"
#include "glue/downstream_flow.h"
#include "glue/element_settings.h"
#include "glue/face_messages.h"
#include "glue/face_meta.h"
#include "glue/frame_time.h"
#include "glue/frame_warnings.h"
#include "glue/gobject_options.h"
#include "glue/gst_guard.h"
#include "glue/lateness.h"
#include "glue/stats_structure.h"
#include "glue/stream_events.h"
#include "glue/stream_items.h"
#include "glue/video_view.h"
#include "sessions/embed_session.h"
#include "sessions/gallery_actions.h"
#include "sessions/in_flight.h"

using embed::gst::EmbedSession;
using embed::gst::EmbedSettings;
using embed::gst::EventPtr;
using embed::gst::Frame;
using embed::gst::guarded;
using Item = embed::gst::StreamItem;

GST_DEBUG_CATEGORY_STATIC(gst_triplet_embed_debug);
#define GST_CAT_DEFAULT gst_triplet_embed_debug

namespace {

constexpr gint64 kStatsPause = G_TIME_SPAN_SECOND;

/// What the GObject points to.
struct State {
  // Guarded by the object lock.
  explicit State(GstElement* element) : settings(element, embed::gst::embed_options()) {
    session.live_gallery().on_trouble(
        [element](const embed::Error& error) { embed::gst::post_warning(element, error); });
  }

  embed::gst::ElementSettings<EmbedSettings> settings;

  // Of the thread that changes the state.
  bool told_of_software = false;

  // Thread-safe, or as their headers say.
  EmbedSession session;
  embed::gst::GalleryActions actions{session};
  embed::gst::InFlight<Item> way;
  embed::gst::Lateness lateness;
  embed::gst::DownstreamFlow downstream;
  std::atomic<GstClockTime> frame_duration{GST_CLOCK_TIME_NONE};  // Of the caps, for the latency query.
  std::atomic<bool> playing{false};  // Else frames come to a stop somewhere downstream.

  // Of the thread that holds the sink pad's stream lock.
  GstVideoInfo info{};
  GstSegment segment{};
  embed::gst::FrameWarnings warnings;
  guint64 frames = 0, late_frames = 0;  // Since the way to PAUSED, those in flight too.

  // Of the source pad's task, and while there is none, of the thread that changes the state.
  embed::gst::FaceMessages messages;
  gint64 last_stats = 0;  // Monotonic time of the last line of statistics in the debug log.
};

}  // namespace

struct _GstTripletEmbed {
  GstElement parent;
  GstPad* sink;
  GstPad* src;
  State* state;
};

G_DEFINE_TYPE(GstTripletEmbed, gst_triplet_embed, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(tripletembed, "tripletembed", GST_RANK_NONE, GST_TYPE_TRIPLET_EMBED)

static std::shared_ptr<const EmbedSettings> settings_of(GstTripletEmbed* self) {
  return self->state->settings.get();
}

static guint stats_property_id() {
  return static_cast<guint>(embed::gst::embed_options().size() + 1);
}

static GstStructure* make_stats(GstTripletEmbed* self) {
  return embed::gst::stats_structure(self->state->session.stats(), self->state->way.depth());
}

static void gst_triplet_embed_set_property(GObject* object, guint id, const GValue* value,
                                           GParamSpec* pspec) {
  GstTripletEmbed* self = GST_TRIPLET_EMBED(object);
  self->state->settings.set_property(id, value, pspec);
  // In READY and below it is taken on the way up, where a bad file is an error.
  const bool started = GST_STATE(self) > GST_STATE_READY || GST_STATE_NEXT(self) > GST_STATE_READY;
  if (started && g_str_equal(pspec->name, "gallery"))
    self->state->session.live_gallery().set_location(settings_of(self)->gallery);
}

static void gst_triplet_embed_get_property(GObject* object, guint id, GValue* value, GParamSpec* pspec) {
  GstTripletEmbed* self = GST_TRIPLET_EMBED(object);
  if (id == stats_property_id()) {
    g_value_take_boxed(value, make_stats(self));
    return;
  }
  GST_TRIPLET_EMBED(object)->state->settings.get_property(id, value, pspec);
}

// --- the sink pad's thread: from a buffer to a frame on the way

static void read_regions(GstTripletEmbed* self, Frame& frame) {
  const bool whole = frame.settings->full_frame;
  const bool bare = !embed::gst::has_regions(frame.buffer.get());
  if (!whole) self->state->warnings.see(self->sink, bare);
  if (!whole && bare) return;
  // Ours alone from here on, so that what is read now can be written to once the faces are embedded.
  GstBuffer* buffer = gst_buffer_make_writable(frame.buffer.release());
  frame.buffer.reset(buffer);
  frame.list = whole ? embed::gst::add_whole_frame(buffer, "frame", frame.width, frame.height)
                     : embed::gst::read_rois(buffer, frame.settings->object_class, frame.width, frame.height,
                                             frame.settings->max_faces);
  if (whole) return;
  self->state->warnings.see_surplus(GST_ELEMENT(self), frame.list.surplus, frame.settings->max_faces);
  self->state->warnings.see_types(GST_ELEMENT(self), buffer, frame.list, frame.settings->object_class);
  embed::gst::assign_ids(frame.list);
}

// Decides what is to be done with a frame, cuts its faces and puts them in line. The pixels are not looked at
// after that.
static void begin(GstTripletEmbed* self, Frame& frame) {
  State& state = *self->state;
  frame.time = embed::gst::time_of(GST_ELEMENT(self), state.segment, frame.buffer.get());
  read_regions(self, frame);
  const bool late = frame.settings->qos && state.lateness.is_late(state.segment, frame.buffer.get());
  frame.plan = state.session.plan(frame.list.rois, frame.width, frame.height, *frame.settings, late);
  frame.plan.surplus = frame.list.surplus;
  if (const GstClockTime time = GST_BUFFER_PTS(frame.buffer.get()); GST_CLOCK_TIME_IS_VALID(time))
    frame.plan.time =
        std::chrono::nanoseconds(static_cast<std::int64_t>(MIN(time, GstClockTime{G_MAXINT64})));
  ++state.frames;
  if (late && frame.plan.late) {
    ++state.late_frames;
    GST_DEBUG_OBJECT(self, "too late to be embedded: %" GST_PTR_FORMAT,
                     static_cast<gpointer>(frame.buffer.get()));
    state.lateness.post(GST_ELEMENT(self), state.segment, frame.buffer.get(),
                        state.frames - state.late_frames, state.late_frames);
  }
  if (state.warnings.due(frame.plan.rejected)) {
    GST_WARNING_OBJECT(self,
                       "%" G_GSIZE_FORMAT
                       " regions of this frame have no area, lie outside it or are huge; the property "
                       "'stats' counts them",
                       frame.plan.rejected);
  }
  if (!frame.plan.needs_pixels()) return;
  const embed::gst::MappedFrame pixels(state.info, frame.buffer.get());
  state.session.submit(pixels.view(), frame.plan);
  if (!state.playing) state.session.rest();
}

static GstFlowReturn gst_triplet_embed_chain(GstPad*, GstObject* parent, GstBuffer* buffer) {
  GstTripletEmbed* self = GST_TRIPLET_EMBED(parent);
  State& state = *self->state;
  Frame frame;
  frame.buffer.reset(buffer);
  frame.settings = settings_of(self);
  frame.width = GST_VIDEO_INFO_WIDTH(&state.info);
  frame.height = GST_VIDEO_INFO_HEIGHT(&state.info);
  if (frame.width == 0) return GST_FLOW_NOT_NEGOTIATED;
  const GstFlowReturn result = guarded(GST_ELEMENT(self), GST_FLOW_ERROR, [self, &state, &frame] {
    if (const auto flow = state.downstream.ask(); flow != GST_FLOW_OK) return flow;
    if (!state.way.reserve(state.session.room(*frame.settings))) return GST_FLOW_FLUSHING;
    // Again, for what was answered while this thread waited for room.
    if (const auto flow = state.downstream.ask(); flow != GST_FLOW_OK) return flow;
    begin(self, frame);
    if (!state.way.push(Item(std::move(frame)), true)) return GST_FLOW_FLUSHING;
    return state.downstream.ask();
  });
  if (result != GST_FLOW_OK) state.session.rest();  // Upstream stops at that.
  return result;
}

// --- the source pad's task: from a frame on the way to a buffer

static void send_frame(GstTripletEmbed* self, Frame& frame) {
  State& state = *self->state;
  if (!state.downstream.is_open()) return;
  const GstFlowReturn done = guarded(GST_ELEMENT(self), GST_FLOW_ERROR, [&] {
    if (!state.session.complete(frame.plan, *frame.settings)) return GST_FLOW_FLUSHING;
    embed::gst::write_identities(frame.buffer.get(), frame.list, frame.plan.identities,
                                 state.session.model_name(), frame.width, frame.height);
    state.session.finish(frame.plan);
    state.messages.see(self->sink, frame);
    embed::gst::tell_of_strangers(GST_ELEMENT(self), state.session.take_trouble());
    return GST_FLOW_OK;
  });
  if (done == GST_FLOW_OK) {
    state.downstream.take(gst_pad_push(self->src, frame.buffer.release()));
  } else {
    state.downstream.take(done, true);
  }
}

static void send_event(GstTripletEmbed* self, EventPtr event) {
  State& state = *self->state;
  if (embed::gst::begins_segment(event.get())) state.downstream.segment_leaves();
  if (embed::gst::begins_pictures(event.get())) state.session.forget();
  if (GST_EVENT_TYPE(event.get()) == GST_EVENT_EOS) {
    state.messages.end(GST_ELEMENT(self));
    // Nothing follows the end of the stream whose return value could tell upstream.
    const GstFlowReturn flow = state.downstream.untold_error();
    if (flow != GST_FLOW_OK) GST_ELEMENT_FLOW_ERROR(self, flow);
  } else if (!state.downstream.is_open()) {
    if (GST_EVENT_IS_STICKY(event.get())) gst_pad_store_sticky_event(self->src, event.get());
    return;
  }
  gst_pad_push_event(self->src, event.release());
}

static void log_stats(GstTripletEmbed* self) {
  const gint64 now = g_get_monotonic_time();
  if (gst_debug_category_get_threshold(GST_CAT_DEFAULT) < GST_LEVEL_DEBUG ||
      now - self->state->last_stats < kStatsPause)
    return;
  self->state->last_stats = now;
  GstStructure* stats = make_stats(self);
  GST_DEBUG_OBJECT(self, "%" GST_PTR_FORMAT, static_cast<gpointer>(stats));
  gst_structure_free(stats);
}

static void gst_triplet_embed_loop(gpointer pad) {
  GstTripletEmbed* self = GST_TRIPLET_EMBED(GST_PAD_PARENT(GST_PAD(pad)));
  State& state = *self->state;
  Item item;
  if (!state.way.pop(item)) {
    gst_pad_pause_task(self->src);
    return;
  }
  if (auto* event = std::get_if<EventPtr>(&item)) {
    send_event(self, std::move(*event));
  } else {
    send_frame(self, std::get<Frame>(item));
    log_stats(self);
  }
  state.way.done();
}

// --- starting and stopping

// Ends all waiting in either thread and returns what was in line. A frame that is being pushed is let go by
// downstream.
static std::vector<Item> halt(GstTripletEmbed* self) {
  std::vector<Item> dropped = self->state->way.flush();
  self->state->session.withdraw();
  return dropped;
}

// Upstream sends caps and tags once: those that were in line wait on the source pad for the next frame.
static void flush(GstTripletEmbed* self) {
  const std::vector<Item> dropped = halt(self);
  gst_pad_pause_task(self->src);  // Events that the task has taken out of the line come before the others.
  for (const Item& item : dropped) {
    if (const auto* event = std::get_if<EventPtr>(&item)) embed::gst::keep_sticky(self->src, event->get());
  }
}

static gboolean go(GstTripletEmbed* self) {
  State& state = *self->state;
  state.session.withdraw();  // What the sink pad's thread put in line while all was being flushed.
  state.session.forget();
  state.lateness.reset();
  state.downstream.reset();
  state.way.restart();
  return gst_pad_start_task(self->src, gst_triplet_embed_loop, self->src, nullptr);
}

static gboolean gst_triplet_embed_src_activate_mode(GstPad* pad, GstObject* parent, GstPadMode mode,
                                                    gboolean active) {
  if (mode != GST_PAD_MODE_PUSH) return FALSE;
  if (active != FALSE) return go(GST_TRIPLET_EMBED(parent));
  halt(GST_TRIPLET_EMBED(parent));
  return gst_pad_stop_task(pad);
}

static gboolean open_session(GstTripletEmbed* self) {
  return guarded(GST_ELEMENT(self), FALSE, [self] {
    self->state->session.open(*settings_of(self));
    GST_INFO_OBJECT(self, "%s", self->state->session.description().c_str());
    const auto asked = settings_of(self)->embedder.batch_size;
    if (const auto got = self->state->session.batch_size(); got != asked) {
      GST_WARNING_OBJECT(self,
                         "the model is shared with an element that opened it with batch-size=%" G_GSIZE_FORMAT
                         ", which stays; batch-size=%" G_GSIZE_FORMAT " is not used",
                         got, asked);
    }
    if (self->state->session.in_software() && !std::exchange(self->state->told_of_software, true)) {
      GST_ELEMENT_WARNING(
          self, LIBRARY, SETTINGS,
          ("this CPU computes %s in software, many times slower than fp32: precision=auto takes "
           "what it has",
           settings_of(self)->embedder.precision.c_str()),
          (nullptr));
    }
    return TRUE;
  });
}

// The model is opened on the way to READY, so that a broken file stops the pipeline there, before any data
// flows; and again on the way to PAUSED, as properties may have changed in READY.
static GstStateChangeReturn gst_triplet_embed_change_state(GstElement* element, GstStateChange transition) {
  GstTripletEmbed* self = GST_TRIPLET_EMBED(element);
  State& state = *self->state;
  if (transition == GST_STATE_CHANGE_NULL_TO_READY || transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    if (open_session(self) == FALSE) return GST_STATE_CHANGE_FAILURE;
    state.warnings.restart();
    state.frames = state.late_frames = 0;
    gst_video_info_init(&state.info);
    gst_segment_init(&state.segment, GST_FORMAT_UNDEFINED);
  }
  // From PLAYING to PLAYING, as by gst_element_sync_state_with_parent(), nothing changes.
  if (transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING) state.playing = true;
  if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED) {
    state.playing = false;
    state.session.rest();
  }
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(gst_triplet_embed_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) state.messages.end(element);
  if (transition == GST_STATE_CHANGE_READY_TO_NULL) {
    state.session.close();
    state.told_of_software = false;
  }
  return result;
}

// --- events and queries

static gboolean set_caps(GstTripletEmbed* self, GstEvent* event) {
  GstCaps* caps = nullptr;
  gst_event_parse_caps(event, &caps);
  GstVideoInfo info;
  if (gst_video_info_from_caps(&info, caps) == FALSE) return FALSE;
  self->state->info = info;
  self->state->frame_duration =
      info.fps_n > 0 ? gst_util_uint64_scale_int(GST_SECOND, info.fps_d, info.fps_n) : GST_CLOCK_TIME_NONE;
  return TRUE;
}

static GstFlowReturn as_flow(gboolean taken) {
  return taken != FALSE ? GST_FLOW_OK : GST_FLOW_ERROR;
}

// Says what a frame in the event's place would be told. A mere "no" is an error for upstream, also when all
// that happened is that a change of state has stopped the source pad already.
static GstFlowReturn gst_triplet_embed_sink_event(GstPad*, GstObject* parent, GstEvent* event) {
  GstTripletEmbed* self = GST_TRIPLET_EMBED(parent);
  EventPtr owned(event);
  if (embed::gst::begins_pictures(event)) self->state->session.restart();
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_FLUSH_START: {
      const gboolean sent = gst_pad_push_event(self->src, owned.release());
      flush(self);
      return as_flow(sent);
    }
    case GST_EVENT_FLUSH_STOP: {
      const gboolean sent = gst_pad_push_event(self->src, owned.release());
      gst_segment_init(&self->state->segment, GST_FORMAT_UNDEFINED);
      flush(self);  // For upstream that did not begin the flush.
      // Not when a change of state has stopped the source pad meanwhile.
      if (GST_PAD_IS_ACTIVE(self->src)) go(self);
      return as_flow(sent);
    }
    case GST_EVENT_CAPS:
      if (set_caps(self, event) == FALSE) return GST_FLOW_NOT_NEGOTIATED;
      break;
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment(event, &self->state->segment);
      self->state->downstream.segment_comes();
      break;
    case GST_EVENT_STREAM_START:
      self->state->downstream.segment_comes();
      break;
    case GST_EVENT_EOS:
      self->state->warnings.end(self->sink, settings_of(self)->object_class);
      self->state->session.rest();
      break;
    case GST_EVENT_SEGMENT_DONE:
    case GST_EVENT_GAP:
      self->state->session.rest();  // No frame follows for now.
      break;
    default:
      if (!GST_EVENT_IS_SERIALIZED(event)) return as_flow(gst_pad_push_event(self->src, owned.release()));
      break;
  }
  return self->state->way.push(Item(std::move(owned)), false) ? GST_FLOW_OK : GST_FLOW_FLUSHING;
}

static gboolean gst_triplet_embed_src_event(GstPad* pad, GstObject* parent, GstEvent* event) {
  State& state = *GST_TRIPLET_EMBED(parent)->state;
  if (GST_EVENT_TYPE(event) == GST_EVENT_QOS) state.lateness.observe(event);
  if (GST_EVENT_TYPE(event) == GST_EVENT_RECONFIGURE) state.downstream.relinked();
  return gst_pad_event_default(pad, parent, event);
}

static gboolean gst_triplet_embed_sink_query(GstPad* pad, GstObject* parent, GstQuery* query) {
  GstTripletEmbed* self = GST_TRIPLET_EMBED(parent);
  if (!GST_QUERY_IS_SERIALIZED(query)) return gst_pad_query_default(pad, parent, query);
  // Downstream must have seen all that came before; and while this thread asks, nothing else is sent.
  if (!self->state->way.drain()) return FALSE;
  if (gst_pad_peer_query(self->src, query) == FALSE) return FALSE;
  if (GST_QUERY_TYPE(query) == GST_QUERY_ALLOCATION) {
    embed::gst::ask_for_more_buffers(query, self->state->session.most_frames(*settings_of(self)));
    embed::gst::withhold_crop(query);
  }
  return TRUE;
}

static gboolean answer_latency(GstTripletEmbed* self, GstQuery* query) {
  const GstClockTime duration = self->state->frame_duration;
  const embed::gst::EmbedSession& session = self->state->session;
  const GstClockTime held =
      GST_CLOCK_TIME_IS_VALID(duration) ? session.most_frames(*settings_of(self)) * duration : 0;
  return embed::gst::answer_latency(self->sink, query, session.batch_timeout(), held);
}

static gboolean gst_triplet_embed_src_query(GstPad* pad, GstObject* parent, GstQuery* query) {
  if (GST_QUERY_TYPE(query) == GST_QUERY_LATENCY) return answer_latency(GST_TRIPLET_EMBED(parent), query);
  return gst_pad_query_default(pad, parent, query);
}

// --- the class

static void gst_triplet_embed_finalize(GObject* object) {
  delete GST_TRIPLET_EMBED(object)->state;
  G_OBJECT_CLASS(gst_triplet_embed_parent_class)->finalize(object);
}

static void gst_triplet_embed_init(GstTripletEmbed* self) {
  self->state = new State(GST_ELEMENT(self));
  auto* element_class = GST_ELEMENT_GET_CLASS(self);
  self->sink = gst_pad_new_from_template(gst_element_class_get_pad_template(element_class, "sink"), "sink");
  gst_pad_set_chain_function(self->sink, gst_triplet_embed_chain);
  gst_pad_set_event_full_function(self->sink, gst_triplet_embed_sink_event);
  gst_pad_set_query_function(self->sink, gst_triplet_embed_sink_query);
  self->src = gst_pad_new_from_template(gst_element_class_get_pad_template(element_class, "src"), "src");
  gst_pad_set_activatemode_function(self->src, gst_triplet_embed_src_activate_mode);
  gst_pad_set_event_function(self->src, gst_triplet_embed_src_event);
  gst_pad_set_query_function(self->src, gst_triplet_embed_src_query);
  for (GstPad* pad : {self->sink, self->src}) {
    GST_PAD_SET_PROXY_CAPS(pad);
    gst_element_add_pad(GST_ELEMENT(self), pad);
  }
}

static void gst_triplet_embed_class_init(GstTripletEmbedClass* klass) {
  auto* object_class = G_OBJECT_CLASS(klass);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  GST_DEBUG_CATEGORY_INIT(gst_triplet_embed_debug, "tripletembed", 0, "Names faces");

  object_class->set_property = gst_triplet_embed_set_property;
  object_class->get_property = gst_triplet_embed_get_property;
  object_class->finalize = gst_triplet_embed_finalize;
  embed::gst::install_options(object_class, "GstTripletEmbed", embed::gst::embed_options());
  g_object_class_install_property(
      object_class, stats_property_id(),
      g_param_spec_boxed(
          "stats", "stats",
          "Counts of frames, faces (embedded, named, by reason without a name), batches and late frames, and "
          "times in ns",
          GST_TYPE_STRUCTURE, static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));

  embed::gst::install_gallery_signals(object_class, [](GstElement* element) -> embed::gst::GalleryActions& {
    return GST_TRIPLET_EMBED(element)->state->actions;
  });

  element_class->change_state = gst_triplet_embed_change_state;

  embed::gst::add_pads(element_class, embed::gst::video_caps().c_str());
  gst_element_class_set_static_metadata(
      element_class, "Face embedder", "Filter/Analyzer/Video",
      "Embeds the faces that a detector marked and names them by the nearest identity of a gallery; for "
      "example: "
      "... ! videoconvert ! tripletdetect ! tripletembed gallery=people.safetensors ! tripletoverlay ! ...",
      "The tripletembed authors");
}
