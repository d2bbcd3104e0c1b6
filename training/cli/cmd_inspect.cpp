// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-train inspect: what is in a file.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/console.h"
#include "embed/dataset.h"
#include "embed/error.h"
#include "embed/gallery.h"
#include "embed/model_info.h"
#include "embed/printable.h"
#include "embed/safetensors.h"
#include "pictures/pictures.h"

namespace training::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kWeights = "tripletembed.weights";
constexpr const char* kGallery = "tripletembed.gallery";
constexpr const char* kCheckpoint = "tripletembed.checkpoint";
constexpr const char* kDataset = "tripletembed.dataset";
/// Longer metadata (the names and sources of a large set) is not shown whole.
constexpr std::size_t kLongest = 2000;

struct InspectOptions {
  std::string file;
  bool json = false;
};

Json weights_json(const embed::SafetensorsFile& file) {
  file.require_kind(kWeights, 1);
  const embed::ModelInfo info = embed::model_info_from_metadata(file.metadata(), file.path());
  embed::require_network(file, "", info.input.channels);
  std::int64_t values = 0;
  for (const auto& [name, tensor] : file.tensors()) {
    values += static_cast<std::int64_t>(tensor.bytes / embed::size_of(tensor.dtype));
  }
  return {{"arch", info.arch},
          {"head", embed::to_string(info.head)},
          {"embedding_dim", embed::kEmbeddingDim},
          {"input",
           {{"width", info.input.width}, {"height", info.input.height}, {"channels", info.input.channels}}},
          {"alignment", embed::to_string(info.input.crop.alignment)},
          {"metric", embed::to_string(info.metric)},
          {"threshold", info.threshold ? Json(*info.threshold) : Json(nullptr)},
          {"threshold_far", info.threshold_far ? Json(*info.threshold_far) : Json(nullptr)},
          {"far_table", info.far_table.empty() ? Json(nullptr) : Json::parse(info.far_table.to_json())},
          {"weights_sha256", embed::weights_sha256(file, info)},
          {"values", values}};
}

/// What a run can be resumed from: its network and where it stood.
void check_checkpoint(const embed::SafetensorsFile& file) {
  constexpr const char* kStem = "network.stem_conv.weight";
  const std::vector<std::int64_t> shape = file.tensor(kStem).shape;
  const bool grey = shape.size() == 4 && shape[1] == 1;
  embed::require_network(file, "network.", grey ? 1 : 3);
  for (const char* key : {"options", "progress"}) {
    if (!Json::parse(file.short_metadata_at(key), nullptr, /*allow_exceptions=*/false).is_object())
      throw embed::Error(embed::ErrorCode::Format, "a JSON object expected", file.path(), key);
  }
}

Json gallery_json(const std::string& path) {
  const embed::Gallery gallery = embed::Gallery::load(path);
  Json names = Json::array();
  for (std::size_t i = 0; i < gallery.names().size(); ++i) {
    const auto label_id = static_cast<std::int64_t>(i);
    Json person = {{"name", gallery.names()[i]},
                   {"id", gallery.person_id(label_id)},
                   {"embeddings", gallery.rows_of(label_id)}};
    const std::size_t counter_examples = gallery.rows_of(label_id, embed::Role::CounterExample);
    if (counter_examples > 0) person["counter_examples"] = counter_examples;
    if (!gallery.note(label_id).empty()) person["note"] = gallery.note(label_id);
    names.push_back(std::move(person));
  }
  return {{"metric", embed::to_string(gallery.metric())},
          {"threshold", gallery.threshold() ? Json(*gallery.threshold()) : Json(nullptr)},
          {"weights_sha256", gallery.weights_sha256()},
          {"embeddings", gallery.rows()},
          {"identities", names}};
}

Json dataset_json(const std::string& path) {
  const embed::Dataset set(path);
  std::vector<std::size_t> sizes(set.class_names().size());
  for (std::size_t i = 0; i < set.size(); ++i) ++sizes[static_cast<std::size_t>(set.label(i))];
  Json result = {{"images", set.size()},       {"width", set.width()},     {"height", set.height()},
                 {"channels", set.channels()}, {"context", set.context()}, {"identities", sizes.size()}};
  if (!sizes.empty()) {
    result["smallest_identity"] = *std::min_element(sizes.begin(), sizes.end());
    result["largest_identity"] = *std::max_element(sizes.begin(), sizes.end());
  }
  return result;
}

