// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-tripletbin
 * @title: tripletbin
 *
 * Finds, follows and names the faces of a video of any format, in one element. It holds
 * `videoconvert ! videoflip video-direction=auto ! videoconvert ! tripletdetect ! triplettrack !
 * tripletembed`, which are called convert, flip, convert-again, detect, track and embed. Their properties are
 * reached through GstChildProxy, as in `detect::detect-interval=3`.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! tripletbin gallery=people.safetensors !
 *   tripletjson location=names.jsonl ! fakesink
 * gst-launch-1.0 v4l2src ! decodebin ! tripletbin gallery=people.safetensors flip::video-direction=180 !
 *   tripletoverlay ! videoconvert ! autovideosink
 * ]|
 */
#include "elements/gsttripletbin.h"

#include <gst/pbutils/pbutils.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <vector>

#include "glue/gobject_options.h"
#include "glue/video_view.h"
#include "sessions/embed_settings.h"

namespace {

struct Child {
  const char* factory;
  const char* name;
  const char* package;  // Debian's.
};

/// In the order of the stream.
constexpr std::array<Child, 6> kChildren{{
    {"videoconvert", "convert", "gstreamer1.0-plugins-base"},
    {"videoflip", "flip", "gstreamer1.0-plugins-good"},
    {"videoconvert", "convert-again", "gstreamer1.0-plugins-base"},
    {"tripletdetect", "detect", "tripletembed"},
    {"triplettrack", "track", "tripletembed"},
    {"tripletembed", "embed", "tripletembed"},
}};

/// The properties of tripletembed that a first pipeline needs, as rows of its own table.
const std::vector<embed::gst::ElementOption>& bin_options() {
  static const std::vector<embed::gst::ElementOption> options = [] {
    constexpr std::string_view kNames[] = {"model", "gallery", "device", "camera"};
    std::vector<embed::gst::ElementOption> some;
    for (const auto& option : embed::gst::embed_options()) {
      if (std::find(std::begin(kNames), std::end(kNames), option.spec.name) != std::end(kNames))
        some.push_back(option);
    }
    return some;
  }();
  return options;
}

}  // namespace

struct _GstTripletBin {
  GstBin parent;
  std::array<GstElement*, kChildren.size()> children;  // Owned by the bin; null where GStreamer lacks one.
};

G_DEFINE_TYPE(GstTripletBin, gst_triplet_bin, GST_TYPE_BIN)
GST_ELEMENT_REGISTER_DEFINE(tripletbin, "tripletbin", GST_RANK_NONE, GST_TYPE_TRIPLET_BIN)

static void gst_triplet_bin_set_property(GObject* object, guint, const GValue* value, GParamSpec* pspec) {
  GstElement* embed = GST_TRIPLET_BIN(object)->children.back();
  if (embed != nullptr) g_object_set_property(G_OBJECT(embed), g_param_spec_get_name(pspec), value);
}

static void gst_triplet_bin_get_property(GObject* object, guint, GValue* value, GParamSpec* pspec) {
  GstElement* embed = GST_TRIPLET_BIN(object)->children.back();
  if (embed != nullptr) g_object_get_property(G_OBJECT(embed), g_param_spec_get_name(pspec), value);
}

static void set_ghost_target(GstTripletBin* self, const char* name, GstElement* child) {
  g_autoptr(GstPad) ghost = gst_element_get_static_pad(GST_ELEMENT(self), name);
  g_autoptr(GstPad) target = gst_element_get_static_pad(child, name);
  gst_ghost_pad_set_target(GST_GHOST_PAD(ghost), target);
}

// Makes the children that are not there yet and links them once all are. Returns the first that GStreamer
// lacks, else null.
static const Child* complete(GstTripletBin* self) {
  const Child* missing = nullptr;
  bool made = false;
  for (std::size_t i = 0; i < kChildren.size(); ++i) {
    GstElement*& child = self->children[i];
    if (child != nullptr) continue;
    child = gst_element_factory_make(kChildren[i].factory, kChildren[i].name);
    if (child == nullptr && missing == nullptr) missing = &kChildren[i];
    if (child == nullptr) continue;
    gst_bin_add(GST_BIN(self), child);
    made = true;
  }
  if (missing != nullptr || !made) return missing;
  gst_util_set_object_arg(G_OBJECT(self->children[1]), "video-direction", "auto");
  for (std::size_t i = 1; i < kChildren.size(); ++i)
    gst_element_link(self->children[i - 1], self->children[i]);
  set_ghost_target(self, "sink", self->children.front());
  set_ghost_target(self, "src", self->children.back());
  return nullptr;
}

// What is missing may have been installed since the element was made, as applications do upon the first of
// the two messages.
static GstStateChangeReturn gst_triplet_bin_change_state(GstElement* element, GstStateChange transition) {
  if (transition == GST_STATE_CHANGE_NULL_TO_READY) {
    if (const Child* missing = complete(GST_TRIPLET_BIN(element)); missing != nullptr) {
      gst_element_post_message(element, gst_missing_element_message_new(element, missing->factory));
      GST_ELEMENT_ERROR(element, CORE, MISSING_PLUGIN,
                        ("tripletbin needs the element '%s', which GStreamer does not have: install the "
                         "package %s",
                         missing->factory, missing->package),
                        (nullptr));
      return GST_STATE_CHANGE_FAILURE;
    }
  }
  return GST_ELEMENT_CLASS(gst_triplet_bin_parent_class)->change_state(element, transition);
}

static void gst_triplet_bin_init(GstTripletBin* self) {
  for (const char* name : {"sink", "src"}) {
    GstPadTemplate* pad = gst_element_class_get_pad_template(GST_ELEMENT_GET_CLASS(self), name);
    gst_element_add_pad(GST_ELEMENT(self), gst_ghost_pad_new_no_target_from_template(name, pad));
  }
  complete(self);
}

static void gst_triplet_bin_class_init(GstTripletBinClass* klass) {
  auto* object_class = G_OBJECT_CLASS(klass);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  gst_pb_utils_init();

  object_class->set_property = gst_triplet_bin_set_property;
  object_class->get_property = gst_triplet_bin_get_property;
  embed::gst::install_options(object_class, "GstTripletBin", bin_options());
  element_class->change_state = gst_triplet_bin_change_state;

  // videoconvert says which formats it takes; they grow with GStreamer's releases.
  embed::gst::add_pads(element_class, "video/x-raw", embed::gst::video_caps().c_str());
  gst_element_class_set_static_metadata(
      element_class, "Face recogniser", "Filter/Analyzer/Video/Bin",
      "Turns the frames of a video upright, and finds, follows and names the faces; it holds the elements "
      "convert, flip, convert-again, detect, track and embed, whose properties are set as in "
      "detect::detect-interval=3; for example: "
      "... ! decodebin ! tripletbin gallery=people.safetensors ! tripletjson ! fakesink",
      "The tripletembed authors");
}
