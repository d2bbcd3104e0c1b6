// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "embed/gallery.h"
#include "files/safetensors_types.h"
#include "gallery/enrolled_rows.h"
#include "gallery/gallery_format.h"

namespace embed {

namespace {

template <typename T>
TensorPieces::Piece piece_of(const std::vector<T>& values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(T)};
}

/// What the file says of rows, in their order. Texts that several rows share are there once; those that no
/// row has are not there at all, so that a person who is forgotten leaves none behind.
class RowColumns {
 public:
  void add(const EnrolledRows& rows, std::uint8_t role) {
    for (std::size_t b = 0; b < rows.rows.blocks(); ++b) {
      const GalleryBlock& block = rows.rows.block(b);
      embeddings_.push_back({reinterpret_cast<const std::uint8_t*>(block.row(0)),
                             block.size() * kEmbeddingDim * sizeof(float)});
      identities_.push_back(
          {reinterpret_cast<const std::uint8_t*>(block.identities()), block.size() * sizeof(std::int64_t)});
    }
    for (const Enrolment& enrolment : rows.enrolments) {
      roles_.push_back(role);
      qualities_.push_back(enrolment.quality.value_or(kNoQuality));
      times_.push_back(enrolment.time);
      sources_.push_back(enrolment.source.empty() ? kNoSource : number_of(enrolment.source));
    }
  }

  std::map<std::string, TensorPieces> tensors() const {
    const auto count = static_cast<std::int64_t>(roles_.size());
    return {{"embeddings", {DType::F32, {count, static_cast<std::int64_t>(kEmbeddingDim)}, embeddings_}},
            {"identity", {DType::I64, {count}, identities_}},
            {"role", {DType::U8, {count}, {piece_of(roles_)}}},
            {"quality", {DType::F32, {count}, {piece_of(qualities_)}}},
            {"time", {DType::I64, {count}, {piece_of(times_)}}},
            {"source", {DType::I64, {count}, {piece_of(sources_)}}}};
  }

  const std::vector<std::string>& texts() const noexcept { return texts_; }

 private:
  std::int64_t number_of(const std::string& text) {
    const auto [found, is_new] = numbers_.emplace(text, static_cast<std::int64_t>(texts_.size()));
    if (is_new) texts_.push_back(text);
    return found->second;
  }

  std::vector<TensorPieces::Piece> embeddings_, identities_;
  std::vector<std::uint8_t> roles_;
  std::vector<float> qualities_;
  std::vector<std::int64_t> times_, sources_;
  std::vector<std::string> texts_;
  std::unordered_map<std::string, std::int64_t> numbers_;
};

bool any_text(const std::vector<std::string>& texts) {
  return std::any_of(texts.begin(), texts.end(), [](const std::string& text) { return !text.empty(); });
}

}  // namespace

void Gallery::save(const std::string& path) const {
  RowColumns columns;
  if (rows_) columns.add(*rows_, kOwnRow);
  if (counter_examples_) columns.add(*counter_examples_, kCounterExample);
  auto tensors = columns.tensors();
  tensors["person_ids"] = {
      DType::U8, {static_cast<std::int64_t>(names_.size()), 16}, {piece_of(person_ids_)}};
  std::map<std::string, std::string> metadata = {{"kind", kGalleryKind},
                                                 {"version", std::to_string(kGalleryVersion)},
                                                 {"names", nlohmann::json(names_).dump()},
                                                 {"metric", to_string(metric_)},
                                                 {"weights_sha256", weights_sha256_}};
  if (any_text(notes_)) metadata["notes"] = nlohmann::json(notes_).dump();
  if (!columns.texts().empty()) metadata["sources"] = nlohmann::json(columns.texts()).dump();
  if (threshold_) metadata["threshold"] = nlohmann::json(*threshold_).dump();
  write_safetensors_pieces(path, tensors, metadata, Readers::Owner);
}

}  // namespace embed