Json safetensors_json(const std::string& path) {
  const embed::SafetensorsFile file(path, embed::Contents::Header);
  const auto kind_at = file.metadata().find("kind");
  const std::string kind = kind_at == file.metadata().end() ? "safetensors" : kind_at->second;
  Json result = {
      {"file", path}, {"kind", kind}, {"bytes", std::filesystem::file_size(path)}, {"sha256", file.sha256()}};
  if (kind == kWeights) result["weights"] = weights_json(file);
  if (kind == kCheckpoint) check_checkpoint(file);
  if (kind == kGallery) result["gallery"] = gallery_json(path);
  if (kind == kDataset) result["dataset"] = dataset_json(path);
  result["metadata"] = Json::object();
  for (const auto& [key, value] : file.metadata()) {
    result["metadata"][key] =
        value.size() <= kLongest ? value : "(" + std::to_string(value.size()) + " bytes, not shown)";
  }
  result["tensors"] = Json::array();
  for (const auto& [name, tensor] : file.tensors()) {
    result["tensors"].push_back({{"name", name},
                                 {"dtype", embed::to_string(tensor.dtype)},
                                 {"shape", tensor.shape},
                                 {"bytes", tensor.bytes}});
  }
  return result;
}

void print_values(const Json& values, const char* indent) {
  for (const auto& [key, value] : values.items()) {
    if (value.is_array()) continue;
    // Of a text with line feeds the second line would look like one of ours.
    const std::string text = value.is_string() ? embed::printable(value.get<std::string>())
                             : value.is_null() ? "-"
                                               : value.dump();
    print("%s%-22s %s\n", indent, embed::printable(key).c_str(), text.c_str());
  }
}

void print_file(const Json& result) {
  for (const auto& [key, value] : result.items()) {
    if (value.is_object()) {
      print("%s\n", key.c_str());
      print_values(value, "  ");
      if (!value.contains("identities") || !value["identities"].is_array()) continue;
      for (const Json& one : value["identities"]) {
        print("  %-40s %zu embeddings\n", embed::printable(one["name"].get<std::string>()).c_str(),
              one["embeddings"].get<std::size_t>());
      }
    } else if (!value.is_array()) {
      print_values(Json{{key, value}}, "");
    }
  }
  if (!result.contains("tensors")) return;
  print("tensors                  %zu\n", result["tensors"].size());
  for (const Json& tensor : result["tensors"]) {
    print("  %-40s %-5s %-20s %zu bytes\n", embed::printable(tensor["name"].get<std::string>()).c_str(),
          tensor["dtype"].get<std::string>().c_str(), tensor["shape"].dump().c_str(),
          tensor["bytes"].get<std::size_t>());
  }
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

int inspect(const InspectOptions& options) {
  Json result;
  if (ends_with(options.file, ".onnx") || ends_with(options.file, ".xml")) {
    result = {{"file", options.file},
              {"kind", "face detector"},
              {"detector", pictures::describe_detector(options.file)}};
  } else {
    result = safetensors_json(options.file);
  }
  if (options.json) {
    print("%s\n", result.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
  } else {
    print_file(result);
  }
  return 0;
}

}  // namespace

void add_inspect(CLI::App& app, Action& action) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App* command = app.add_subcommand("inspect", "Says what is in a file, and checks it");
  command
      ->add_option(
          "file", options->file,
          "Weights, gallery, data set, checkpoint, any safetensors file, or a detector (.onnx, .xml)")
      ->required()
      ->type_name("FILE");
  command->add_flag("--json", options->json, "One JSON object on the standard output");
  command->footer(
      "Nothing that is read from the file is executed. Exit status 1 for a file that is broken.\n\n"
      "Example:\n"
      "  triplet-train inspect people.safetensors --json");
  command->callback([options, &action] { action = [options] { return inspect(*options); }; });
}

}  // namespace training::cli
