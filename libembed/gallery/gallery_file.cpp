// SPDX-License-Identifier: LGPL-2.1-or-later
// Reading and writing galleries. The file: tensors `embeddings` F32 [N, 128] and `identity` I64 [N]; metadata
// `names` (JSON array of UTF-8 strings), `metric`, `weights_sha256`, optional `threshold`.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <unordered_set>

#include "embed/error.h"
#include "embed/gallery.h"
#include "embed/person_name.h"
#include "embed/safetensors.h"
#include "files/safetensors_types.h"
#include "gallery/checks.h"
#include "gallery/search/rows.h"

namespace embed {

namespace {

constexpr const char* kKind = "tripletembed.gallery";
constexpr int kVersion = 1;

/// Names that no row has are allowed, but not without end.
constexpr std::size_t kMostUnused = 65'536;
/// Rows that are read at once.
constexpr std::size_t kRowsAtOnce = 4096;

std::vector<std::string> read_names(const SafetensorsFile& file, std::size_t rows) {
  std::vector<std::string> names = file.strings_at("names", rows + kMostUnused);
  std::unordered_set<std::string_view> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second)
      throw Error(ErrorCode::Format, "'" + name + "' is there twice", file.path(), "names");
  }
  return names;
}

Metric read_metric(const SafetensorsFile& file) {
  try {
    return parse_metric(file.metadata_at("metric"));
  } catch (const Error& error) {
    throw Error(ErrorCode::Format, error.what(), file.path(), "metric");
  }
}

std::optional<float> read_threshold(const SafetensorsFile& file) {
  if (file.metadata().count("threshold") == 0) return std::nullopt;
  const auto json =
      nlohmann::json::parse(file.short_metadata_at("threshold"), nullptr, /*allow_exceptions=*/false);
  if (!json.is_number() || !(json.get<double>() >= 0 && json.get<double>() <= 1e30)) {
    throw Error(ErrorCode::Format, "a number ≥ 0 expected", file.path(), "threshold");
  }
  return json.get<float>();
}

}  // namespace

Gallery Gallery::load(const std::string& path) {
  SafetensorsFile file(path, Contents::Header);
  file.require_kind(kKind, kVersion);
  const TensorView& embeddings =
      file.tensor("embeddings", DType::F32, {-1, static_cast<std::int64_t>(kEmbeddingDim)});
  const TensorView& identity = file.tensor("identity", DType::I64, {embeddings.shape[0]});
  const auto rows = static_cast<std::size_t>(embeddings.shape[0]);
  const std::vector<std::string> names = read_names(file, rows);
  file.drop_metadata("names");
  Gallery gallery(read_metric(file), file.metadata_at("weights_sha256"));
  gallery.threshold_ = read_threshold(file);
  // Names get their ids in the order of their rows; one that no row has is dropped.
  std::vector<std::int64_t> id_of(names.size(), -1);
  std::vector<Embedding> values(std::min(rows, kRowsAtOnce));
  std::vector<std::int64_t> owners(values.size());
  for (std::size_t first = 0; first < rows; first += kRowsAtOnce) {
    const std::size_t count = std::min(rows - first, kRowsAtOnce);
    file.read(embeddings, first * sizeof(Embedding), values.data(), count * sizeof(Embedding));
    file.read(identity, first * sizeof(std::int64_t), owners.data(), count * sizeof(std::int64_t));
    for (std::size_t i = 0; i < count; ++i)
      gallery.take_row(path, first + i, owners[i], values[i].data(), names, id_of);
  }
  return gallery;
}

void Gallery::take_row(const std::string& path, std::size_t row, std::int64_t who, const float* values,
                       const std::vector<std::string>& names, std::vector<std::int64_t>& id_of) {
  if (who < 0 || who >= static_cast<std::int64_t>(names.size())) {
    throw Error(ErrorCode::Format,
                "row " + std::to_string(row) + " is of identity " + std::to_string(who) + ", but there are " +
                    std::to_string(names.size()) + " names",
                path, "identity");
  }
  const std::string& name = names[static_cast<std::size_t>(who)];
  std::int64_t& id = id_of[static_cast<std::size_t>(who)];
  try {
    check_row(name, values);
    // Two spellings of one name get one id.
    if (id < 0) id = add_name(person_name(name));
  } catch (const Error& error) {
    throw Error(ErrorCode::Format, error.what(), path, "row " + std::to_string(row));
  }
  append(id, values);
}

Gallery Gallery::load(const std::string& path, const std::string& weights_sha256) {
  Gallery gallery = load(path);
  if (gallery.weights_sha256() != weights_sha256) {
    throw Error(ErrorCode::Mismatch,
                "made with other weights (gallery: " + gallery.weights_sha256().substr(0, 12) +
                    "…, loaded weights: " + weights_sha256.substr(0, 12) +
                    "…); enrol again with these weights",
                path, "weights_sha256");
  }
  return gallery;
}

void Gallery::save(const std::string& path) const {
  const auto count = static_cast<std::int64_t>(rows());
  std::map<std::string, TensorPieces> tensors;
  TensorPieces& embeddings = tensors["embeddings"];
  TensorPieces& identity = tensors["identity"];
  embeddings = {DType::F32, {count, static_cast<std::int64_t>(kEmbeddingDim)}, {}};
  identity = {DType::I64, {count}, {}};
  for (std::size_t b = 0; rows_ && b < rows_->blocks(); ++b) {
    const GalleryBlock& block = rows_->block(b);
    embeddings.pieces.push_back(
        {reinterpret_cast<const std::uint8_t*>(block.row(0)), block.size() * kEmbeddingDim * sizeof(float)});
    identity.pieces.push_back(
        {reinterpret_cast<const std::uint8_t*>(block.identities()), block.size() * sizeof(std::int64_t)});
  }
  std::map<std::string, std::string> metadata = {{"kind", kKind},
                                                 {"version", std::to_string(kVersion)},
                                                 {"names", nlohmann::json(names_).dump()},
                                                 {"metric", to_string(metric_)},
                                                 {"weights_sha256", weights_sha256_}};
  if (threshold_) metadata["threshold"] = nlohmann::json(*threshold_).dump();
  write_safetensors_pieces(path, tensors, metadata, Readers::Owner);
}

}  // namespace embed
