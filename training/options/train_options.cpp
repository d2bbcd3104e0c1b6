// SPDX-License-Identifier: LGPL-2.1-or-later
#include "options/train_options.h"

#include <nlohmann/json.hpp>

namespace training {

namespace {

std::string text(double value) {
  return nlohmann::json(value).dump();
}

const char* storage_name(embed::DType type) {
  if (type == embed::DType::F16) return "f16";
  return type == embed::DType::BF16 ? "bf16" : "f32";
}

}  // namespace

const char* to_string(Loss value) noexcept {
  switch (value) {
    case Loss::Triplet:
      return "triplet";
    case Loss::Contrastive:
      return "contrastive";
    case Loss::CosFace:
      return "cosface";
    case Loss::Softmax:
      return "softmax";
    case Loss::None:
      return "none";
  }
  return "";
}

const char* to_string(Miner value) noexcept {
  switch (value) {
    case Miner::Offline:
      return "offline";
    case Miner::BatchHard:
      return "batch-hard";
    case Miner::SemiHard:
      return "semi-hard";
    case Miner::BatchAll:
      return "batch-all";
    case Miner::AllHard:
      return "all-hard";
  }
  return "";
}

const char* to_string(ClassLoss value) noexcept {
  switch (value) {
    case ClassLoss::None:
      return "none";
    case ClassLoss::CosFace:
      return "cosface";
    case ClassLoss::Softmax:
      return "softmax";
  }
  return "";
}

const char* to_string(Sampler value) noexcept {
  return value == Sampler::Uniform ? "uniform" : "balanced";
}

const char* to_string(OptimizerKind value) noexcept {
  return value == OptimizerKind::Sgd ? "sgd" : "adamw";
}

const char* to_string(Schedule value) noexcept {
  switch (value) {
    case Schedule::Constant:
      return "constant";
    case Schedule::Cosine:
      return "cosine";
    case Schedule::Step:
      return "step";
    case Schedule::Plateau:
      return "plateau";
  }
  return "";
}

const char* to_string(Precision value) noexcept {
  switch (value) {
    case Precision::Auto:
      return "auto";
    case Precision::Fp32:
      return "fp32";
    case Precision::Bf16:
      break;
  }
  return "bf16";
}

const char* to_string(Augmentation value) noexcept {
  switch (value) {
    case Augmentation::None:
      return "none";
    case Augmentation::Face:
      return "face";
    case Augmentation::Digit:
      return "digit";
  }
  return "";
}

const char* to_string(MixBy value) noexcept {
  switch (value) {
    case MixBy::Blend:
      return "blend";
    case MixBy::Parts:
      return "parts";
    case MixBy::Both:
      return "both";
  }
  return "";
}

const char* to_string(Towers value) noexcept {
  return value == Towers::Shared ? "shared" : "separate";
}

const char* to_string(Select value) noexcept {
  switch (value) {
    case Select::Auc:
      return "auc";
    case Select::Eer:
      return "eer";
    case Select::Accuracy:
      return "accuracy";
    case Select::Tar:
      return "tar";
    case Select::Last:
      return "last";
  }
  return "";
}

ClassLoss class_loss_of(const TrainOptions& options) noexcept {
  if (options.loss == Loss::CosFace) return ClassLoss::CosFace;
  if (options.loss == Loss::Softmax) return ClassLoss::Softmax;
  return options.class_loss;
}

bool has_teacher(const TrainOptions& options) noexcept {
  return !options.teacher.empty() || !options.teacher_vectors.empty() || options.teacher_init;
}

bool needs_labels(const TrainOptions& options) noexcept {
  return options.loss != Loss::None;
}

bool is_offline(const TrainOptions& options) noexcept {
  return options.loss == Loss::Triplet && options.miner == Miner::Offline;
}

bool is_mined(const TrainOptions& options) noexcept {
  return options.loss == Loss::Contrastive ||
         (options.loss == Loss::Triplet && options.miner != Miner::Offline);
}

bool is_cross_kind(const TrainOptions& options) noexcept {
  return !options.data_other.empty();
}

std::map<std::string, std::string> decisive_options(const TrainOptions& options) {
  std::map<std::string, std::string> map;
  map["val-fraction"] = options.val.empty() ? text(options.val_fraction) : "-";
  map["val-images"] = std::to_string(options.val_images);
  map["val-flip"] = options.val_flip ? "true" : "false";
  map["eval-every"] = std::to_string(options.eval_every);
  map["storage"] = storage_name(options.storage);
  map["min-images"] = std::to_string(options.min_images);
  map["mean"] = nlohmann::json(options.mean).dump();
  map["std"] = nlohmann::json(options.std).dump();
  map["towers"] = to_string(options.towers);
  map["aug"] = to_string(options.augmentation);
  map["mix-identities"] = text(options.mix_identities);
  map["mix-by"] = to_string(options.mix_by);
  map["loss"] = to_string(options.loss);
  map["head"] = embed::to_string(options.head);
  map["metric"] = embed::to_string(options.metric);
  map["margin-epochs"] = text(options.margin_epochs);
  map["memory"] = std::to_string(options.memory);
  map["class-loss"] = to_string(options.class_loss);
  map["class-loss-weight"] = text(options.class_loss_weight);
  map["sampler"] = to_string(options.sampler);
  map["accumulate"] = std::to_string(options.accumulate);
  map["patience"] = std::to_string(options.patience);
  map["plateau-factor"] = text(options.plateau_factor);
  map["early-stop"] = std::to_string(options.early_stop);
  map["clip-gradient"] = text(options.clip_gradient);
  map["margin"] = options.soft_margin ? "soft" : text(options.margin);
  map["miner"] = to_string(options.miner);
  map["neck"] = options.neck ? "true" : "false";
  map["separate-passes"] = options.separate_passes ? "true" : "false";
  map["scale"] = text(options.scale);
  map["cos-margin"] = text(options.cos_margin);
  map["cos-margin-epochs"] = text(options.cos_margin_epochs);
  map["batch-size"] = std::to_string(options.batch_size);
  map["pk"] = std::to_string(options.identities) + " " + std::to_string(options.images_each);
  map["epochs"] = std::to_string(options.epochs);
  map["optimizer"] = to_string(options.optimizer);
  map["lr"] = text(options.lr);
  map["momentum"] = text(options.momentum);
  map["nesterov"] = options.nesterov ? "true" : "false";
  map["weight-decay"] = text(options.weight_decay);
  map["warmup-epochs"] = text(options.warmup_epochs);
  map["schedule"] = to_string(options.schedule);
  map["step-at"] = nlohmann::json(options.step_at).dump();
  map["ema"] = text(options.ema);
  map["precision"] = to_string(options.precision);
  map["seed"] = std::to_string(options.seed);
  map["select"] = to_string(options.select);
  if (options.blend < 1) map["blend"] = text(options.blend);
  if (has_teacher(options)) {
    if (options.teacher_init) map["teacher"] = "init";
    map["teacher-cosine"] = text(options.teacher_weights.cosine);
    map["teacher-relations"] = text(options.teacher_weights.relations);
    map["teacher-triplet"] = text(options.teacher_weights.triplet);
  }
  return map;
}

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

}  // namespace

std::string run_directory(const TrainOptions& options) {
  return options.run_dir.empty() ? without_extension(options.out) + ".run" : options.run_dir;
}

std::string other_weights(const TrainOptions& options) {
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
