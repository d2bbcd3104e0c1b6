// SPDX-License-Identifier: LGPL-2.1-or-later
#include "learn/checkpoint.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "embed/error.h"
#include "embed/nn/weights.h"
#include "embed/safetensors.h"

namespace training {

namespace {

using embed::Error;
using embed::ErrorCode;

constexpr const char* kKind = "tripletembed.checkpoint";
constexpr int kVersion = 3;

nlohmann::json to_json(const EpochSums& sums) {
  return {{"loss", sums.loss},
          {"active", sums.active},
          {"gradient_norm", sums.gradient_norm},
          {"steps", sums.steps},
          {"updates", sums.updates},
          {"spreads", sums.spreads},
          {"kinds", sums.kinds},
          {"distances", sums.distances},
          {"learning_rate", sums.learning_rate},
          {"margin", sums.margin},
          {"seconds", sums.seconds},
          {"waited", sums.waited},
          {"teacher_cosine", sums.teacher_cosine},
          {"teacher_seconds", sums.teacher_seconds}};
}

std::size_t count_from(const nlohmann::json& json, const char* name, const std::string& path) {
  if (!json.at(name).is_number_unsigned()) {
    throw Error(ErrorCode::Format, std::string("'") + name + "': a whole number from 0 expected", path,
                "progress");
  }
  return json.at(name).get<std::size_t>();
}

/// JSON has null for what is not finite.
double number_from(const nlohmann::json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

EpochSums sums_from(const nlohmann::json& json, const std::string& path) {
  EpochSums sums;
  sums.loss = number_from(json.at("loss"));
  sums.active = number_from(json.at("active"));
  sums.gradient_norm = number_from(json.at("gradient_norm"));
  sums.steps = count_from(json, "steps", path);
  sums.updates = count_from(json, "updates", path);
  sums.spreads = count_from(json, "spreads", path);
  for (std::size_t i = 0; i < 3; ++i) sums.kinds[i] = json.at("kinds").at(i).get<std::int64_t>();
  for (std::size_t i = 0; i < 6; ++i)
    sums.distances[i / 3][i % 3] = number_from(json.at("distances").at(i / 3).at(i % 3));
  sums.learning_rate = number_from(json.at("learning_rate"));
  sums.margin = number_from(json.at("margin"));
  sums.seconds = number_from(json.at("seconds"));
  sums.waited = number_from(json.at("waited"));
  if (!json.contains("teacher_cosine")) return sums;  // Of an earlier version.
  sums.teacher_cosine = number_from(json.at("teacher_cosine"));
  sums.teacher_seconds = number_from(json.at("teacher_seconds"));
  return sums;
}

nlohmann::json to_json(const Progress& progress) {
  return {{"epoch", progress.epoch},
          {"batch", progress.batch},
          {"step", progress.step},
          {"updates", progress.updates},
          {"rate_factor", progress.rate_factor},
          {"stale", progress.stale},
          {"plateau", progress.plateau},
          {"stopped", progress.stopped},
          {"has_measure", progress.has_measure},
          {"measure", progress.measure},
          {"has_best", progress.has_best},
          {"best", progress.best},
          {"best_epoch", progress.best_epoch},
          {"best_evaluation", progress.best_evaluation},
          {"sums", to_json(progress.sums)},
          {"busy_seconds", progress.busy_seconds},
          {"images", progress.images}};
}

Progress progress_from(const embed::SafetensorsFile& file) {
  try {
    const nlohmann::json json = nlohmann::json::parse(file.short_metadata_at("progress"));
    Progress progress;
    const auto count = [&](const char* name) { return count_from(json, name, file.path()); };
    progress.epoch = count("epoch");
    progress.batch = count("batch");
    progress.step = count("step");
    progress.updates = count("updates");
    progress.rate_factor = json.at("rate_factor").get<double>();
    progress.stale = count("stale");
    progress.plateau = count("plateau");
    progress.stopped = json.at("stopped").get<bool>();
    progress.has_measure = json.at("has_measure").get<bool>();
    progress.measure = json.at("measure").get<double>();
    progress.has_best = json.at("has_best").get<bool>();
    progress.best = json.at("best").get<double>();
    progress.best_epoch = count("best_epoch");
    progress.best_evaluation = json.at("best_evaluation").get<std::string>();
    if (!json.contains("sums")) return progress;  // Of an earlier version.
    progress.sums = sums_from(json.at("sums"), file.path());
    progress.busy_seconds = number_from(json.at("busy_seconds"));
    progress.images = count("images");
    return progress;
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::Format, error.what(), file.path(), "progress");
  }
}

/// Options of earlier versions: with what stands here they did nothing, and with anything else nothing here
/// can go on.
constexpr std::pair<const char*, const char*> kGone[] = {{"aug-strength", "1.0"},
                                                         {"aug-light", "1.0"},
                                                         {"aug-turn", "0.0"},
                                                         {"quarter-turns", "false"},
                                                         {"label-smoothing", "0.0"}};

/// What a checkpoint of an earlier version says, in the words of this one.
void bring_up_to_date(const embed::SafetensorsFile& file, nlohmann::json& stored) {
  const auto refuse = [&](const std::string& name, const nlohmann::json& value) {
    throw Error(ErrorCode::Unsupported,
                "the checkpoint was made with --" + name + " " +
                    (value.is_string() ? value.get<std::string>() : value.dump()) +
                    ", which this version does not have: start anew without --resume",
                file.path(), name);
  };
  for (const auto& [name, idle] : kGone) {
    const auto found = stored.find(name);
    if (found != stored.end() && *found != idle) refuse(name, *found);
  }
  const auto schedule = stored.find("margin-schedule");
  if (schedule == stored.end()) return;
  if (*schedule == "constant") stored["margin-epochs"] = "0.0";
  if (*schedule != "constant" && *schedule != "linear") refuse("margin-schedule", *schedule);
}

void check_options(const embed::SafetensorsFile& file, const std::map<std::string, std::string>& options) {
  nlohmann::json stored = nlohmann::json::parse(file.short_metadata_at("options"), nullptr, false);
  if (!stored.is_object()) throw Error(ErrorCode::Format, "a JSON object expected", file.path(), "options");
  bring_up_to_date(file, stored);
  // The data last: a split by another --seed is other data too, and the seed is what to mend.
  std::vector<std::pair<std::string, std::string>> in_order(options.begin(), options.end());
  std::stable_partition(in_order.begin(), in_order.end(),
                        [](const auto& option) { return option.first.rfind("data", 0) != 0; });
  for (const auto& [name, value] : in_order) {
    const auto found = stored.find(name);
    const std::string before =
        found != stored.end() && found->is_string() ? found->get<std::string>() : "(not set)";
    if (before != value) {
      throw Error(ErrorCode::Mismatch,
                  "the checkpoint was made with --" + name + " " + before + ", this run has " + value +
                      ": use the same, or start anew without --resume",
                  file.path(), name);
    }
  }
}

}  // namespace

void save_checkpoint(const std::string& path, const StateTensors& tensors, const Progress& progress,
                     const std::map<std::string, std::string>& options) {
  std::vector<torch::Tensor> kept;
  std::map<std::string, embed::TensorView> views;
  for (const auto& [name, tensor] : tensors) {
    kept.push_back(tensor.detach().to(torch::kCPU).contiguous());
    views[name] = embed::nn::to_view(kept.back());
  }
  const std::map<std::string, std::string> metadata = {{"kind", kKind},
                                                       {"version", std::to_string(kVersion)},
                                                       {"options", nlohmann::json(options).dump()},
                                                       {"progress", to_json(progress).dump()}};
  embed::write_safetensors(path, views, metadata);
}

Progress load_checkpoint(const std::string& path, const StateTensors& tensors,
                         const std::map<std::string, std::string>& options) {
  const embed::SafetensorsFile file(path);
  file.require_kind(kKind, kVersion);
  check_options(file, options);
  const Progress progress = progress_from(file);
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : tensors) {
    const embed::TensorView& view = file.tensor(name, embed::DType::F32, tensor.sizes().vec());
    torch::Tensor target = tensor;
    target.copy_(embed::nn::to_tensor(view));
  }
  return progress;
}

}  // namespace training
