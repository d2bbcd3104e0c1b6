// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-tripletoverlay
 * @title: tripletoverlay
 *
 * Draws a box around each face and its name, in any script, with the distance to the nearest identity; every
 * identity has a colour of its own, the same in every run, and faces without a name are grey. The only
 * element of the plugin that writes pixels; a frame without faces is not touched. With `cover` it makes faces
 * unrecognisable; a covered face gets neither box nor name.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! videoconvert ! tripletdetect ! tripletembed
 *   gallery=people.safetensors ! tripletoverlay ! videoconvert ! x264enc ! mp4mux ! filesink
 * location=named.mp4
 * ]|
 */
#include "elements/gsttripletoverlay.h"

#include <gst/video/video.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "embed/error.h"
#include "glue/checked_map.h"
#include "glue/element_settings.h"
#include "glue/face_meta.h"
#include "glue/frame_time.h"
#include "glue/gobject_options.h"
#include "glue/gst_guard.h"
#include "glue/video_view.h"
#include "sessions/overlay_session.h"

using embed::gst::guarded;
using embed::gst::OverlaySettings;

GST_DEBUG_CATEGORY_STATIC(gst_triplet_overlay_debug);
#define GST_CAT_DEFAULT gst_triplet_overlay_debug

namespace {

/// What the GObject points to. `values` and `settings` are guarded by the object lock; the rest belongs to
/// the streaming thread.
struct State {
  explicit State(GstElement* element) : settings(element, embed::gst::overlay_options()) {}

  embed::gst::ElementSettings<OverlaySettings> settings;
  GstVideoInfo info{};
  embed::gst::FaceCover cover;
  bool told_of_surplus = false;
  bool told_of_lost_regions = false;
  bool told_of_letters = false;
};

}  // namespace

struct _GstTripletOverlay {
  GstBaseTransform parent;
  State* state;
};

G_DEFINE_TYPE(GstTripletOverlay, gst_triplet_overlay, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(tripletoverlay, "tripletoverlay", GST_RANK_NONE, GST_TYPE_TRIPLET_OVERLAY)

static std::shared_ptr<const OverlaySettings> settings_of(GstTripletOverlay* self) {
  return self->state->settings.get();
}

static void gst_triplet_overlay_set_property(GObject* object, guint id, const GValue* value,
                                             GParamSpec* pspec) {
  GST_TRIPLET_OVERLAY(object)->state->settings.set_property(id, value, pspec);
}

static void gst_triplet_overlay_get_property(GObject* object, guint id, GValue* value, GParamSpec* pspec) {
  GST_TRIPLET_OVERLAY(object)->state->settings.get_property(id, value, pspec);
}

static gboolean gst_triplet_overlay_set_caps(GstBaseTransform* trans, GstCaps* incaps, GstCaps*) {
  return gst_video_info_from_caps(&GST_TRIPLET_OVERLAY(trans)->state->info, incaps);
}

static gboolean gst_triplet_overlay_start(GstBaseTransform* trans) {
  State& state = *GST_TRIPLET_OVERLAY(trans)->state;
  state.cover = {};
  state.told_of_surplus = state.told_of_lost_regions = state.told_of_letters = false;
  return TRUE;
}

static GstVideoOverlayRectangle* make_rectangle(const embed::gst::Patch& patch) {
  GstBuffer* pixels = gst_buffer_new_memdup(patch.pixels.data(), patch.pixels.size());
  gst_buffer_add_video_meta(pixels, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB,
                            static_cast<guint>(patch.width), static_cast<guint>(patch.height));
  GstVideoOverlayRectangle* rectangle = gst_video_overlay_rectangle_new_raw(
      pixels, patch.x, patch.y, static_cast<guint>(patch.width), static_cast<guint>(patch.height),
      GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA);
  gst_buffer_unref(pixels);
  return rectangle;
}

/// GStreamer's blending reads a pixel of several bytes as one number, at an address that must be a multiple
/// of its size. Strides and offsets that a VideoMeta may bring can break that; the frame is then blended in a
/// copy.
static bool is_aligned(const GstVideoFrame& frame) {
  for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES(&frame); ++plane) {
    const auto size = static_cast<std::uintptr_t>(GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, plane));
    if (size != 2 && size != 4) continue;
    const auto address = reinterpret_cast<std::uintptr_t>(GST_VIDEO_FRAME_PLANE_DATA(&frame, plane));
    const auto stride = static_cast<std::uintptr_t>(GST_VIDEO_FRAME_PLANE_STRIDE(&frame, plane));
    if (address % size != 0 || stride % size != 0) return false;
  }
  return true;
}

static void blend(const std::vector<embed::gst::Patch>& patches, GstVideoFrame* frame) {
  GstVideoOverlayComposition* composition = gst_video_overlay_composition_new(nullptr);
  for (const auto& patch : patches) {
    GstVideoOverlayRectangle* rectangle = make_rectangle(patch);
    gst_video_overlay_composition_add_rectangle(composition, rectangle);
    gst_video_overlay_rectangle_unref(rectangle);
  }
  gst_video_overlay_composition_blend(composition, frame);
  gst_video_overlay_composition_unref(composition);
}

