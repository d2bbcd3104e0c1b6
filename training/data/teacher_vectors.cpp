// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data/teacher_vectors.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "embed/embedding.h"
#include "embed/error.h"

namespace training {

namespace {

using embed::Error;
using embed::ErrorCode;
using Json = nlohmann::json;

constexpr const char* kKind = "tripletembed.teacher";
constexpr int kVersion = 1;
constexpr std::uint64_t kViewStream = 30;
constexpr double kMostViews = 4096;

double number_from(const Json& json, const char* name, double most) {
  const Json& value = json.at(name);
  if (!value.is_number() || !(value.get<double>() >= 0 && value.get<double>() <= most)) {
    throw Error(ErrorCode::Format,
                std::string("'") + name + "': a number from 0 to " + Json(most).dump() + " expected");
  }
  return value.get<double>();
}

Augmentation augmentation_from(const Json& json) {
  const auto name = json.at("aug").get<std::string>();
  for (const Augmentation kind : {Augmentation::None, Augmentation::Face, Augmentation::Digit}) {
    if (name == to_string(kind)) return kind;
  }
  throw Error(ErrorCode::Format, "'aug': 'none', 'face' or 'digit' expected, not '" + name + "'");
}

/// Earlier versions could change faces by other amounts, which nothing here could draw again.
void require_usual_changes(const Json& json) {
  for (const auto& [name, usual] : {std::pair{"aug-strength", 1}, {"aug-light", 1}, {"aug-turn", 0}}) {
    if (json.value(name, Json(usual)) != usual) {
      throw Error(ErrorCode::Unsupported, std::string("'") + name + "': " + std::to_string(usual) +
                                              " or nothing expected: this version changes faces in one way");
    }
  }
}

}  // namespace

Rng ViewRule::rng(std::size_t row, std::size_t view) const {
  return Rng(seed, {kViewStream, row, view});
}

std::string to_text(const ViewRule& rule) {
  return Json({{"count", rule.count},
               {"aug", to_string(rule.augmentation)},
               {"seed", rule.seed},
               {"flip", rule.flip}})
      .dump();
}

TeacherVectors::TeacherVectors(const std::string& path) : file_(path, embed::Contents::Header) {
  file_.require_kind(kKind, kVersion);
  read_views();
  const embed::TensorView& digests = file_.tensor("pictures", embed::DType::I64, {-1});
  const auto count = static_cast<std::int64_t>(views_.count);
  vectors_ = &file_.tensor("vectors", embed::DType::F32, {digests.shape[0], count, embed::kEmbeddingDim});
  digests_.resize(static_cast<std::size_t>(digests.shape[0]));
  file_.read(digests, 0, digests_.data(), digests.bytes);
  teacher_ = file_.short_metadata_at("teacher");
  if (!Json::parse(teacher_, nullptr, false).is_object())
    throw Error(ErrorCode::Format, "a JSON object expected", path, "teacher");
  read_sources();
  if (rows_.size() != static_cast<std::size_t>(digests.shape[0])) {
    throw Error(ErrorCode::Format,
                std::to_string(rows_.size()) + " different sources for " + std::to_string(digests.shape[0]) +
                    " pictures",
                path, "sources");
  }
  check_vectors();
}

void TeacherVectors::check_vectors() const {
  std::vector<float> values(views_.count * embed::kEmbeddingDim);
  for (std::size_t row = 0; row < size(); ++row) {
    read_row(row, values.data());
    const auto finite = [](float value) { return std::isfinite(value); };
    if (!std::all_of(values.begin(), values.end(), finite))
      throw Error(ErrorCode::Format, "row " + std::to_string(row) + " is not finite", path(), "vectors");
  }
}

void TeacherVectors::read_views() {
  try {
    const Json json = Json::parse(file_.short_metadata_at("views"));
    views_.count = static_cast<std::size_t>(number_from(json, "count", kMostViews));
    if (views_.count == 0) throw Error(ErrorCode::Format, "'count': at least 1 expected");
    views_.augmentation = augmentation_from(json);
    require_usual_changes(json);
    if (!json.at("seed").is_number_unsigned())
      throw Error(ErrorCode::Format, "'seed': a whole number from 0 expected");
    views_.seed = json.at("seed").get<std::uint64_t>();
    views_.flip = json.at("flip").get<bool>();
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::Format, error.what(), path(), "views");
  } catch (const Error& error) {
    throw error.file().empty() ? Error(error.code(), error.what(), path(), "views") : error;
  }
}

void TeacherVectors::read_sources() {
  for (std::string& source : file_.strings_at("sources", digests_.size()))
    rows_.emplace(std::move(source), rows_.size());
  file_.drop_metadata("sources");
}

std::size_t TeacherVectors::row_of(const std::string& source) const {
  const auto found = rows_.find(source);
  return found == rows_.end() ? size() : found->second;
}

void TeacherVectors::read_row(std::size_t row, float* out) const {
  const std::size_t bytes = views_.count * embed::kEmbeddingDim * sizeof(float);
  file_.read(*vectors_, std::uint64_t{row} * bytes, out, bytes);
}

std::int64_t picture_digest(const std::uint8_t* picture, std::size_t bytes) {
  const std::string hex = embed::sha256_hex(picture, bytes);
  return static_cast<std::int64_t>(std::stoull(hex.substr(0, 16), nullptr, 16));
}

}  // namespace training
