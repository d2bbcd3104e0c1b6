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
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! videoconvert ! tripletdetect ! tripletembed
 *   gallery=people.safetensors ! tripletjson location=names.jsonl ! fakesink
 * gst-launch-1.0 v4l2src ! videoconvert ! tripletdetect ! tripletembed gallery=people.safetensors !
 * tripletoverlay ! videoconvert ! autovideosink
 * ]|
 */
#include "gsttripletembed.h"

#include <gst/video/video.h>

#include <memory>

#include "detector_query.h"
#include "embed_session.h"
#include "face_meta.h"
#include "gobject_options.h"
#include "gst_guard.h"
#include "video_view.h"

using embed::gst::EmbedSession;
using embed::gst::EmbedSettings;
using embed::gst::guarded;

GST_DEBUG_CATEGORY_STATIC(gst_triplet_embed_debug);
#define GST_CAT_DEFAULT gst_triplet_embed_debug

namespace {

constexpr guint kFramesBeforeWarning = 100;
constexpr gint64 kWarningPause = 5 * G_TIME_SPAN_SECOND;

/// What the GObject points to. `values` and `settings` are guarded by the object lock; the rest belongs to
/// the streaming thread while there is one, else to the thread that changes the state.
struct State {
  embed::gst::OptionValues values{embed::gst::embed_options()};
  std::shared_ptr<const EmbedSettings> settings =
      std::make_shared<const EmbedSettings>(EmbedSettings::from(values));
  EmbedSession session;
  GstVideoInfo info{};
  guint bare_frames = 0;  // Frames without any ROI so far; stops counting at the first ROI or the warning.
  bool watch_bare = true;
  gint64 last_warning = 0;  // Monotonic time of the last warning about rejected ROIs.
};

}  // namespace

struct _GstTripletEmbed {
  GstBaseTransform parent;
  State* state;
};

