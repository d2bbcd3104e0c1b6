// SPDX-License-Identifier: LGPL-2.1-or-later
#include "options/train_options.h"

#include "options/option_table.h"
#include "options/text_of.h"

namespace training {

namespace {

constexpr const char* kExtension = ".safetensors";

/// `path` without its ".safetensors", where it has one.
std::string without_extension(std::string path) {
  const std::string extension = kExtension;
  if (path.size() > extension.size() &&
      path.compare(path.size() - extension.size(), extension.size(), extension) == 0) {
    path.resize(path.size() - extension.size());
  }
  return path;
}

std::string text_of_field(const OptionField& field) {
  return std::visit(
      [](auto value) -> std::string {
        if constexpr (std::is_same_v<decltype(value), std::monostate>) {
          return "";
        } else {
          return text_of(*value);
        }
      },
      field);
}

}  // namespace

bool has_teacher(const TeacherOptions& options) noexcept {
  return !options.teacher.empty() || !options.teacher_vectors.empty() || options.teacher_init;
}

bool is_cross_kind(const DataOptions& options) noexcept {
  return !options.data_other.empty();
}

std::map<std::string, std::string> decisive_options(const TrainOptions& options) {
  std::map<std::string, std::string> map;
  TrainOptions copy = options;
  for (const TrainOption& option : train_option_table()) {
    if (option.decides != Decides::Outcome) continue;
    const std::string text =
        option.text != nullptr ? option.text(options) : text_of_field(option.field(copy));
    if (!text.empty()) map[option.name] = text;
  }
  return map;
}

std::string run_directory(const RunOptions& options) {
  return options.run_dir.empty() ? without_extension(options.out) + ".run" : options.run_dir;
}

std::string other_weights(const RunOptions& options) {
  if (!options.out_other.empty()) return options.out_other;
  const std::string stem = without_extension(options.out);
  return stem + "-other" + options.out.substr(stem.size());
}

TrainOptions note_options() {
  TrainOptions options;
  options.loss = Loss::Triplet;
  options.miner = Miner::Offline;
  options.head = embed::Head::Sigmoid;
  options.metric = embed::Metric::SquaredL2;
  options.margin = 1;
  options.separate_passes = true;
  options.neck = false;
  options.batch_size = 64;
  options.lr = 0.03;
  options.momentum = 0.9;
  options.nesterov = false;
  options.weight_decay = 0;
  options.warmup_epochs = 0;
  options.schedule = Schedule::Constant;
  return options;
}

}  // namespace training
