// SPDX-License-Identifier: LGPL-2.1-or-later
// Reading and writing galleries. The file: tensors `embeddings` F32 [N, 128] and `identity` I64 [N]; metadata
// `names` (JSON array of UTF-8 strings), `metric`, `weights_sha256`, optional `threshold`.
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "embed/error.h"
#include "embed/gallery.h"
#include "embed/safetensors.h"
#include "gallery_checks.h"
#include "gallery_rows.h"
#include "safetensors_types.h"

namespace embed {

namespace {

constexpr const char* kKind = "tripletembed.gallery";
constexpr int kVersion = 1;

std::vector<std::string> read_names(const SafetensorsFile& file) {
  const auto json = nlohmann::json::parse(file.metadata_at("names"), nullptr, /*allow_exceptions=*/false);
  if (!json.is_array())
    throw Error(ErrorCode::Format, "a JSON array of strings expected", file.path(), "names");
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (const auto& item : json) {
    if (!item.is_string())
      throw Error(ErrorCode::Format, "a JSON array of strings expected", file.path(), "names");
    names.push_back(item.get<std::string>());
    if (!seen.insert(names.back()).second) {
      throw Error(ErrorCode::Format, "'" + names.back() + "' is there twice", file.path(), "names");
    }
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
  const auto found = file.metadata().find("threshold");
  if (found == file.metadata().end()) return std::nullopt;
  const auto json = nlohmann::json::parse(found->second, nullptr, /*allow_exceptions=*/false);
  if (!json.is_number() || !(json.get<double>() >= 0 && json.get<double>() <= 1e30)) {
    throw Error(ErrorCode::Format, "a number ≥ 0 expected", file.path(), "threshold");
  }
  return json.get<float>();
}

}  // namespace

Gallery Gallery::load(const std::string& path) {
  const SafetensorsFile file(path);
  file.require_kind(kKind, kVersion);
  const TensorView& embeddings =
      file.tensor("embeddings", DType::F32, {-1, static_cast<std::int64_t>(kEmbeddingDim)});
  const TensorView& identity = file.tensor("identity", DType::I64, {embeddings.shape[0]});
  const std::vector<std::string> names = read_names(file);
  Gallery gallery(read_metric(file), file.metadata_at("weights_sha256"));
  gallery.threshold_ = read_threshold(file);
  // Names get their ids in the order of their rows; one that no row has is dropped.
  std::vector<std::int64_t> id_of(names.size(), -1);
  for (std::int64_t r = 0; r < embeddings.shape[0]; ++r) {
    std::int64_t who = 0;
    std::memcpy(&who, identity.data + static_cast<std::size_t>(r) * sizeof(who), sizeof(who));
    if (who < 0 || who >= static_cast<std::int64_t>(names.size())) {
      throw Error(ErrorCode::Format,
                  "row " + std::to_string(r) + " is of identity " + std::to_string(who) + ", but there are " +
                      std::to_string(names.size()) + " names",
                  path, "identity");
    }
    Embedding row{};
    std::memcpy(row.data(), embeddings.data + static_cast<std::size_t>(r) * sizeof(row), sizeof(row));
    const std::string& name = names[static_cast<std::size_t>(who)];
    std::int64_t& id = id_of[static_cast<std::size_t>(who)];
    try {
      if (id < 0) check_name(name);
      check_row(name, row.data());
    } catch (const Error& error) {
      throw Error(ErrorCode::Format, error.what(), path, "row " + std::to_string(r));
    }
    if (id < 0) id = gallery.add_name(name);
    gallery.append(id, row.data());
  }
  return gallery;
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
