// SPDX-License-Identifier: LGPL-2.1-or-later
// The file: a row for each track, the rows of a group behind each other. Tensors `embeddings` F32 [N, 128],
// `weight` F32 [N], `looks`, `group`, `first`, `last` and `camera` I64 [N], and `joined` I64 [J, 2]; metadata
// `cameras` (JSON array of strings), `last_number` and `weights_sha256`.
#include "identity/strangers_file.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/distance_kernels.h"
#include "embed/error.h"
#include "embed/safetensors.h"
#include "files/safetensors_types.h"

namespace embed::identity {
namespace {

constexpr const char* kKind = "tripletembed.strangers";
constexpr int kVersion = 1;
constexpr std::size_t kMostGroups = 65'536;
constexpr std::size_t kMostCameras = 65'536;
constexpr std::size_t kMostJoined = 65'536;
// Numbers that are exact as a double too, for those who read the file in other languages.
constexpr std::int64_t kMostNumber = std::int64_t{1} << 53;
constexpr float kShortest = 0.1F, kLongest = 1.01F;

struct Columns {
  std::vector<Embedding> means;
  std::vector<float> weight;
  std::vector<std::int64_t> looks, group, first, last, camera;
};

template <typename T>
TensorPieces column_of(DType dtype, const std::vector<T>& values, std::vector<std::int64_t> shape) {
  return {dtype,
          std::move(shape),
          {{reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(T)}}};
}

template <typename T>
std::vector<T> read_column(const SafetensorsFile& file, const TensorView& tensor, std::size_t count) {
  std::vector<T> values(count);
  file.read(tensor, 0, values.data(), count * sizeof(T));
  return values;
}

[[noreturn]] void refuse(const SafetensorsFile& file, std::size_t row, const char* field,
                         const std::string& expected) {
  throw Error(ErrorCode::Format, "row " + std::to_string(row) + ": " + expected + " expected", file.path(),
              field);
}

Columns read_columns(const SafetensorsFile& file) {
  const TensorView& means =
      file.tensor("embeddings", DType::F32, {-1, static_cast<std::int64_t>(kEmbeddingDim)});
  const std::int64_t rows = means.shape[0];
  const auto count = static_cast<std::size_t>(rows);
  if (count > kMostGroups * StrangerGroups::kMostMembers)
    throw Error(ErrorCode::Format, "at most 1,048,576 rows expected", file.path(), "embeddings");
  const auto whole = [&](const char* name) {
    return read_column<std::int64_t>(file, file.tensor(name, DType::I64, {rows}), count);
  };
  const TensorView& weight = file.tensor("weight", DType::F32, {rows});
  return {read_column<Embedding>(file, means, count),
          read_column<float>(file, weight, count),
          whole("looks"),
          whole("group"),
          whole("first"),
          whole("last"),
          whole("camera")};
}

void check_row(const SafetensorsFile& file, const Columns& columns, std::size_t row, std::size_t cameras,
               std::int64_t last_number) {
  const float length = norm(columns.means[row].data());
  if (!(length >= kShortest && length <= kLongest))
    refuse(file, row, "embeddings", "a vector of length 0.1 to 1");
  const float weight = columns.weight[row];
  if (!(weight > 0 && weight < 1e9F)) refuse(file, row, "weight", "a number above 0");
  if (columns.looks[row] < 1 || columns.looks[row] > kMostNumber) refuse(file, row, "looks", "1 or more");
  if (columns.group[row] < 1 || columns.group[row] > last_number)
    refuse(file, row, "group", "1 to " + std::to_string(last_number));
  if (row > 0 && columns.group[row] < columns.group[row - 1])
    refuse(file, row, "group", "the number of the row before, or a higher one,");
  if (columns.first[row] < 0 || columns.first[row] > kMostNumber)
    refuse(file, row, "first", "a time from 1970 on");
  if (columns.last[row] < columns.first[row] || columns.last[row] > kMostNumber)
    refuse(file, row, "last", "a time that is not before 'first'");
  if (columns.camera[row] < 0 || static_cast<std::uint64_t>(columns.camera[row]) >= cameras)
    refuse(file, row, "camera", "0 to " + std::to_string(cameras) + ", without the latter,");
}

std::vector<Group> groups_of(const SafetensorsFile& file, const Columns& columns, std::size_t cameras,
                             std::int64_t last_number) {
  std::vector<Group> groups;
  for (std::size_t row = 0; row < columns.means.size(); ++row) {
    check_row(file, columns, row, cameras, last_number);
    const auto number = static_cast<std::uint64_t>(columns.group[row]);
    if (groups.empty() || groups.back().number != number) groups.push_back({number, {}, {}, 0});
    std::vector<Member>& members = groups.back().members;
    if (members.size() == StrangerGroups::kMostMembers)
      refuse(file, row, "group",
             "at most " + std::to_string(StrangerGroups::kMostMembers) + " rows of a number");
    if (groups.size() > kMostGroups)
      refuse(file, row, "group", "at most " + std::to_string(kMostGroups) + " numbers");
    members.push_back({{},
                       columns.means[row],
                       columns.weight[row],
                       static_cast<std::uint64_t>(columns.looks[row]),
                       columns.first[row],
                       columns.last[row],
                       static_cast<std::uint32_t>(columns.camera[row])});
  }
  return groups;
}

std::map<std::uint64_t, std::uint64_t> read_joined(const SafetensorsFile& file, std::int64_t last_number) {
  const TensorView& tensor = file.tensor("joined", DType::I64, {-1, 2});
  const auto count = static_cast<std::size_t>(tensor.shape[0]);
  if (count > kMostJoined)
    throw Error(ErrorCode::Format, "at most " + std::to_string(kMostJoined) + " rows expected", file.path(),
                "joined");
  const auto pairs = read_column<std::int64_t>(file, tensor, 2 * count);
  std::map<std::uint64_t, std::uint64_t> joined;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t from = pairs[2 * i], to = pairs[2 * i + 1];
    if (to < 1 || from <= to || from > last_number)
      refuse(file, i, "joined",
             "two numbers up to " + std::to_string(last_number) + ", the second one lower,");
    joined[static_cast<std::uint64_t>(from)] = static_cast<std::uint64_t>(to);
  }
  return joined;
}

std::int64_t read_last_number(const SafetensorsFile& file) {
  const std::string& text = file.short_metadata_at("last_number");
  const bool digits = !text.empty() && text.size() <= 16 &&
                      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  const std::int64_t number = digits ? std::stoll(text) : -1;
  if (number < 0 || number > kMostNumber)
    throw Error(ErrorCode::Format, "'" + text.substr(0, 20) + "', a whole number from 0 to 2⁵³ expected",
                file.path(), "last_number");
  return number;
}

StrangersContent content_of(const SafetensorsFile& file) {
  StrangersContent content;
  const std::int64_t last_number = read_last_number(file);
  content.last_number = static_cast<std::uint64_t>(last_number);
  content.cameras = file.strings_at("cameras", kMostCameras);
  content.groups = groups_of(file, read_columns(file), content.cameras.size(), last_number);
  content.joined = read_joined(file, last_number);
  return content;
}

}  // namespace

