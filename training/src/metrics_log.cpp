// SPDX-License-Identifier: LGPL-2.1-or-later
#include "metrics_log.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "embed/error.h"

namespace training {

namespace {

nlohmann::json to_json(const StepReport& report) {
  return {{"epoch", report.epoch},        {"batch", report.batch},
          {"loss", report.loss},          {"active", report.active},
          {"lr", report.learning_rate},   {"images_per_second", report.images_per_second},
          {"data_wait", report.data_wait}};
}

}  // namespace

MetricsLog::MetricsLog(const std::string& folder, bool resume) : path_(folder + "/metrics.jsonl") {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw embed::Error(embed::ErrorCode::Io, "cannot make the folder: " + error.message(), folder);
  file_.open(path_, resume ? std::ios::app : std::ios::trunc);
  if (!file_) throw embed::Error(embed::ErrorCode::Io, "cannot be written", path_);
}

void MetricsLog::write(const std::string& line) {
  file_ << line << '\n' << std::flush;
  if (!file_) throw embed::Error(embed::ErrorCode::Io, "cannot be written (is the disk full?)", path_);
}

void MetricsLog::start(const RunReport& report, const TrainOptions& options) {
  const nlohmann::json json = {{"event", "start"},
                               {"images", report.images},
                               {"identities", report.identities},
                               {"validation_images", report.validation_images},
                               {"validation_identities", report.validation_identities},
                               {"batches", report.batches},
                               {"device", report.device},
                               {"threads", report.threads},
                               {"resumed_epoch", report.resumed_epoch},
                               {"resumed_batch", report.resumed_batch},
                               {"options", decisive_options(options)}};
  write(json.dump());
}

void MetricsLog::step(const StepReport& report) {
  nlohmann::json json = to_json(report);
  json["event"] = "step";
  write(json.dump());
}

void MetricsLog::epoch(const EpochReport& report, const std::string& triplet_kinds) {
  nlohmann::json json = to_json(report.step);
  json["event"] = "epoch";
  json["seconds"] = report.seconds;
  json["best"] = report.best;
  if (!report.validation.empty()) json["validation"] = nlohmann::json::parse(report.validation);
  if (!triplet_kinds.empty()) json["triplets"] = nlohmann::json::parse(triplet_kinds);
  write(json.dump());
}

}  // namespace training
