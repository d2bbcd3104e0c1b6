// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/report_sources.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <utility>

#include "cli/embed_set.h"
#include "embed/error.h"

namespace training::cli {

namespace {

using embed::Error;
using embed::ErrorCode;
namespace fs = std::filesystem;

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

fs::path folder_around(const RunLog& log) {
  return fs::absolute(log.folder + "/").lexically_normal().parent_path().parent_path();
}

/// Where the log says, or beside the run's folder.
std::string find_file(const RunLog& log, const std::string& recorded) {
  if (is_file(recorded)) return recorded;
  const fs::path beside = folder_around(log) / fs::path(recorded).filename();
  if (is_file(beside)) return beside.string();
  throw Error(ErrorCode::NotFound, "is not there any more, nor of that name beside the run's folder",
              recorded);
}

template <typename Number>
Number option(const RunLog& log, const std::string& name) {
  const auto found = log.start.options.find(name);
  const std::string text = found == log.start.options.end() ? "" : found->second;
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw Error(ErrorCode::Format, "a number expected, not '" + text + "'", log.folder + "/metrics.jsonl",
                "options." + name);
  return value;
}

/// What both kinds of owners have in common.
template <typename Owner>
FoundSet found_set(const Owner& owner, ImageList list, int channels, const std::string& path) {
  FoundSet result;
  result.owner = owner;
  result.pictures = {list.images, owner->width(), owner->height(), channels, owner->context(), path};
  result.list = std::move(list);
  return result;
}

FoundSet held_out(const RunLog& log, std::size_t most) {
  TrainOptions options;
  for (const std::string& path : log.start.data) options.data.push_back(find_file(log, path));
  options.val_fraction = option<double>(log, "val-fraction");
  options.min_images = option<std::size_t>(log, "min-images");
  options.seed = option<std::uint64_t>(log, "seed");
  options.without = log.start.without;
  options.val_images = most;
  const auto set = std::make_shared<TrainingSet>(options);
  FoundSet result = found_set(set, set->validation(), set->input().channels, options.data.front());
  result.description = "identities held out of " + fs::path(options.data.front()).filename().string();
  if (options.data.size() > 1)
    result.description += " and " + std::to_string(options.data.size() - 1) + " more";
  if (most == log.start.val_images && !log.start.fingerprint.empty() &&
      log.start.fingerprint != set->fingerprint()) {
    result.note =
        "The data sets have changed since the run: these are not the pictures that it validated on.";
  }
  return result;
}

}  // namespace

FoundSet open_set(const std::string& path, std::size_t most, std::uint64_t seed) {
  const auto set = std::make_shared<embed::Dataset>(path);
  FoundSet result = found_set(set, validation_list(*set, most, seed), set->channels(), path);
  result.description = fs::path(path).filename().string();
  if (result.list.size() < set->size()) {
    result.description += " (" + std::to_string(result.list.size()) + " of " + std::to_string(set->size()) +
                          " images, a seeded choice)";
  }
  return result;
}

FoundSet open_validation(const RunLog& log, std::size_t most) {
  const RunStart& start = log.start;
  const std::string file = log.folder + "/metrics.jsonl";
  if (!start.has_files) {
    throw Error(ErrorCode::NotFound,
                "does not say where the data are (an earlier version wrote it): name a set with --data",
                file);
  }
  if (start.second_kind > 0) {
    throw Error(
        ErrorCode::Unsupported,
        "is of a run with two kinds of picture, which a report does not measure across: name a set with "
        "--data, or use evaluate --other-data",
        file);
  }
  const std::size_t limit =
      start.val_images == 0 ? most : std::min<std::size_t>(most, static_cast<std::size_t>(start.val_images));
  if (!start.val.empty())
    return open_set(find_file(log, start.val), limit, option<std::uint64_t>(log, "seed"));
  if (start.data.empty() || start.validation_images == 0) {
    throw Error(ErrorCode::NotFound, "tells of a run without validation: name a set with --data", file);
  }
  return held_out(log, limit);
}

std::string find_weights(const RunLog& log) {
  if (!log.start.weights.empty()) return find_file(log, log.start.weights);
  const fs::path folder = fs::absolute(log.folder + "/").lexically_normal().parent_path();
  for (const char* extension : {".safetensors", ""}) {
    const fs::path beside = folder_around(log) / (folder.stem().string() + extension);
    if (folder.extension() == ".run" && is_file(beside)) return beside.string();
  }
  throw Error(ErrorCode::NotFound,
              "does not say where its weights are, and none lie beside it: name them with --weights",
              log.folder + "/metrics.jsonl");
}

}  // namespace training::cli