/// Whether fonts have all letters of the names.
static bool draw(const std::vector<embed::gst::Face>& faces, const OverlaySettings& settings,
                 GstVideoFrame* frame) {
  bool missing_letters = false;
  embed::gst::draw_faces(
      faces, GST_VIDEO_FRAME_WIDTH(frame), GST_VIDEO_FRAME_HEIGHT(frame), settings,
      static_cast<double>(embed::gst::pixel_aspect(frame->info)),
      [frame](const std::vector<embed::gst::Patch>& patches) {
        if (!patches.empty()) blend(patches, frame);
      },
      &missing_letters);
  return !missing_letters;
}

/// Of the frame's size: a GstVideoMeta may say that it is larger than the caps do.
static bool draw_in_copy(const std::vector<embed::gst::Face>& faces, const OverlaySettings& settings,
                         GstVideoFrame* frame) {
  GstVideoInfo info;
  gst_video_info_set_format(&info, GST_VIDEO_FRAME_FORMAT(frame),
                            static_cast<guint>(GST_VIDEO_FRAME_WIDTH(frame)),
                            static_cast<guint>(GST_VIDEO_FRAME_HEIGHT(frame)));
  info.colorimetry = frame->info.colorimetry;
  info.par_n = frame->info.par_n;
  info.par_d = frame->info.par_d;
  GstBuffer* buffer = gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&info), nullptr);
  GstVideoFrame copy;
  bool whole = true;
  if (gst_video_frame_map(&copy, &info, buffer, GST_MAP_READWRITE) != FALSE) {
    gst_video_frame_copy(&copy, frame);
    whole = draw(faces, settings, &copy);
    gst_video_frame_copy(frame, &copy);
    gst_video_frame_unmap(&copy);
  }
  gst_buffer_unref(buffer);
  return whole;
}

/// Colours without alpha. Throws Error(Unsupported) for samples that are not bytes.
static std::vector<embed::gst::SamplePlane> sample_planes(GstVideoFrame* frame) {
  std::vector<embed::gst::SamplePlane> planes;
  const GstVideoFormatInfo* format = frame->info.finfo;
  for (guint c = 0; c < MIN(GST_VIDEO_FRAME_N_COMPONENTS(frame), 3U); ++c) {
    if (GST_VIDEO_FORMAT_INFO_DEPTH(format, c) != 8) {
      throw embed::Error(embed::ErrorCode::Unsupported, std::string("faces on frames of format ") +
                                                            GST_VIDEO_FORMAT_INFO_NAME(format) +
                                                            " cannot be covered: expected 8 bits a sample");
    }
    const bool chroma = GST_VIDEO_FORMAT_INFO_IS_YUV(format) && c > 0;
    planes.push_back({GST_VIDEO_FRAME_COMP_DATA(frame, c), GST_VIDEO_FRAME_COMP_STRIDE(frame, c),
                      GST_VIDEO_FRAME_COMP_PSTRIDE(frame, c), GST_VIDEO_FRAME_COMP_WIDTH(frame, c),
                      GST_VIDEO_FRAME_COMP_HEIGHT(frame, c),
                      static_cast<int>(GST_VIDEO_FORMAT_INFO_W_SUB(format, c)),
                      static_cast<int>(GST_VIDEO_FORMAT_INFO_H_SUB(format, c)),
                      static_cast<std::uint8_t>(chroma ? 128 : 64)});
  }
  return planes;
}

struct Covering {
  std::vector<embed::gst::PixelRect> places;
  embed::gst::CoverStyle style;
};

/// What to cover; the faces that are covered are taken out of the list, and of the others all but the largest
/// max-faces.
static Covering take_covered(GstTripletOverlay* self, embed::gst::FaceList& list, GstBuffer* buffer,
                             const OverlaySettings& settings) {
  State& state = *self->state;
  const int width = GST_VIDEO_INFO_WIDTH(&state.info), height = GST_VIDEO_INFO_HEIGHT(&state.info);
  const auto time = embed::gst::time_of(GST_ELEMENT(self), GST_BASE_TRANSFORM(self)->segment, buffer).running;
  auto plan = state.cover.plan(list.faces, width, height, static_cast<std::int64_t>(time), settings.cover,
                               settings.cover_hold);
  if (list.without_region > 0 && !std::exchange(state.told_of_lost_regions, true)) {
    GST_ELEMENT_WARNING(
        self, STREAM, FAILED,
        ("the regions of faces were dropped on the way, for instance by a videoflip or videocrop "
         "behind tripletembed: nobody knows where the faces are, and whole frames are covered"),
        (nullptr));
  }
  if (list.without_region > 0 || plan.whole_frame) {
    list.faces.clear();
    return {{{0, 0, width, height}}, embed::gst::CoverStyle::Fill};
  }
  std::vector<embed::gst::Face> shown;
  shown.reserve(plan.shown.size());
  for (const std::size_t i : plan.shown) shown.push_back(std::move(list.faces[i]));
  list.faces = std::move(shown);
  if (settings.max_faces > 0 && list.faces.size() > settings.max_faces) {
    std::stable_sort(list.faces.begin(), list.faces.end(), [](const auto& a, const auto& b) {
      return a.box.width * a.box.height > b.box.width * b.box.height;
    });
    list.faces.resize(settings.max_faces);
    list.whole = false;
  }
  return {std::move(plan.covered), settings.cover_style};
}

