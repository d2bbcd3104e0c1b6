// SPDX-License-Identifier: LGPL-2.1-or-later
#include "glue/face_meta_analytics.h"

#include <gst/analytics/analytics.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "glue/tensor_params.h"

namespace embed::gst::analytics {
namespace {

using Meta = GstAnalyticsRelationMeta;

constexpr std::int64_t kTolerance = 2;
/// Room for the detections, names and tracks of eight faces; the meta grows by as much.
constexpr GstAnalyticsRelationMetaInitParams kRoom = {32, 2048};
constexpr int kName = GST_ANALYTICS_REL_TYPE_CONTAIN | GST_ANALYTICS_REL_TYPE_RELATE_TO;
constexpr const char* kNoType = "";

Meta* relations_of(GstBuffer* buffer) {
  return gst_buffer_get_analytics_relation_meta(buffer);
}

guint length(Meta* meta) {
  return static_cast<guint>(gst_analytics_relation_get_length(meta));
}

int relation(Meta* meta, guint from, guint to) {
  return gst_analytics_relation_meta_get_relation(meta, from, to);
}

void relate(Meta* meta, int relation, guint from, guint to) {
  gst_analytics_relation_meta_set_relation(meta, static_cast<GstAnalyticsRelTypes>(relation), from, to);
}

/// Every entry that `id` has one of these relations to, of one kind; until `visit` says that it is enough.
template <typename Visit>
void for_each_related(Meta* meta, guint id, int relations, GstAnalyticsMtdType type, Visit visit) {
  for (guint other = 0; other < length(meta); ++other) {
    GstAnalyticsMtd entry;
    if ((relation(meta, id, other) & relations) != 0 &&
        gst_analytics_relation_meta_get_mtd(meta, other, type, &entry) != FALSE && visit(entry))
      return;
  }
}

/// What a detection says; none of an entry of another kind.
struct Written {
  GQuark type = 0;
  gint x = 0, y = 0, width = 0, height = 0;
  gfloat confidence = 0;
  gfloat angle = 0;
};

std::optional<Written> read_detection(Meta* meta, guint id) {
  GstAnalyticsODMtd entry;
  Written said;
  if (gst_analytics_relation_meta_get_mtd(meta, id, gst_analytics_od_mtd_get_mtd_type(), &entry) == FALSE)
    return std::nullopt;
  said.type = gst_analytics_od_mtd_get_obj_type(&entry);
#if GST_CHECK_VERSION(1, 26, 0)
  gst_analytics_od_mtd_get_oriented_location(&entry, &said.x, &said.y, &said.width, &said.height, &said.angle,
                                             &said.confidence);
#else
  gst_analytics_od_mtd_get_location(&entry, &said.x, &said.y, &said.width, &said.height, &said.confidence);
#endif
  return said;
}

guint append_detection(Meta* meta, const Written& say) {
  GstAnalyticsODMtd entry;
#if GST_CHECK_VERSION(1, 26, 0)
  gst_analytics_relation_meta_add_oriented_od_mtd(meta, say.type, say.x, say.y, say.width, say.height,
                                                  say.angle, say.confidence, &entry);
#else
  gst_analytics_relation_meta_add_od_mtd(meta, say.type, say.x, say.y, say.width, say.height, say.confidence,
                                         &entry);
#endif
  return entry.id;
}

const char* type_name(GQuark type) {
  const gchar* name = g_quark_to_string(type);
  return name != nullptr ? name : kNoType;
}

/// One that is part of itself was taken away; one that is part of a later one of its type, which does not
/// contain it, was moved there.
bool is_gone(Meta* meta, guint id, GQuark type) {
  for (guint other = id; other < length(meta); ++other) {
    if (relation(meta, id, other) != GST_ANALYTICS_REL_TYPE_IS_PART_OF) continue;
    if (other == id) return true;
    if (relation(meta, other, id) != GST_ANALYTICS_REL_TYPE_NONE) continue;
    const auto said = read_detection(meta, other);
    if (said && said->type == type) return true;
  }
  return false;
}

Detection detection_of(const Written& said, guint id) {
  Detection detection;
  detection.id = id;
  detection.type = valid_text(type_name(said.type));
  detection.box = {said.x, said.y, said.width, said.height};
  if (std::isfinite(said.confidence) && said.confidence > 0) detection.confidence = said.confidence;
  return detection;
}

void write_box(Written& say, const PixelRect& box, std::optional<double> confidence) {
  const auto whole = [](std::int64_t value) {
    return static_cast<gint>(
        std::clamp<std::int64_t>(value, std::numeric_limits<gint>::min(), std::numeric_limits<gint>::max()));
  };
  say.x = whole(box.x), say.y = whole(box.y);
  say.width = whole(box.width), say.height = whole(box.height);
  say.confidence = static_cast<gfloat>(confidence.value_or(0));
}

std::int64_t apart(const PixelRect& a, const PixelRect& b) {
  return std::abs(a.x - b.x) + std::abs(a.y - b.y) + std::abs(a.x + a.width - b.x - b.width) +
         std::abs(a.y + a.height - b.y - b.height);
}

/// The detection that is nearest to a place.
std::optional<guint> find(Meta* meta, const Place& place) {
  std::optional<guint> found;
  std::int64_t least = 0;
  for (guint id = 0; id < length(meta); ++id) {
    const auto said = read_detection(meta, id);
    if (!said) continue;
    const Detection detection = detection_of(*said, id);
    if (!is_at(detection, place) || is_gone(meta, id, said->type)) continue;
    const std::int64_t distance = apart(detection.box, place.box);
    if (!found || distance < least) found = id, least = distance;
  }
  return found;
}

/// What a frame shows of a box; nothing where a side is 0.
PixelRect shown(const PixelRect& box, int frame_width, int frame_height) {
  const auto clip = [](std::int64_t value, int limit) { return std::clamp<std::int64_t>(value, 0, limit); };
  const std::int64_t x = clip(box.x, frame_width), y = clip(box.y, frame_height);
  return {x, y, clip(box.x + box.width, frame_width) - x, clip(box.y + box.height, frame_height) - y};
}

struct Entry {
  Meta* meta;
  guint id;
};

/// The detection of a place, one that was there or a new one; none for a place that the frame does not show.
std::optional<Entry> find_or_add(GstBuffer* buffer, const Place& place, std::optional<double> confidence) {
  const PixelRect visible = shown(place.box, place.frame_width, place.frame_height);
  if (visible.width <= 0 || visible.height <= 0) return std::nullopt;
  GstAnalyticsRelationMetaInitParams room = kRoom;
  Meta* meta = gst_buffer_add_analytics_relation_meta_full(buffer, &room);
  if (const auto id = find(meta, place)) return Entry{meta, *id};
  Written say;
  say.type = g_quark_from_string(place.type.c_str());
  write_box(say, place.box, confidence);
  return Entry{meta, append_detection(meta, say)};
}

/// Whether nothing but detections without relations is there.
bool holds_detections_alone(Meta* meta) {
  for (guint id = 0; id < length(meta); ++id) {
    if (!read_detection(meta, id)) return false;
    for (guint other = 0; other < length(meta); ++other)
      if (relation(meta, id, other) != GST_ANALYTICS_REL_TYPE_NONE) return false;
  }
  return true;
}

/// Writes such a meta anew with one detection changed or, without `say`, left out.
void write_anew(GstBuffer* buffer, Meta* meta, guint changed, const std::optional<Written>& say) {
  std::vector<Written> all;
  for (guint id = 0; id < length(meta); ++id) {
    if (id != changed)
      all.push_back(read_detection(meta, id).value_or(Written{}));
    else if (say)
      all.push_back(*say);
  }
  gst_buffer_remove_meta(buffer, reinterpret_cast<GstMeta*>(meta));
  GstAnalyticsRelationMetaInitParams room = kRoom;
  Meta* fresh = gst_buffer_add_analytics_relation_meta_full(buffer, &room);
  for (const Written& one : all) append_detection(fresh, one);
}

/// All relations of one entry become those of another one.
void hand_over(Meta* meta, guint from, guint to) {
  for (guint other = 0; other < to; ++other) {
    if (other == from) continue;
    if (const int out = relation(meta, from, other)) relate(meta, out, to, other);
    if (const int in = relation(meta, other, from)) relate(meta, in, other, to);
    relate(meta, GST_ANALYTICS_REL_TYPE_NONE, from, other);
    relate(meta, GST_ANALYTICS_REL_TYPE_NONE, other, from);
  }
  relate(meta, GST_ANALYTICS_REL_TYPE_IS_PART_OF, from, to);
}

/// The entry that holds the name which tripletembed gave.
std::optional<GstAnalyticsClsMtd> name_entry(Meta* meta, guint id) {
  std::optional<GstAnalyticsClsMtd> found;
  for_each_related(meta, id, GST_ANALYTICS_REL_TYPE_CONTAIN, gst_analytics_cls_mtd_get_mtd_type(),
                   [&](GstAnalyticsMtd& entry) {
                     if ((relation(meta, id, entry.id) & kName) == kName) found = entry;
                     return found.has_value();
                   });
  return found;
}

/// `id` contains `part`, and by `more` relations.
void set_part(Meta* meta, guint id, guint part, int more) {
  relate(meta, GST_ANALYTICS_REL_TYPE_CONTAIN | more, id, part);
  relate(meta, GST_ANALYTICS_REL_TYPE_IS_PART_OF, part, id);
}

#if GST_CHECK_VERSION(1, 28, 0)
GQuark embedding_kind() {
  return g_quark_from_static_string("tripletembed-embedding");
}

std::optional<GstAnalyticsTensorMtd> embedding_entry(Meta* meta, guint id) {
  std::optional<GstAnalyticsTensorMtd> found;
  for_each_related(meta, id, GST_ANALYTICS_REL_TYPE_CONTAIN, gst_analytics_tensor_mtd_get_mtd_type(),
                   [&](GstAnalyticsMtd& entry) {
                     const GstTensor* tensor = gst_analytics_tensor_mtd_get_tensor(&entry);
                     if (tensor != nullptr && tensor->id == embedding_kind()) found = entry;
                     return found.has_value();
                   });
  return found;
}

void write_embedding(Meta* meta, guint id, const std::optional<Embedding>& embedding) {
  if (const auto old = embedding_entry(meta, id)) relate(meta, GST_ANALYTICS_REL_TYPE_NONE, id, old->id);
  if (!embedding) return;
  gsize dims[] = {1, embedding->size()};
  GstAnalyticsTensorMtd entry;
  gst_analytics_relation_meta_add_tensor_mtd_simple(
      meta, embedding_kind(), GST_TENSOR_DATA_TYPE_FLOAT32,
      gst_buffer_new_memdup(embedding->data(), sizeof(Embedding)), GST_TENSOR_DIM_ORDER_ROW_MAJOR, 2, dims,
      &entry);
  set_part(meta, id, entry.id, GST_ANALYTICS_REL_TYPE_NONE);
}

std::optional<Embedding> embedding_of(Meta* meta, guint id) {
  const auto entry = embedding_entry(meta, id);
  const GstTensor* tensor = entry ? gst_analytics_tensor_mtd_get_tensor(&*entry) : nullptr;
  if (tensor == nullptr || tensor->data == nullptr || tensor->data_type != GST_TENSOR_DATA_TYPE_FLOAT32 ||
      gst_buffer_get_size(tensor->data) != sizeof(Embedding))
    return std::nullopt;
  Embedding embedding;
  gst_buffer_extract(tensor->data, 0, embedding.data(), sizeof(Embedding));
  return embedding;
}
#else
void write_embedding(Meta*, guint, const std::optional<Embedding>&) {}
std::optional<Embedding> embedding_of(Meta*, guint) {
  return std::nullopt;
}
#endif

}  // namespace

bool same_box(const PixelRect& a, const PixelRect& b) noexcept {
  return std::abs(a.x - b.x) <= kTolerance && std::abs(a.y - b.y) <= kTolerance &&
         std::abs(a.x + a.width - b.x - b.width) <= kTolerance &&
         std::abs(a.y + a.height - b.y - b.height) <= kTolerance;
}

bool is_at(const Detection& detection, const Place& place) {
  if (g_ascii_strcasecmp(detection.type.c_str(), place.type.c_str()) != 0) return false;
  if (same_box(detection.box, place.box)) return true;
  const PixelRect a = shown(detection.box, place.frame_width, place.frame_height);
  return a.width > 0 && a.height > 0 && same_box(a, shown(place.box, place.frame_width, place.frame_height));
}

bool has_detections(GstBuffer* buffer) {
  Meta* meta = relations_of(buffer);
  if (meta == nullptr) return false;
  for (guint id = 0; id < length(meta); ++id)
    if (read_detection(meta, id)) return true;
  return false;
}

std::vector<Detection> read_detections(GstBuffer* buffer) {
  std::vector<Detection> detections;
  Meta* meta = relations_of(buffer);
  if (meta == nullptr) return detections;
  for (guint id = 0; id < length(meta); ++id) {
    const auto said = read_detection(meta, id);
    if (said && said->width > 0 && said->height > 0 && !is_gone(meta, id, said->type))
      detections.push_back(detection_of(*said, id));
  }
  return detections;
}

int track_of(GstBuffer* buffer, guint id) {
  int track = 0;
  for_each_related(relations_of(buffer), id, GST_ANALYTICS_REL_TYPE_ANY,
                   gst_analytics_tracking_mtd_get_mtd_type(), [&](GstAnalyticsMtd& entry) {
                     guint64 number = 0;
                     GstClockTime first, last;
                     gboolean lost = FALSE;
                     gst_analytics_tracking_mtd_get_info(&entry, &number, &first, &last, &lost);
                     if (lost == FALSE) track = static_cast<int>(number & G_MAXINT32);
                     return track != 0;
                   });
  return track;
}

std::optional<Identity> identity_of(GstBuffer* buffer, guint id) {
  Meta* meta = relations_of(buffer);
  auto entry = name_entry(meta, id);
  if (!entry || gst_analytics_cls_mtd_get_length(&*entry) == 0) return std::nullopt;
  Identity identity;
  identity.label = valid_text(type_name(gst_analytics_cls_mtd_get_quark(&*entry, 0)));
  if (identity.label.empty()) return std::nullopt;
  identity.embedding = embedding_of(meta, id);
  return identity;
}

void add_detection(GstBuffer* buffer, const Place& place, std::optional<double> confidence) {
  find_or_add(buffer, place, confidence);
}

void move_detection(GstBuffer* buffer, const Place& from, const PixelRect& to,
                    std::optional<double> confidence) {
  Meta* meta = relations_of(buffer);
  const auto id = meta != nullptr ? find(meta, from) : std::nullopt;
  if (!id) {
    add_detection(buffer, {from.type, to, from.frame_width, from.frame_height}, confidence);
    return;
  }
  Written say = read_detection(meta, *id).value_or(Written{});
  write_box(say, to, confidence);
  if (holds_detections_alone(meta))
    write_anew(buffer, meta, *id, say);
  else
    hand_over(meta, *id, append_detection(meta, say));
}

void remove_detection(GstBuffer* buffer, const Place& place) {
  Meta* meta = relations_of(buffer);
  if (meta == nullptr) return;
  const auto id = find(meta, place);
  if (!id) return;
  if (holds_detections_alone(meta))
    write_anew(buffer, meta, *id, std::nullopt);
  else
    relate(meta, GST_ANALYTICS_REL_TYPE_IS_PART_OF, *id, *id);
}

void write_track(GstBuffer* buffer, const Place& place, std::optional<double> confidence, int track) {
  const auto face = find_or_add(buffer, place, confidence);
  if (!face) return;
  bool written = false;
  for_each_related(face->meta, face->id, GST_ANALYTICS_REL_TYPE_ANY,
                   gst_analytics_tracking_mtd_get_mtd_type(), [&](GstAnalyticsMtd& entry) {
                     guint64 number = 0;
                     GstClockTime first, last;
                     gboolean lost;
                     gst_analytics_tracking_mtd_get_info(&entry, &number, &first, &last, &lost);
                     if (number == static_cast<guint64>(track))
                       written = true;
                     else
                       relate(face->meta, GST_ANALYTICS_REL_TYPE_NONE, face->id, entry.id);
                     return false;
                   });
  if (written) return;
  // When it was first seen is not known here.
  GstAnalyticsTrackingMtd entry;
  gst_analytics_relation_meta_add_tracking_mtd(face->meta, static_cast<guint64>(track), GST_CLOCK_TIME_NONE,
                                               &entry);
  gst_analytics_tracking_mtd_update_last_seen(&entry, GST_BUFFER_PTS(buffer));
  relate(face->meta, GST_ANALYTICS_REL_TYPE_RELATE_TO, face->id, entry.id);
}

void write_identity(GstBuffer* buffer, const Place& place, std::optional<double> confidence,
                    const Identity& identity, double level) {
  const auto face = find_or_add(buffer, place, confidence);
  if (!face) return;
  if (const auto old = name_entry(face->meta, face->id))
    relate(face->meta, GST_ANALYTICS_REL_TYPE_NONE, face->id, old->id);
  write_embedding(face->meta, face->id, identity.embedding);
  if (identity.label.empty()) return;
  GstAnalyticsClsMtd entry;
  gst_analytics_relation_meta_add_one_cls_mtd(face->meta, static_cast<gfloat>(level),
                                              g_quark_from_string(valid_text(identity.label.c_str()).c_str()),
                                              &entry);
  set_part(face->meta, face->id, entry.id, GST_ANALYTICS_REL_TYPE_RELATE_TO);
}

}  // namespace embed::gst::analytics
