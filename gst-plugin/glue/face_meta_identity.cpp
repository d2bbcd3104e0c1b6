// SPDX-License-Identifier: LGPL-2.1-or-later
// The identities: params on the ROI metas and the custom meta that outlives them.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "glue/face_meta.h"
#include "glue/face_meta_analytics.h"
#include "glue/tensor_params.h"

namespace embed::gst {
namespace {

static_assert(G_BYTE_ORDER == G_LITTLE_ENDIAN, "embeddings are stored as little-endian float32");

constexpr char kFaces[] = "faces";
constexpr char kPredicted[] = "predicted";
constexpr char kPredictedRegion[] = "predicted_region";
constexpr char kTrack[] = "track";
constexpr char kQuality[] = "quality";

using StructurePtr = std::unique_ptr<GstStructure, decltype(&gst_structure_free)>;

/// What tells regions of a frame apart: detectors number those of each type by themselves.
using Key = std::pair<std::string, int>;

/// A face of the custom meta with what is needed to place it in a frame of another size.
struct StoredFace {
  Face face;
  int frame_width = 0;
  int frame_height = 0;
};

// 1 at distance 0, 0.5 at the threshold, 0 at twice the threshold.
double confidence_of(const Identity& identity) {
  if (!identity.distance) return 0;
  const double d = *identity.distance;
  if (identity.threshold && *identity.threshold > 0)
    return std::clamp(1 - d / (2 * *identity.threshold), 0.0, 1.0);
  return 1 / (1 + d);
}

void set_optional(GstStructure* structure, const char* field, const std::optional<float>& value) {
  if (value && std::isfinite(*value)) {
    gst_structure_set(structure, field, G_TYPE_DOUBLE, static_cast<double>(*value), nullptr);
  }
}

GstStructure* classification_param(const Identity& identity, const std::string& model_name) {
  GstStructure* param = gst_structure_new_empty("classification");
  if (identity.embedding) {
    set_tensor(param, model_name, "embedding", "", identity.embedding->data(), identity.embedding->size());
  } else {
    gst_structure_set(param, "model_name", G_TYPE_STRING, valid_text(model_name.c_str()).c_str(),
                      "layer_name", G_TYPE_STRING, "embedding", nullptr);
  }
  gst_structure_set(param, "attribute_name", G_TYPE_STRING, "identity", "label", G_TYPE_STRING,
                    valid_text(identity.label.c_str()).c_str(), "label_id", G_TYPE_INT, identity.label_id,
                    "confidence", G_TYPE_DOUBLE, confidence_of(identity), nullptr);
  if (identity.predicted) gst_structure_set(param, kPredicted, G_TYPE_BOOLEAN, TRUE, nullptr);
  set_optional(param, kQuality, identity.quality);
  return param;
}

// A tripletembed further up may have named the region; what others classified stays.
void remove_identity_param(GstVideoRegionOfInterestMeta* roi) {
  for (GList* l = roi->params; l != nullptr;) {
    GList* const next = l->next;
    auto* param = static_cast<GstStructure*>(l->data);
    if (gst_structure_has_name(param, "classification") != FALSE &&
        g_strcmp0(gst_structure_get_string(param, "attribute_name"), "identity") == 0) {
      gst_structure_free(param);
      roi->params = g_list_delete_link(roi->params, l);
    }
    l = next;
  }
}

std::optional<float> get_optional(const GstStructure* structure, const char* field) {
  double value = 0;
  if (gst_structure_get_double(structure, field, &value) == FALSE) return std::nullopt;
  return static_cast<float>(value);
}

GstStructure* stored_face(const Roi& roi, const Identity& identity, const std::string& model_name,
                          int frame_width, int frame_height) {
  GstStructure* s = gst_structure_new(
      "face", "id", G_TYPE_INT, roi.id, "type", G_TYPE_STRING, roi.type.c_str(), "x", G_TYPE_UINT,
      static_cast<guint>(roi.box.x), "y", G_TYPE_UINT, static_cast<guint>(roi.box.y), "width", G_TYPE_UINT,
      static_cast<guint>(roi.box.width), "height", G_TYPE_UINT, static_cast<guint>(roi.box.height),
      "frame_width", G_TYPE_INT, frame_width, "frame_height", G_TYPE_INT, frame_height, "label",
      G_TYPE_STRING, valid_text(identity.label.c_str()).c_str(), "label_id", G_TYPE_INT, identity.label_id,
      "reason", G_TYPE_STRING, to_string(identity.reason), "model_name", G_TYPE_STRING,
      valid_text(model_name.c_str()).c_str(), nullptr);
  if (roi.confidence) gst_structure_set(s, "confidence", G_TYPE_DOUBLE, *roi.confidence, nullptr);
  if (identity.predicted) gst_structure_set(s, kPredicted, G_TYPE_BOOLEAN, TRUE, nullptr);
  if (roi.predicted) gst_structure_set(s, kPredictedRegion, G_TYPE_BOOLEAN, TRUE, nullptr);
  if (roi.track != 0) gst_structure_set(s, kTrack, G_TYPE_INT, roi.track, nullptr);
  set_optional(s, "distance", identity.distance);
  set_optional(s, "threshold", identity.threshold);
  set_optional(s, kQuality, identity.quality);
  if (identity.far) gst_structure_set(s, "far", G_TYPE_DOUBLE, *identity.far, nullptr);
  if (!identity.stranger.empty())
    gst_structure_set(s, "stranger", G_TYPE_STRING, identity.stranger.c_str(), nullptr);
  if (!identity.nearest.empty())
    gst_structure_set(s, "nearest", G_TYPE_STRING, identity.nearest.c_str(), nullptr);
  if (!identity.runner_up.empty()) {
    gst_structure_set(s, "runner_up", G_TYPE_STRING, identity.runner_up.c_str(), nullptr);
    set_optional(s, "runner_up_distance", identity.runner_up_distance);
  }
  if (identity.embedding) {
    GBytes* bytes = g_bytes_new(identity.embedding->data(), sizeof(Embedding));
    gst_structure_set(s, "embedding", G_TYPE_BYTES, bytes, nullptr);
    g_bytes_unref(bytes);
  }
  return s;
}

void append_structure(GValue* array, const GstStructure* structure) {
  GValue value = G_VALUE_INIT;
  g_value_init(&value, GST_TYPE_STRUCTURE);
  gst_value_set_structure(&value, structure);
  gst_value_array_append_and_take_value(array, &value);
}

template <typename Visit>
void for_each_stored(const GstStructure* structure, Visit visit) {
  const GValue* faces = structure != nullptr ? gst_structure_get_value(structure, kFaces) : nullptr;
  if (faces == nullptr || !GST_VALUE_HOLDS_ARRAY(faces)) return;
  for (guint i = 0; i < gst_value_array_get_size(faces); ++i) {
    const GValue* value = gst_value_array_get_value(faces, i);
    const GstStructure* face = GST_VALUE_HOLDS_STRUCTURE(value) ? gst_value_get_structure(value) : nullptr;
    if (face != nullptr) visit(face);
  }
}

std::string get_text(const GstStructure* structure, const char* field) {
  const gchar* text = gst_structure_get_string(structure, field);
  return text != nullptr ? text : "";
}

bool get_flag(const GstStructure* structure, const char* field) {
  gboolean flag = FALSE;
  return gst_structure_get_boolean(structure, field, &flag) != FALSE && flag != FALSE;
}

std::optional<Embedding> get_embedding(const GstStructure* structure) {
  const GValue* value = gst_structure_get_value(structure, "embedding");
  if (value == nullptr || !G_VALUE_HOLDS(value, G_TYPE_BYTES)) return std::nullopt;
  auto* bytes = static_cast<GBytes*>(g_value_get_boxed(value));
  if (bytes == nullptr || g_bytes_get_size(bytes) != sizeof(Embedding)) return std::nullopt;
  Embedding embedding;
  std::memcpy(embedding.data(), g_bytes_get_data(bytes, nullptr), sizeof(Embedding));
  return embedding;
}

StoredFace read_stored(const GstStructure* s) {
  StoredFace out;
  guint x = 0, y = 0, width = 0, height = 0;
  gst_structure_get(s, "id", G_TYPE_INT, &out.face.id, "x", G_TYPE_UINT, &x, "y", G_TYPE_UINT, &y, "width",
                    G_TYPE_UINT, &width, "height", G_TYPE_UINT, &height, "frame_width", G_TYPE_INT,
                    &out.frame_width, "frame_height", G_TYPE_INT, &out.frame_height, nullptr);
  out.face.box = {x, y, width, height};
  out.face.type = get_text(s, "type");
  double confidence = 0;
  if (gst_structure_get_double(s, "confidence", &confidence) != FALSE) out.face.confidence = confidence;
  Identity identity;
  identity.label = get_text(s, "label");
  gst_structure_get_int(s, "label_id", &identity.label_id);
  identity.reason = reason_of(get_text(s, "reason"));
  identity.nearest = get_text(s, "nearest");
  identity.runner_up = get_text(s, "runner_up");
  identity.distance = get_optional(s, "distance");
  identity.threshold = get_optional(s, "threshold");
  identity.stranger = get_text(s, "stranger");
  if (double far = 0; gst_structure_get_double(s, "far", &far) != FALSE) identity.far = far;
  identity.runner_up_distance = get_optional(s, "runner_up_distance");
  identity.quality = get_optional(s, kQuality);
  identity.embedding = get_embedding(s);
  identity.predicted = get_flag(s, kPredicted);
  out.face.predicted = get_flag(s, kPredictedRegion);
  gst_structure_get_int(s, kTrack, &out.face.track);
  out.face.identity = std::move(identity);
  return out;
}

PixelRect rescale(const StoredFace& stored, int frame_width, int frame_height) {
  if (stored.frame_width <= 0 || stored.frame_height <= 0) return stored.face.box;
  const auto scale = [](std::int64_t value, int to, int from) { return (value * to + from / 2) / from; };
  const PixelRect& box = stored.face.box;
  return {scale(box.x, frame_width, stored.frame_width), scale(box.y, frame_height, stored.frame_height),
          scale(box.width, frame_width, stored.frame_width),
          scale(box.height, frame_height, stored.frame_height)};
}

/// The stored face that is where a detection is and was not read yet; how many there are where none is.
std::size_t stored_at(const std::vector<StoredFace>& stored, const std::vector<bool>& used, const Face& face,
                      int frame_width, int frame_height) {
  std::size_t i = 0;
  while (i < stored.size() && (used[i] || stored[i].face.type != face.type ||
                               !analytics::same_box(rescale(stored[i], frame_width, frame_height), face.box)))
    ++i;
  return i;
}

}  // namespace

void register_face_meta() {
  if (gst_meta_get_info(kMetaName) != nullptr) return;
  // No tags and no transform function: GStreamer then copies the meta through every kind of conversion.
  static const gchar* no_tags[] = {nullptr};
  gst_meta_register_custom(kMetaName, no_tags, nullptr, nullptr, nullptr);
}

void write_identities(GstBuffer* buffer, const RoiList& list, const std::vector<Identity>& identities,
                      const std::string& model_name, int frame_width, int frame_height) {
  if (list.rois.empty()) return;
  std::set<Key> written;
  GValue faces = G_VALUE_INIT;
  g_value_init(&faces, GST_TYPE_ARRAY);
  for (std::size_t i = 0; i < list.rois.size(); ++i) {
    remove_identity_param(list.metas[i]);
    gst_video_region_of_interest_meta_add_param(list.metas[i],
                                                classification_param(identities[i], model_name));
    const StructurePtr face(stored_face(list.rois[i], identities[i], model_name, frame_width, frame_height),
                            gst_structure_free);
    append_structure(&faces, face.get());
    written.emplace(list.rois[i].type, list.rois[i].id);
    analytics::write_identity(buffer, {list.rois[i].type, list.rois[i].box, frame_width, frame_height},
                              list.rois[i].confidence, identities[i], confidence_of(identities[i]));
  }
  GstCustomMeta* meta = gst_buffer_get_custom_meta(buffer, kMetaName);
  if (meta == nullptr) meta = gst_buffer_add_custom_meta(buffer, kMetaName);
  GstStructure* structure = gst_custom_meta_get_structure(meta);
  for_each_stored(structure, [&](const GstStructure* face) {
    int id = 0;
    gst_structure_get_int(face, "id", &id);
    if (written.count({get_text(face, "type"), id}) == 0) append_structure(&faces, face);
  });
  gst_structure_take_value(structure, kFaces, &faces);
}

std::vector<Face> read_faces(GstBuffer* buffer, int frame_width, int frame_height) {
  return read_most_faces(buffer, frame_width, frame_height, 0).faces;
}

FaceList read_most_faces(GstBuffer* buffer, int frame_width, int frame_height, std::size_t most) {
  FaceList list;
  std::vector<StoredFace> stored;
  std::map<Key, std::size_t> by_key;
  if (GstCustomMeta* meta = gst_buffer_get_custom_meta(buffer, kMetaName)) {
    for_each_stored(gst_custom_meta_get_structure(meta), [&](const GstStructure* face) {
      list.whole &= most == 0 || stored.size() < most;
      if (!list.whole) return;
      stored.push_back(read_stored(face));
      const Face& face_read = stored.back().face;
      by_key.emplace(Key(face_read.type, face_read.id), stored.size() - 1);
    });
  }
  std::vector<Face>& faces = list.faces;
  std::vector<bool> used(stored.size(), false);
  RoiList regions = read_regions(buffer, "", frame_width, frame_height, most);
  list.whole &= regions.surplus == 0;
  for (std::size_t i = 0; i < regions.rois.size(); ++i) {
    Roi& roi = regions.rois[i];
    Face face{roi.id, std::move(roi.type), roi.box, roi.confidence, roi.predicted, roi.track, std::nullopt};
    std::size_t place = stored.size();
    if (regions.metas[i] == nullptr) {
      place = stored_at(stored, used, face, frame_width, frame_height);
    } else if (const auto found = by_key.find({face.type, face.id}); found != by_key.end()) {
      place = found->second;
    }
    if (place < stored.size()) {
      const Face& known = stored[place].face;
      face.id = known.id;
      face.predicted |= regions.metas[i] == nullptr && known.predicted;
      face.identity = known.identity;
      if (!face.confidence) face.confidence = known.confidence;
      if (face.track == 0) face.track = known.track;
      used[place] = true;
    } else if (regions.detections[i] >= 0) {
      face.identity = analytics::identity_of(buffer, static_cast<guint>(regions.detections[i]));
    }
    faces.push_back(std::move(face));
  }
  for (std::size_t i = 0; i < stored.size(); ++i) {
    if (used[i]) continue;
    Face face = stored[i].face;
    face.box = rescale(stored[i], frame_width, frame_height);
    faces.push_back(std::move(face));
    ++list.without_region;
  }
  if (most > 0 && faces.size() > most) {
    std::stable_partition(faces.begin(), faces.end(),
                          [](const Face& face) { return face.identity.has_value(); });
    faces.resize(most);
    list.whole = false;
  }
  return list;
}

}  // namespace embed::gst
