// SPDX-License-Identifier: LGPL-2.1-or-later
#include "metrics_log.h"

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "embed/error.h"

namespace training {

namespace {

nlohmann::json to_json(const StepReport& report) {
  nlohmann::json json = {{"epoch", report.epoch},         {"batch", report.batch},
                         {"loss", report.loss},           {"active", report.active},
                         {"lr", report.learning_rate},    {"images_per_second", report.images_per_second},
                         {"data_wait", report.data_wait}, {"gradient_norm", report.gradient_norm}};
  if (report.kinds != std::array<std::int64_t, 3>{}) {
    json["triplets"] = {{"easy", report.kinds[0]}, {"semi_hard", report.kinds[1]}, {"hard", report.kinds[2]}};
  }
  if (std::isfinite(report.distances[0][1])) {
    json["margin"] = report.margin;
    json["distances"] = {{"positive", report.distances[0]}, {"negative", report.distances[1]}};
  }
  return json;
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

void MetricsLog::note(const std::string& event, const std::string& text) {
  write(nlohmann::json({{"event", event}, {"text", text}}).dump());
}

void MetricsLog::epoch(const EpochReport& report) {
  nlohmann::json json = to_json(report.step);
  json["event"] = "epoch";
  json["seconds"] = report.seconds;
  json["best"] = report.best;
  if (!report.validation.empty()) json["validation"] = nlohmann::json::parse(report.validation);
  write(json.dump());
}

}  // namespace training
