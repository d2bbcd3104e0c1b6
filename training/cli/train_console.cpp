// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/train_console.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace training::cli {

namespace {

constexpr double kSecondsBetweenLines = 30;

std::string duration(double seconds) {
  const auto total = static_cast<long>(std::lround(seconds));
  char text[32];
  if (total >= 3600) {
    std::snprintf(text, sizeof(text), "%ld:%02ld:%02ld", total / 3600, total / 60 % 60, total % 60);
  } else {
    std::snprintf(text, sizeof(text), "%ld:%02ld", total / 60, total % 60);
  }
  return text;
}

}  // namespace

Console::Console(const TrainOptions& options)
    : terminal_(isatty(STDERR_FILENO) != 0),
      signal_(options.loss == Loss::CosFace || options.loss == Loss::Softmax ? "right" : "active"),
      teacher_alone_(options.loss == Loss::None) {
  if (teacher_alone_) signal_ = "cosine to the teacher";
}

void Console::on_start(const RunReport& report) {
  std::fprintf(stderr, "%zu images of %zu identities, %dx%dx%d, %zu batches an epoch, on %s (%d threads)\n",
               report.images, report.identities, report.width, report.height, report.channels, report.batches,
               report.device.c_str(), report.threads);
  if (report.second_kind > 0) {
    std::fprintf(stderr, "two kinds of picture: %zu images of the first, %zu of the second\n",
                 report.images - report.second_kind, report.second_kind);
  }
  if (report.validation_images > 0) {
    std::fprintf(stderr, "validation: %zu images of %zu identities\n", report.validation_images,
                 report.validation_identities);
  }
  if (report.resumed_epoch + report.resumed_batch > 0) {
    std::fprintf(stderr, "resumed after epoch %zu, batch %zu\n", report.resumed_epoch, report.resumed_batch);
  }
}

void Console::on_step(const StepReport& report) {
  if (terminal_) {
    std::fprintf(stderr, "\r%s\033[K", line(report).c_str());
    return;
  }
  const double elapsed = std::chrono::duration<double>(Clock::now() - last_).count();
  if (elapsed < kSecondsBetweenLines) return;
  last_ = Clock::now();
  std::fprintf(stderr, "%s\n", line(report).c_str());
}

void Console::on_warning(const std::string& text) {
  std::fprintf(stderr, "warning: %s\n", text.c_str());
}

void Console::on_epoch(const EpochReport& report) {
  if (terminal_) std::fprintf(stderr, "\r\033[K");
  std::fprintf(stderr,
               "epoch %zu/%zu: loss %.4f, %s %.3f, lr %.5f, %.0f images/s, waited for data %.1f %%, %s",
               report.step.epoch, report.step.epochs, report.step.loss, signal_,
               teacher_alone_ ? report.step.teacher_cosine : report.step.active, report.step.learning_rate,
               report.step.images_per_second, 100 * report.step.data_wait, duration(report.seconds).c_str());
  if (!report.validation.empty()) {
    const nlohmann::json json = nlohmann::json::parse(report.validation);
    std::fprintf(stderr, " | AUC %.5f, EER %.4f, accuracy %.4f", json.at("auc").get<double>(),
                 json.at("eer").get<double>(), json.at("accuracy").get<double>());
    const nlohmann::json& tar = json.at("tar_at_far").at("0.001");
    if (tar.is_number()) std::fprintf(stderr, ", TAR@1e-3 %.4f", tar.get<double>());
  }
  std::fprintf(stderr, "%s\n", report.best ? " *" : "");
}

std::string Console::line(const StepReport& report) const {
  constexpr int kBar = 20;
  std::string bar;
  if (terminal_) {
    const int filled = static_cast<int>(kBar * report.batch / std::max<std::size_t>(1, report.batches));
    bar = "[" + std::string(static_cast<std::size_t>(filled), '#') +
          std::string(static_cast<std::size_t>(kBar - filled), '.') + "] ";
  }
  char text[200];
  std::snprintf(text, sizeof(text),
                "epoch %zu/%zu %sbatch %zu/%zu, loss %.4f, %s %.3f, lr %.5f, %.0f images/s, %s left",
                report.epoch, report.epochs, bar.c_str(), report.batch, report.batches, report.loss, signal_,
                teacher_alone_ ? report.teacher_cosine : report.active, report.learning_rate,
                report.images_per_second, duration(report.seconds_left).c_str());
  return text;
}

}  // namespace training::cli
