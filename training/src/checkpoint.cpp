// SPDX-License-Identifier: LGPL-2.1-or-later
#include "checkpoint.h"

#include <algorithm>
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

nlohmann::json to_json(const Progress& progress) {
  return {{"epoch", progress.epoch},
          {"batch", progress.batch},
          {"step", progress.step},
          {"updates", progress.updates},
          {"rate_factor", progress.rate_factor},
          {"stale", progress.stale},
          {"plateau", progress.plateau},
          {"stopped", progress.stopped},
          {"gap", progress.gap},
          {"has_measure", progress.has_measure},
          {"measure", progress.measure},
          {"has_best", progress.has_best},
          {"best", progress.best},
          {"best_epoch", progress.best_epoch},
          {"best_evaluation", progress.best_evaluation}};
}

Progress progress_from(const embed::SafetensorsFile& file) {
  try {
    const nlohmann::json json = nlohmann::json::parse(file.metadata_at("progress"));
    Progress progress;
    for (const char* count : {"epoch", "batch", "step", "updates", "stale", "plateau", "best_epoch"}) {
      if (!json.at(count).is_number_unsigned()) {
        throw Error(ErrorCode::Format, std::string("'") + count + "': a whole number from 0 expected",
                    file.path(), "progress");
      }
    }
    progress.epoch = json.at("epoch").get<std::size_t>();
    progress.batch = json.at("batch").get<std::size_t>();
    progress.step = json.at("step").get<std::size_t>();
    progress.updates = json.at("updates").get<std::size_t>();
    progress.rate_factor = json.at("rate_factor").get<double>();
    progress.stale = json.at("stale").get<std::size_t>();
    progress.plateau = json.at("plateau").get<std::size_t>();
    progress.stopped = json.at("stopped").get<bool>();
    progress.gap = json.at("gap").get<double>();
    progress.has_measure = json.at("has_measure").get<bool>();
    progress.measure = json.at("measure").get<double>();
    progress.has_best = json.at("has_best").get<bool>();
    progress.best = json.at("best").get<double>();
    progress.best_epoch = json.at("best_epoch").get<std::size_t>();
    progress.best_evaluation = json.at("best_evaluation").get<std::string>();
    return progress;
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::Format, error.what(), file.path(), "progress");
  }
}

void check_options(const embed::SafetensorsFile& file, const std::map<std::string, std::string>& options) {
  const nlohmann::json stored = nlohmann::json::parse(file.metadata_at("options"), nullptr, false);
  if (!stored.is_object()) throw Error(ErrorCode::Format, "a JSON object expected", file.path(), "options");
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