static gboolean gst_triplet_overlay_propose_allocation(GstBaseTransform* trans, GstQuery* decided,
                                                       GstQuery* query) {
  const gboolean answered =
      GST_BASE_TRANSFORM_CLASS(gst_triplet_overlay_parent_class)->propose_allocation(trans, decided, query);
  embed::gst::withhold_crop(query);
  return answered;
}

static GstFlowReturn gst_triplet_overlay_transform_ip(GstBaseTransform* trans, GstBuffer* buffer) {
  GstTripletOverlay* self = GST_TRIPLET_OVERLAY(trans);
  return guarded(GST_ELEMENT(self), GST_FLOW_ERROR, [self, buffer] {
    State& state = *self->state;
    const auto settings = settings_of(self);
    const bool covers = settings->cover != embed::gst::Cover::None;
    auto list =
        embed::gst::read_most_faces(buffer, GST_VIDEO_INFO_WIDTH(&state.info),
                                    GST_VIDEO_INFO_HEIGHT(&state.info), covers ? 0 : settings->max_faces);
    Covering covering{};
    if (covers) covering = take_covered(self, list, buffer, *settings);
    if (!list.whole && !std::exchange(state.told_of_surplus, true)) {
      GST_ELEMENT_WARNING(self, STREAM, FAILED,
                          ("a frame has more than %" G_GSIZE_FORMAT
                           " faces; those with an identity, then the largest, are drawn (max-faces)",
                           settings->max_faces),
                          (nullptr));
    }
    if (list.faces.empty() && covering.places.empty()) return GST_FLOW_OK;
    embed::gst::refuse_crop(state.info, buffer);
    embed::gst::CheckedMap map(state.info, buffer, GST_MAP_READWRITE);
    if (!covering.places.empty()) {
      const auto planes = sample_planes(map.frame());
      for (const auto& place : covering.places) embed::gst::cover_pixels(planes, place, covering.style);
    }
    if (list.faces.empty()) return GST_FLOW_OK;
    const bool whole = (is_aligned(*map.frame()) ? draw : draw_in_copy)(list.faces, *settings, map.frame());
    if (!whole && !std::exchange(state.told_of_letters, true)) {
      GST_ELEMENT_WARNING(
          self, RESOURCE, NOT_FOUND,
          ("a name has letters that no installed font has, and boxes are drawn in their place: "
           "install a font of that script, for example Debian's fonts-noto-core or fonts-noto-cjk"),
          (nullptr));
    }
    return GST_FLOW_OK;
  });
}

static void gst_triplet_overlay_finalize(GObject* object) {
  delete GST_TRIPLET_OVERLAY(object)->state;
  G_OBJECT_CLASS(gst_triplet_overlay_parent_class)->finalize(object);
}

static void gst_triplet_overlay_init(GstTripletOverlay* self) {
  self->state = new State(GST_ELEMENT(self));
  gst_video_info_init(&self->state->info);
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
  gst_base_transform_set_qos_enabled(GST_BASE_TRANSFORM(self), TRUE);
}

static void gst_triplet_overlay_class_init(GstTripletOverlayClass* klass) {
  auto* object_class = G_OBJECT_CLASS(klass);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  auto* trans_class = GST_BASE_TRANSFORM_CLASS(klass);
  GST_DEBUG_CATEGORY_INIT(gst_triplet_overlay_debug, "tripletoverlay", 0, "Draws boxes and names");

  object_class->set_property = gst_triplet_overlay_set_property;
  object_class->get_property = gst_triplet_overlay_get_property;
  object_class->finalize = gst_triplet_overlay_finalize;
  embed::gst::install_options(object_class, "GstTripletOverlay", embed::gst::overlay_options());

  trans_class->start = gst_triplet_overlay_start;
  trans_class->set_caps = gst_triplet_overlay_set_caps;
  trans_class->propose_allocation = gst_triplet_overlay_propose_allocation;
  trans_class->transform_ip = gst_triplet_overlay_transform_ip;

  embed::gst::add_pads(element_class, embed::gst::video_caps().c_str());
  gst_element_class_set_static_metadata(
      element_class, "Face overlay", "Filter/Effect/Video",
      "Draws boxes and names of the faces on the frame; for example: ... ! tripletdetect ! tripletembed "
      "gallery=people.safetensors ! tripletoverlay ! videoconvert ! autovideosink",
      "The tripletembed authors");
}
