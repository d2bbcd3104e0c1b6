// SPDX-License-Identifier: LGPL-2.1-or-later
// What detectors, and elements between, may leave on a frame: regions with any numbers and params, and faces
// of tripletembed's own meta and GStreamer's analytics meta with any fields. From there to crops, names, JSON
// and drawn boxes.
#include <gst/gst.h>
#include <gst/video/video.h>

#if __has_include(<gst/analytics/analytics.h>)
#include <gst/analytics/analytics.h>
#endif

#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "embed/error.h"
#include "embed/preprocess.h"
#include "glue/face_meta.h"
#include "glue/tensor_params.h"
#include "sessions/json_session.h"
#include "sessions/overlay_session.h"
#include "sessions/roi_crops.h"
#include "sessions/track_session.h"
#include "values.h"

namespace fuzz {

namespace {

using BufferPtr = std::unique_ptr<GstBuffer, void (*)(GstBuffer*)>;

constexpr const char* kTexts[] = {"face", "Face",    "person", "", "identity", "\xC5\x81\x75\x6B",
                                  "???",  "a\x01\"b"};

/// A field of any type, as the reader expects it or not.
void set_field(Values& in, GstStructure* structure, const char* name) {
  switch (in.below(12)) {
    case 0:
      gst_structure_set(structure, name, G_TYPE_INT, in.bits<int>(), nullptr);
      break;
    case 1:
      gst_structure_set(structure, name, G_TYPE_UINT, in.bits<guint>(), nullptr);
      break;
    case 2:
      gst_structure_set(structure, name, G_TYPE_INT, static_cast<int>(in.below(80)), nullptr);
      break;
    case 3:
      gst_structure_set(structure, name, G_TYPE_UINT, static_cast<guint>(in.below(80)), nullptr);
      break;
    case 4:
      gst_structure_set(structure, name, G_TYPE_STRING, in.flag() ? in.of(kTexts) : nullptr, nullptr);
      break;
    case 5:
      gst_structure_set(structure, name, G_TYPE_BOOLEAN, in.flag() ? TRUE : FALSE, nullptr);
      break;
    case 6: {
      GBytes* bytes = g_bytes_new(nullptr, 0);
      if (in.flag()) {
        const std::vector<float> values(in.flag() ? 128 : in.below(200), static_cast<float>(in.real()));
        g_bytes_unref(bytes);
        bytes = g_bytes_new(values.data(), values.size() * sizeof(float));
      }
      gst_structure_set(structure, name, G_TYPE_BYTES, bytes, nullptr);
      g_bytes_unref(bytes);
      break;
    }
    case 7:
      gst_structure_set(structure, name, G_TYPE_VARIANT, g_variant_new_string("text"), nullptr);
      break;
    case 8:
      gst_structure_set(structure, name, GST_TYPE_FRACTION, 1, 2, nullptr);
      break;
    default:
      gst_structure_set(structure, name, G_TYPE_DOUBLE, in.real(), nullptr);
  }
}

void set_some(Values& in, GstStructure* structure, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (in.below(4) != 0) set_field(in, structure, name);
  }
}

GstStructure* param(Values& in, const GstVideoRegionOfInterestMeta* meta, int width, int height) {
  const char* names[] = {"detection", "landmarks", "classification", "other"};
  GstStructure* made = gst_structure_new_empty(in.of(names));
  if (in.flag()) {
    // As a detector writes them, or nearly.
    const auto part = [&in](double value, int whole) {
      return value / whole + (in.flag() ? 0 : in.real() / whole);
    };
    const double right = static_cast<double>(meta->x) + meta->w,
                 bottom = static_cast<double>(meta->y) + meta->h;
    gst_structure_set(made, "confidence", G_TYPE_DOUBLE, in.real(), "x_min", G_TYPE_DOUBLE,
                      part(meta->x, width), "x_max", G_TYPE_DOUBLE, part(right, width), "y_min",
                      G_TYPE_DOUBLE, part(meta->y, height), "y_max", G_TYPE_DOUBLE, part(bottom, height),
                      nullptr);
  }
  if (in.flag()) {
    std::vector<float> points(in.below(8) != 0 ? 10 : in.below(16));
    for (float& value : points) value = static_cast<float>(in.real());
    embed::gst::set_tensor(made, "m", "l", "landmark_points", points.data(), points.size());
  }
  if (in.once_in(4))
    set_some(in, made, {"confidence", "predicted", "x_min", "data_buffer", "attribute_name", "label"});
  return made;
}

void add_region(Values& in, GstBuffer* buffer, int width, int height) {
  const char* types[] = {"face", "FACE", "person", "", "\xFF\xFE", "f\xC3"};
  const auto number = [&in](int limit) {
    const guint edges[] = {0, 1, 65535, 65536, G_MAXINT, G_MAXUINT, 0x80000000U};
    return in.once_in(4) ? in.of(edges) : static_cast<guint>(in.below(static_cast<std::size_t>(limit) + 1));
  };
  const guint x = number(width), y = number(height), w = number(width), h = number(height);
  auto* meta = gst_buffer_add_video_region_of_interest_meta(buffer, in.of(types), x, y, w, h);
  meta->id = in.flag() ? static_cast<int>(in.below(4)) : in.bits<int>();
  for (std::size_t params = in.below(4); params > 0; --params)
    gst_video_region_of_interest_meta_add_param(meta, param(in, meta, width, height));
}

void add_stored(Values& in, GstBuffer* buffer) {
  GstCustomMeta* meta = gst_buffer_add_custom_meta(buffer, embed::gst::kMetaName);
  GValue faces = G_VALUE_INIT;
  g_value_init(&faces, GST_TYPE_ARRAY);
  const bool other = in.once_in(8);
  for (std::size_t count = in.below(4); count > 0; --count) {
    GValue value = G_VALUE_INIT;
    if (other) {
      g_value_init(&value, G_TYPE_INT);
    } else {
      g_value_init(&value, GST_TYPE_STRUCTURE);
      GstStructure* face = gst_structure_new_empty("face");
      set_some(in, face, {"id",         "type",      "x",           "y",
                          "width",      "height",    "frame_width", "frame_height",
                          "label",      "label_id",  "reason",      "distance",
                          "threshold",  "nearest",   "runner_up",   "runner_up_distance",
                          "confidence", "embedding", "predicted",   "predicted_region"});
      g_value_take_boxed(&value, face);
    }
    gst_value_array_append_and_take_value(&faces, &value);
  }
  GstStructure* structure = gst_custom_meta_get_structure(meta);
  if (in.once_in(8)) {
    set_field(in, structure, "faces");
    g_value_unset(&faces);
  } else {
    gst_structure_take_value(structure, "faces", &faces);
  }
}

#ifdef GST_ANALYTICS_RELATION_META_API_TYPE
/// Detections, classes and tracks with any numbers, and relations between any of them.
void add_relations(Values& in, GstBuffer* buffer) {
  GstAnalyticsRelationMeta* meta = gst_buffer_add_analytics_relation_meta(buffer);
  const auto number = [&in] {
    return in.once_in(4) ? in.bits<gint>() : static_cast<gint>(in.below(80)) - 10;
  };
  const auto word = [&in] { return in.once_in(8) ? 0 : g_quark_from_string(in.of(kTexts)); };
  for (std::size_t count = in.below(8); count > 0; --count) {
    GstAnalyticsMtd entry;
    const gint x = number(), y = number(), w = number(), h = number();
    const auto level = static_cast<gfloat>(in.real());
    switch (in.below(4)) {
      case 0:
        gst_analytics_relation_meta_add_one_cls_mtd(meta, level, word(), &entry);
        break;
      case 1:
        gst_analytics_relation_meta_add_tracking_mtd(meta, in.bits<guint64>(), in.bits<guint64>(), &entry);
        break;
      default:
        gst_analytics_relation_meta_add_od_mtd(meta, word(), x, y, w, h, level, &entry);
    }
  }
  for (std::size_t count = in.below(12); count > 0; --count) {
    const auto type = static_cast<GstAnalyticsRelTypes>(in.below(8) * GST_ANALYTICS_REL_TYPE_IS_PART_OF);
    // The meta has room for five from the beginning, so some of these lead to nowhere.
    const auto from = static_cast<guint>(in.below(5)), to = static_cast<guint>(in.below(5));
    gst_analytics_relation_meta_set_relation(meta, type, from, to);
  }
}
#else
void add_relations(Values&, GstBuffer*) {}
#endif

/// What check_roi lets pass is cut without an error.
void cut(const embed::gst::RoiList& list, int width, int height) {
  static const std::vector<std::uint8_t> pixels(
      static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3, 100);
  embed::ImageView view;
  view.width = width;
  view.height = height;
  view.planes[0] = pixels.data();
  view.strides[0] = std::ptrdiff_t{3} * width;
  embed::InputSpec input;
  input.width = input.height = 16;
  std::uint8_t crop[16 * 16 * 3];
  for (const auto& roi : list.rois) {
    const auto checked = embed::gst::check_roi(roi, width, height, 0);
    if (checked.region.has_value() == (checked.reason != embed::gst::Reason::None))
      broken("a region, or a reason why not");
    if (checked.region) embed::crop_face(view, *checked.region, input, crop);
  }
}

std::vector<embed::gst::Identity> identities(Values& in, std::size_t count) {
  std::vector<embed::gst::Identity> all(count);
  for (auto& one : all) {
    one.label = in.once_in(8) ? "\xFF" : in.of(kTexts);
    one.label_id = static_cast<int>(in.below(3)) - 1;
    if (in.flag()) one.distance = static_cast<float>(in.real());
    if (in.flag()) one.threshold = static_cast<float>(in.real());
    if (in.flag()) one.embedding.emplace();
    if (in.flag()) one.runner_up = in.of(kTexts);
    one.predicted = in.once_in(4);
  }
  return all;
}

void write_names(Values& in, GstBuffer* buffer, int width, int height) {
  auto list = embed::gst::read_rois(buffer, in.flag() ? "" : "person, face", width, height, in.below(6));
  embed::gst::assign_ids(list);
  std::set<int> ids;
  for (std::size_t i = 0; i < list.rois.size(); ++i) {
    const int id = list.rois[i].id;
    if (id == 0 || list.metas[i]->id != id || !ids.insert(id).second)
      broken("ids tell the regions of a frame apart");
  }
  cut(list, width, height);
  embed::gst::write_identities(buffer, list, identities(in, list.rois.size()), "weights", width, height);
  const auto faces = embed::gst::read_faces(buffer, width, height);
  std::size_t named = 0;
  for (const auto& face : faces) named += face.identity && ids.count(face.id) != 0 ? 1 : 0;
  if (named < list.rois.size()) broken("every region that was named has its identity");
}

/// The regions as triplettrack sees them on three frames, on some of which nobody looked.
void follow(Values& in, GstBuffer* buffer, int width, int height) {
  embed::gst::TrackSession session;
  const embed::gst::TrackSettings settings;
  for (int frame = 0; frame < 3; ++frame) {
    auto list = embed::gst::read_rois(buffer, "", width, height, in.below(6));
    embed::gst::assign_ids(list);
    const bool looked = in.flag();
    for (auto& roi : list.rois) roi.predicted = roi.predicted || !looked;
    const std::vector<const embed::Embedding*> none(list.rois.size(), nullptr);
    const auto& followed = session.take(list.rois, none, width, height, settings);
    std::set<int> tracks;
    for (const int track : followed.track_of)
      if (track != 0 && !tracks.insert(track).second) broken("two regions of a frame are two faces");
    for (const auto& face : followed.carried) {
      const embed::Rect& box = face.region.box;
      if (!(box.width > 0) || !(box.height > 0)) broken("a face that is carried on has a box");
      auto* meta = face.roi >= 0 ? list.metas[static_cast<std::size_t>(face.roi)] : nullptr;
      if (meta == nullptr) {
        meta = embed::gst::add_followed_face(buffer, face.type, face.region, face.confidence, width, height,
                                             std::nullopt);
      } else if (!embed::gst::move_followed_face(buffer, meta, face.region, face.confidence, width, height)) {
        meta = nullptr;
      }
      if (meta != nullptr &&
          (meta->x + std::int64_t{meta->w} > width || meta->y + std::int64_t{meta->h} > height))
        broken("a face that is carried on lies in the frame");
      if (meta != nullptr) embed::gst::set_track(meta, face.track);
    }
    embed::gst::write_tracks(buffer, width, height);
  }
}

void read_back(Values& in, GstBuffer* buffer, int width, int height) {
  const std::size_t most = in.below(4);
  const auto list = embed::gst::read_most_faces(buffer, width, height, most);
  if (most > 0 && list.faces.size() > most) broken("no more faces than were asked for");
  embed::gst::FrameFacts facts;
  facts.width = width;
  facts.height = height;
  facts.source = in.text(8);
  const std::string line = embed::gst::frame_to_json(facts, 1, list.faces, in.flag());
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (json.is_discarded() || line.find('\n') != std::string::npos) broken("a frame is a line of JSON");
  if (json["objects"].size() != list.faces.size()) broken("every face is an object of its own");
  constexpr int kLargest = 4000;  // A box is drawn on pixels of its own, as many as it has.
  if (width > kLargest || height > kLargest || !in.once_in(16)) return;
  const double aspects[] = {1, 1.0 / 16, 16, 1.3};
  for (const auto& patch : embed::gst::draw_faces(list.faces, width, height, {}, in.of(aspects))) {
    if (patch.x < 0 || patch.y < 0 || patch.width <= 0 || patch.height <= 0 ||
        patch.x + patch.width > width || patch.y + patch.height > height)
      broken("what is drawn lies inside the frame");
  }
}

}  // namespace

std::vector<Bytes> seeds() {
  return arbitrary_seeds(64, 400);
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr int kWidth = 64, kHeight = 48;
  static const bool ready = [] {
    gst_init(nullptr, nullptr);
    embed::gst::register_face_meta();
    g_log_set_always_fatal(
        static_cast<GLogLevelFlags>(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING));
    return true;
  }();
  if (!ready) return 0;
  fuzz::Values in(data, size);
  const fuzz::BufferPtr buffer(gst_buffer_new(), gst_buffer_unref);
  for (std::size_t regions = in.below(6); regions > 0; --regions)
    fuzz::add_region(in, buffer.get(), kWidth, kHeight);
  if (in.flag()) fuzz::add_stored(in, buffer.get());
  if (in.flag()) fuzz::add_relations(in, buffer.get());
  if (in.flag()) fuzz::read_back(in, buffer.get(), kWidth, kHeight);
  fuzz::write_names(in, buffer.get(), kWidth, kHeight);
  fuzz::follow(in, buffer.get(), kWidth, kHeight);
  const int sizes[] = {kWidth, 1, 4000, G_MAXINT, 0};
  fuzz::read_back(in, buffer.get(), in.of(sizes), in.of(sizes));
  return 0;
}