G_DEFINE_TYPE(GstTripletEmbed, gst_triplet_embed, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(tripletembed, "tripletembed", GST_RANK_NONE, GST_TYPE_TRIPLET_EMBED)

static std::shared_ptr<const EmbedSettings> settings_of(GstTripletEmbed* self) {
  GST_OBJECT_LOCK(self);
  auto settings = self->state->settings;
  GST_OBJECT_UNLOCK(self);
  return settings;
}

static guint stats_property_id() {
  return static_cast<guint>(embed::gst::embed_options().size() + 1);
}

static GstStructure* make_stats(const embed::gst::EmbedStats& stats) {
  GstStructure* s = gst_structure_new(
      "tripletembed-stats", "frames", G_TYPE_UINT64, stats.frames, "faces", G_TYPE_UINT64, stats.faces,
      "embedded", G_TYPE_UINT64, stats.embedded, "named", G_TYPE_UINT64, stats.named, "rejected",
      G_TYPE_UINT64, stats.rejected, "batches", G_TYPE_UINT64, stats.batches, "preprocess-time",
      G_TYPE_UINT64, stats.preprocess_time, "infer-time", G_TYPE_UINT64, stats.infer_time, "match-time",
      G_TYPE_UINT64, stats.match_time, nullptr);
  for (const char* reason : {"small", "outside", "far", "ambiguous", "skipped", "no-gallery"}) {
    const auto found = stats.unnamed.find(reason);
    const guint64 count = found != stats.unnamed.end() ? found->second : 0;
    gst_structure_set(s, reason, G_TYPE_UINT64, count, nullptr);
  }
  return s;
}

static void gst_triplet_embed_set_property(GObject* object, guint id, const GValue* value,
                                           GParamSpec* pspec) {
  GstTripletEmbed* self = GST_TRIPLET_EMBED(object);
  GST_OBJECT_LOCK(self);
  const bool known = embed::gst::set_option(self->state->values, id, value);
  if (known)
    self->state->settings = std::make_shared<const EmbedSettings>(EmbedSettings::from(self->state->values));
  GST_OBJECT_UNLOCK(self);
  if (!known) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_triplet_embed_get_property(GObject* object, guint id, GValue* value, GParamSpec* pspec) {
  GstTripletEmbed* self = GST_TRIPLET_EMBED(object);
  if (id == stats_property_id()) {
    g_value_take_boxed(value, make_stats(self->state->session.stats()));
    return;
  }
  GST_OBJECT_LOCK(self);
  const bool known = embed::gst::get_option(self->state->values, id, value);
  GST_OBJECT_UNLOCK(self);
  if (!known) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static gboolean open_session(GstTripletEmbed* self) {
  return guarded(GST_ELEMENT(self), FALSE, [self] {
    self->state->session.open(*settings_of(self));
    GST_INFO_OBJECT(self, "%s", self->state->session.description().c_str());
    return TRUE;
  });
}

// Weights are loaded on the way to READY, so that a broken file stops the pipeline there, before any data
// flows.
static GstStateChangeReturn gst_triplet_embed_change_state(GstElement* element, GstStateChange transition) {
  GstTripletEmbed* self = GST_TRIPLET_EMBED(element);
  if (transition == GST_STATE_CHANGE_NULL_TO_READY && open_session(self) == FALSE)
    return GST_STATE_CHANGE_FAILURE;
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(gst_triplet_embed_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_READY_TO_NULL) self->state->session.close();
  return result;
}

// Again on the way to PAUSED: properties may have changed in READY. Does nothing when they have not.
static gboolean gst_triplet_embed_start(GstBaseTransform* trans) {
  GstTripletEmbed* self = GST_TRIPLET_EMBED(trans);
  self->state->bare_frames = 0;
  self->state->watch_bare = true;
  return open_session(self);
}

static gboolean gst_triplet_embed_set_caps(GstBaseTransform* trans, GstCaps* incaps, GstCaps*) {
  return gst_video_info_from_caps(&GST_TRIPLET_EMBED(trans)->state->info, incaps);
}

static void warn_of_bare_frames(GstTripletEmbed* self, bool bare) {
  State& state = *self->state;
  if (!state.watch_bare) return;
  if (!bare) {
    state.watch_bare = false;
    return;
  }
  if (++state.bare_frames < kFramesBeforeWarning) return;
  state.watch_bare = false;
  if (embed::gst::detector_upstream(GST_BASE_TRANSFORM_SINK_PAD(self))) return;
  GST_ELEMENT_WARNING(
      self, STREAM, FAILED,
      ("%u frames have come without a region of interest: tripletembed needs a face detector upstream, "
       "for example tripletdetect",
       kFramesBeforeWarning),
      (nullptr));
}

static void warn_of_rejected(GstTripletEmbed* self, std::size_t rejected) {
  const gint64 now = g_get_monotonic_time();
  State& state = *self->state;
  if (rejected == 0 || (state.last_warning != 0 && now - state.last_warning < kWarningPause)) return;
  state.last_warning = now;
  GST_WARNING_OBJECT(self,
                     "%" G_GSIZE_FORMAT
                     " regions of this frame have no area, lie outside it or are huge; the property "
                     "'stats' counts them",
                     rejected);
}

static void process(GstTripletEmbed* self, GstBuffer* buffer, const EmbedSettings& settings) {
  State& state = *self->state;
  const int width = GST_VIDEO_INFO_WIDTH(&state.info);
  const int height = GST_VIDEO_INFO_HEIGHT(&state.info);
  embed::gst::RoiList list;
  if (settings.full_frame) {
    auto* meta = embed::gst::add_whole_frame(buffer, "frame", width, height);
    list.metas.push_back(meta);
    embed::gst::Roi roi;
    roi.id = meta->id;
    roi.type = "frame";
    roi.box = {0, 0, width, height};
    list.rois.push_back(roi);
  } else {
    warn_of_bare_frames(self, gst_buffer_get_video_region_of_interest_meta(buffer) == nullptr);
    list = embed::gst::read_rois(buffer, settings.object_class, width, height);
    embed::gst::assign_ids(list);
  }
  auto plan = state.session.plan(list.rois, width, height, settings);
  if (plan.needs_pixels()) {
    const embed::gst::MappedFrame frame(state.info, buffer);
    state.session.embed(frame.view(), plan, settings);
  }
  state.session.finish(plan);
  warn_of_rejected(self, plan.rejected);
  embed::gst::write_identities(buffer, list, plan.identities, state.session.model_name(), width, height);
}

static GstFlowReturn gst_triplet_embed_transform_ip(GstBaseTransform* trans, GstBuffer* buffer) {
  GstTripletEmbed* self = GST_TRIPLET_EMBED(trans);
  return guarded(GST_ELEMENT(self), GST_FLOW_ERROR, [self, buffer] {
    process(self, buffer, *settings_of(self));
    return GST_FLOW_OK;
  });
}

static void gst_triplet_embed_finalize(GObject* object) {
  delete GST_TRIPLET_EMBED(object)->state;
  G_OBJECT_CLASS(gst_triplet_embed_parent_class)->finalize(object);
}

static void gst_triplet_embed_init(GstTripletEmbed* self) {
  self->state = new State;
  gst_video_info_init(&self->state->info);
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
  gst_base_transform_set_qos_enabled(GST_BASE_TRANSFORM(self), TRUE);
}

static void gst_triplet_embed_class_init(GstTripletEmbedClass* klass) {
  auto* object_class = G_OBJECT_CLASS(klass);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  auto* trans_class = GST_BASE_TRANSFORM_CLASS(klass);
  GST_DEBUG_CATEGORY_INIT(gst_triplet_embed_debug, "tripletembed", 0, "Names faces");

  object_class->set_property = gst_triplet_embed_set_property;
  object_class->get_property = gst_triplet_embed_get_property;
  object_class->finalize = gst_triplet_embed_finalize;
  embed::gst::install_options(object_class, "GstTripletEmbed", embed::gst::embed_options());
  g_object_class_install_property(
      object_class, stats_property_id(),
      g_param_spec_boxed(
          "stats", "stats",
          "Counts of frames, faces (embedded, named, by reason without a name), batches, and times in ns",
          GST_TYPE_STRUCTURE, static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));

  element_class->change_state = gst_triplet_embed_change_state;
  trans_class->start = gst_triplet_embed_start;
  trans_class->set_caps = gst_triplet_embed_set_caps;
  trans_class->transform_ip = gst_triplet_embed_transform_ip;

  GstCaps* caps = gst_caps_from_string(GST_VIDEO_CAPS_MAKE(TRIPLETEMBED_VIDEO_FORMATS));
  gst_element_class_add_pad_template(element_class,
                                     gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, caps));
  gst_element_class_add_pad_template(element_class,
                                     gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, caps));
  gst_caps_unref(caps);
  gst_element_class_set_static_metadata(
      element_class, "Face embedder", "Filter/Analyzer/Video",
      "Embeds the faces that a detector marked and names them by the nearest identity of a gallery; for "
      "example: "
      "... ! videoconvert ! tripletdetect ! tripletembed gallery=people.safetensors ! tripletoverlay ! ...",
      "The tripletembed authors");
}