void write_strangers(const std::string& path, const std::string& weights_sha256,
                     const StrangersContent& content) {
  Columns columns;
  for (const Group& group : content.groups) {
    for (const Member& member : group.members) {
      columns.means.push_back(member.mean);
      columns.weight.push_back(member.weight);
      columns.looks.push_back(static_cast<std::int64_t>(member.looks));
      columns.group.push_back(static_cast<std::int64_t>(group.number));
      columns.first.push_back(member.first);
      columns.last.push_back(member.last);
      columns.camera.push_back(member.camera);
    }
  }
  std::vector<std::int64_t> joined;
  for (const auto& [from, to] : content.joined) {
    joined.push_back(static_cast<std::int64_t>(from));
    joined.push_back(static_cast<std::int64_t>(to));
  }
  const auto rows = static_cast<std::int64_t>(columns.means.size());
  const std::map<std::string, TensorPieces> tensors = {
      {"embeddings", column_of(DType::F32, columns.means, {rows, static_cast<std::int64_t>(kEmbeddingDim)})},
      {"weight", column_of(DType::F32, columns.weight, {rows})},
      {"looks", column_of(DType::I64, columns.looks, {rows})},
      {"group", column_of(DType::I64, columns.group, {rows})},
      {"first", column_of(DType::I64, columns.first, {rows})},
      {"last", column_of(DType::I64, columns.last, {rows})},
      {"camera", column_of(DType::I64, columns.camera, {rows})},
      {"joined", column_of(DType::I64, joined, {static_cast<std::int64_t>(joined.size() / 2), 2})}};
  const auto text =
      nlohmann::json(content.cameras).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  write_safetensors_pieces(path, tensors,
                           {{"kind", kKind},
                            {"version", std::to_string(kVersion)},
                            {"cameras", text},
                            {"last_number", std::to_string(content.last_number)},
                            {"weights_sha256", weights_sha256}},
                           Readers::Owner);
}

StrangersContent read_strangers(const std::string& path, const std::string& weights_sha256) {
  const SafetensorsFile file(path, Contents::Header);
  file.require_kind(kKind, kVersion);
  if (const std::string& other = file.metadata_at("weights_sha256"); other != weights_sha256) {
    throw Error(ErrorCode::Mismatch,
                "made with other weights (strangers: " + other.substr(0, 12) + "…, loaded weights: " +
                    weights_sha256.substr(0, 12) + "…); name another file for these weights",
                path, "weights_sha256");
  }
  return content_of(file);
}

StrangersContent read_strangers(const std::string& path) {
  const SafetensorsFile file(path, Contents::Header);
  file.require_kind(kKind, kVersion);
  return content_of(file);
}

}  // namespace embed::identity
