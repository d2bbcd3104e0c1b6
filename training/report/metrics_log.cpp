// SPDX-License-Identifier: LGPL-2.1-or-later
#include "report/metrics_log.h"

#include <array>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "embed/error.h"
#include "embed/safetensors.h"

namespace training {

namespace {

nlohmann::json to_json(const StepReport& report) {
  nlohmann::json json = {{"epoch", report.epoch},         {"batch", report.batch},
                         {"loss", report.loss},           {"active", report.active},
                         {"lr", report.learning_rate},    {"images_per_second", report.images_per_second},
                         {"data_wait", report.data_wait}, {"gradient_norm", report.gradient_norm}};
  if (report.has_teacher)
    json["teacher"] = {{"cosine", report.teacher_cosine}, {"share", report.teacher_share}};
  if (report.kinds != std::array<std::int64_t, 3>{}) {
    json["triplets"] = {{"easy", report.kinds[0]}, {"semi_hard", report.kinds[1]}, {"hard", report.kinds[2]}};
  }
  if (std::isfinite(report.distances[0][1])) {
    json["margin"] = report.margin;
    json["distances"] = {{"positive", report.distances[0]}, {"negative", report.distances[1]}};
  }
  return json;
}

std::size_t step_number(const StepReport& report) {
  return (report.epoch - 1) * report.batches + report.batch;
}

using Scalars = std::vector<std::pair<std::string, double>>;

Scalars scalars_of(const StepReport& report) {
  Scalars scalars = {{"train/loss", report.loss},
                     {"train/active", report.active},
                     {"train/learning_rate", report.learning_rate},
                     {"train/gradient_norm", report.gradient_norm},
                     {"speed/images_per_second", report.images_per_second},
                     {"speed/data_wait", report.data_wait}};
  if (report.has_teacher) {
    scalars.emplace_back("teacher/cosine", report.teacher_cosine);
    scalars.emplace_back("speed/teacher_share", report.teacher_share);
  }
  const double all = static_cast<double>(report.kinds[0] + report.kinds[1] + report.kinds[2]);
  if (all > 0) {
    const std::array<const char*, 3> names = {"triplets/easy", "triplets/semi_hard", "triplets/hard"};
    for (std::size_t i = 0; i < 3; ++i)
      scalars.emplace_back(names[i], static_cast<double>(report.kinds[i]) / all);
    scalars.emplace_back("train/margin", report.margin);
  }
  const std::array<const char*, 3> percentiles = {"_p10", "_p50", "_p90"};
  for (std::size_t i = 0; i < 6; ++i) {
    scalars.emplace_back(std::string(i < 3 ? "distance/positive" : "distance/negative") + percentiles[i % 3],
                         report.distances[i / 3][i % 3]);
  }
  return scalars;
}

/// The step's values and every number of the validation.
Scalars scalars_of(const EpochReport& report) {
  Scalars scalars = scalars_of(report.step);
  if (report.validation.empty()) return scalars;
  const nlohmann::json validation = nlohmann::json::parse(report.validation);
  for (const auto& [key, value] : validation.items()) {
    if (value.is_number()) scalars.emplace_back("validation/" + key, value.get<double>());
  }
  return scalars;
}

/// Where the run's inputs and outputs are, absolute, so that a report finds them from anywhere.
nlohmann::json files_of(const TrainOptions& options) {
  const auto absolute = [](const std::string& path) {
    return path.empty() ? path : std::filesystem::absolute(path).lexically_normal().string();
  };
  nlohmann::json data = nlohmann::json::array();
  for (const std::string& path : options.data) data.push_back(absolute(path));
  return {{"data", data}, {"val", absolute(options.val)}, {"weights", absolute(options.out)}};
}

/// A run that was killed, or that met a full disk, may have left a part of a line: what follows must not be
/// glued to it.
void cut_half_line(const std::string& path) {
  constexpr std::uintmax_t kStep = 4096;
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return;  // There is none yet.
  std::ifstream file(path, std::ios::binary);
  std::uintmax_t end = size;
  std::string part;
  while (end > 0) {
    const std::uintmax_t start = end > kStep ? end - kStep : 0;
    part.resize(static_cast<std::size_t>(end - start));
    file.seekg(static_cast<std::streamoff>(start));
    if (!file.read(part.data(), static_cast<std::streamsize>(part.size()))) return;
    const std::size_t newline = part.rfind('\n');
    end = newline == std::string::npos ? start : start + newline + 1;
    if (newline != std::string::npos) break;
  }
  if (end != size) std::filesystem::resize_file(path, end, error);
}

}  // namespace

MetricsLog::MetricsLog(const std::string& folder, bool resume) : path_(folder + "/metrics.jsonl") {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw embed::Error(embed::ErrorCode::Io, "cannot make the folder: " + error.message(), folder);
  embed::check_writable(path_);
  if (resume) cut_half_line(path_);
  file_.open(path_, resume ? std::ios::app : std::ios::trunc);
  if (!file_) throw embed::Error(embed::ErrorCode::Io, "cannot be written", path_);
  board_.emplace(folder);
}

void MetricsLog::write(const std::string& line) {
  file_ << line << '\n' << std::flush;
  if (file_) return;
  file_.close();
  cut_half_line(path_);
  throw embed::Error(embed::ErrorCode::Io, "cannot be written (is the disk full?)", path_);
}

void MetricsLog::start(const RunReport& report, const TrainOptions& options) {
  const nlohmann::json json = {{"event", "start"},
                               {"images", report.images},
                               {"identities", report.identities},
                               {"second_kind", report.second_kind},
                               {"validation_images", report.validation_images},
                               {"validation_identities", report.validation_identities},
                               {"batches", report.batches},
                               {"device", report.device},
                               {"threads", report.threads},
                               {"resumed_epoch", report.resumed_epoch},
                               {"resumed_batch", report.resumed_batch},
                               {"options", decisive_options(options)},
                               {"version", TRIPLETEMBED_VERSION},
                               {"files", files_of(options)},
                               {"without", options.without},
                               {"val_images", options.val_images},
                               {"val_flip", options.val_flip},
                               {"fingerprint", report.fingerprint}};
  // Paths are whatever the file system holds, which need not be UTF-8.
  write(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void MetricsLog::step(const StepReport& report) {
  nlohmann::json json = to_json(report);
  json["event"] = "step";
  board_->scalars(step_number(report), scalars_of(report));
  write(json.dump());
}

void MetricsLog::note(const std::string& event, const std::string& text) {
  write(nlohmann::json({{"event", event}, {"text", text}}).dump());
}

void MetricsLog::epoch(const EpochReport& report) {
  nlohmann::json json = to_json(report.step);
  json["event"] = "epoch";
  board_->scalars(step_number(report.step), scalars_of(report));
  json["seconds"] = report.seconds;
  json["best"] = report.best;
  if (!report.validation.empty()) json["validation"] = nlohmann::json::parse(report.validation);
  write(json.dump());
}

}  // namespace training
