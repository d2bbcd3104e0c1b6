// SPDX-License-Identifier: LGPL-2.1-or-later
#include "train_options.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "embed/error.h"
#include "utf8.h"

namespace training {

namespace {

[[noreturn]] void refuse(const std::string& option, const std::string& expected) {
  throw embed::Error(embed::ErrorCode::InvalidArgument, "--" + option + ": " + expected);
}

void check_range(const char* option, double value, double low, double high) {
  if (std::isfinite(value) && value >= low && value <= high) return;
  const nlohmann::json bounds = {low, high};
  refuse(option, "a number from " + bounds[0].dump() + " to " + bounds[1].dump() + " expected");
}

/// Into the weights' metadata: what cannot go there would be found out after the first epoch.
void check_text(const char* option, const std::string& value) {
  if (!is_utf8(value)) refuse(option, "UTF-8 text expected");
}

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

const char* to_string(MarginSchedule value) noexcept {
  switch (value) {
    case MarginSchedule::Constant:
      return "constant";
    case MarginSchedule::Linear:
      return "linear";
    case MarginSchedule::Adaptive:
      return "adaptive";
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
  return !options.teacher.empty() || !options.teacher_vectors.empty();
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

namespace {

void validate_kinds(const TrainOptions& options) {
  if (!is_cross_kind(options)) {
    if (!options.val_other.empty()) refuse("val-other", "needs --data-other");
    if (options.towers == Towers::Separate)
      refuse("towers", "separate towers are for two kinds of picture: --data-other expected");
  } else {
    if (options.val.empty() != options.val_other.empty())
      refuse("val-other", "--val and --val-other go together: validation is across the kinds");
    if (options.sampler == Sampler::Balanced)
      refuse("sampler", "is for one kind of picture; --pk balances the batches of two");
    if (options.mix_identities > 0) refuse("mix-identities", "is for one kind of picture");
    if (options.quarter_turns) refuse("quarter-turns", "is for one kind of picture");
    if (options.memory != 0 && options.memory < 2 * options.identities * options.images_each) {
      refuse("memory", "must hold a whole batch of both kinds, " +
                           std::to_string(2 * options.identities * options.images_each) + " at least");
    }
    if (!is_offline(options) && options.identities == 0 && options.batch_size < 2)
      refuse("batch-size", "at least 2 expected: half of a batch is of each kind");
    if (2 * options.identities * options.images_each > 65536)
      refuse("pk", "at most 65536 images in a batch, those of both kinds together");
  }
  if (options.towers == Towers::Shared) {
    if (!options.out_other.empty()) refuse("out-other", "needs --towers separate");
    if (!options.init_other.empty()) refuse("init-other", "needs --towers separate");
  }
}

void validate_faces(const TrainOptions& options) {
  struct Change {
    const char* flag;
    double value, most, unchanged;
  };
  const FaceChanges& faces = options.faces;
  for (const Change& change :
       {Change{"aug-strength", faces.strength, 4, 1}, Change{"aug-light", faces.light, 4, 1},
        Change{"aug-turn", faces.turn, 45, 0}}) {
    check_range(change.flag, change.value, 0, change.most);
    if (change.value != change.unchanged && options.augmentation != Augmentation::Face)
      refuse(change.flag, "is for --aug face");
  }
}

void validate_teacher(const TrainOptions& options) {
  const TeacherWeights& weights = options.teacher_weights;
  check_range("teacher-cosine", weights.cosine, 0, 1e6);
  check_range("teacher-relations", weights.relations, 0, 1e6);
  check_range("teacher-triplet", weights.triplet, 0, 1e6);
  if (!has_teacher(options)) {
    if (options.loss == Loss::None) refuse("loss", "none is for learning from a --teacher alone");
    return;
  }
  if (!options.teacher.empty() && !options.teacher_vectors.empty())
    refuse("teacher", "a network, or files of its vectors, expected, not both");
  if (weights.cosine + weights.relations + weights.triplet == 0)
    refuse("teacher-cosine",
           "one of --teacher-cosine, --teacher-relations and --teacher-triplet above 0 expected");
  if (is_cross_kind(options)) refuse("teacher", "is for one kind of picture");
  if (is_offline(options)) refuse("teacher", "does not go with --miner offline: its batches repeat pictures");
  if (options.head != embed::Head::L2)
    refuse("head", "l2 expected: a student's vectors have length 1, as the teacher's that it learns from");
  if (options.mix_identities > 0)
    refuse("mix-identities", "does not go with --teacher: it never saw those people");
  if (options.quarter_turns) refuse("quarter-turns", "does not go with --teacher");
  if (options.loss != Loss::None) return;
  if (options.val.empty() && options.val_fraction > 0)
    refuse("val-fraction", "0 expected: without labels only a --val set can be validated on");
  if (options.identities != 0) refuse("pk", "needs a --loss that looks at labels");
  if (options.sampler == Sampler::Balanced) refuse("sampler", "balanced needs a --loss that looks at labels");
}

}  // namespace

void validate(const TrainOptions& options) {
  if (options.data.empty()) refuse("data", "at least one data set expected");
  if (options.out.empty()) refuse("out", "a file to write expected");
  check_text("trained-on", options.trained_on);
  check_text("recipe", options.recipe);
  check_text("terms", options.terms);
  check_range("val-fraction", options.val_fraction, 0, 0.9);
  if (options.size != 0) check_range("size", options.size, 16, 1024);
  if (options.channels != 0 && options.channels != 1 && options.channels != 3)
    refuse("channels", "1 or 3 expected");
  for (const float value : options.mean) check_range("mean", value, 0, 1);
  for (const float value : options.std) check_range("std", value, 1e-3, 1e3);
  check_range("mix-identities", options.mix_identities, 0, 1);
  validate_faces(options);
  check_range("margin", options.margin, 0, 1e3);
  check_range("scale", options.scale, 1e-3, 1e3);
  check_range("cos-margin", options.cos_margin, 0, 1);
  check_range("cos-margin-epochs", options.cos_margin_epochs, 0, 1e6);
  check_range("label-smoothing", options.label_smoothing, 0, 0.99);
  check_range("batch-size", static_cast<double>(options.batch_size), 1, 65536);
  check_range("epochs", static_cast<double>(options.epochs), 1, 1e6);
  check_range("eval-every", static_cast<double>(options.eval_every), 1, 1e6);
  check_range("lr", options.lr, 0, 1e3);
  check_range("momentum", options.momentum, 0, 0.9999);
  check_range("weight-decay", options.weight_decay, 0, 10);
  check_range("warmup-epochs", options.warmup_epochs, 0, 1e6);
  check_range("ema", options.ema, 0, 0.999999);
  check_range("checkpoint-every", options.checkpoint_every, 0, 1e9);
  check_range("checkpoint-epochs", static_cast<double>(options.checkpoint_epochs), 1, 1e6);
  for (const double share : options.step_at) check_range("step-at", share, 0, 1);
  if (options.nesterov && options.momentum == 0 && options.optimizer == OptimizerKind::Sgd) {
    refuse("nesterov", "needs a --momentum above 0");
  }
  check_range("margin-epochs", options.margin_epochs, 0, 1e6);
  check_range("memory", static_cast<double>(options.memory), 0, 1 << 20);
  check_range("class-loss-weight", options.class_loss_weight, 0, 1e6);
  check_range("accumulate", static_cast<double>(options.accumulate), 1, 65536);
  check_range("patience", static_cast<double>(options.patience), 1, 1e6);
  check_range("plateau-factor", options.plateau_factor, 0, 1);
  check_range("clip-gradient", options.clip_gradient, 0, 1e9);
  check_range("workers", options.workers, 0, 256);
  check_range("threads", options.threads, 0, 1024);
  const bool mined = is_mined(options);
  if (options.memory != 0 && !mined)
    refuse("memory",
           "is for triplets and pairs mined in the batch (--loss triplet or contrastive, not offline)");
  if (options.class_loss != ClassLoss::None && options.loss != Loss::Triplet &&
      options.loss != Loss::Contrastive) {
    refuse("class-loss", "goes beside --loss triplet or contrastive only");
  }
  if (options.mix_identities > 0 &&
      (!mined || options.class_loss != ClassLoss::None || options.memory != 0)) {
    refuse("mix-identities",
           "is for triplets and pairs mined in P×K batches, without --class-loss and --memory: virtual "
           "identities have no class");
  }
  if (options.loss == Loss::Contrastive && options.soft_margin)
    refuse("margin", "a number expected with --loss contrastive: soft is a triplet's");
  if (options.margin_schedule != MarginSchedule::Constant && options.soft_margin)
    refuse("margin-schedule", "needs a margin that is a number, not soft");
  if (options.sampler == Sampler::Balanced && options.identities != 0)
    refuse("sampler", "is for plain batches; those of --pk are balanced already");
  if (mined && options.identities == 0)
    refuse("pk", "mining triplets in the batch needs P×K batches, e.g. --pk 32 4");
  if (options.identities != 0 && (options.identities < 2 || options.images_each < 2)) {
    refuse("pk", "at least 2 identities and 2 images of each expected");
  }
  // One by one first: the product of two may be too large for its type.
  if (options.identities > 65536 || options.images_each > 65536 ||
      options.identities * options.images_each > 65536)
    refuse("pk", "at most 65536 images in a batch");
  if (options.loss == Loss::Triplet && options.miner == Miner::Offline && options.identities != 0) {
    refuse("pk", "offline triplets make their own batches; leave it out");
  }
  validate_kinds(options);
  validate_teacher(options);
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
  map["aug-strength"] = text(options.faces.strength);
  map["aug-light"] = text(options.faces.light);
  map["aug-turn"] = text(options.faces.turn);
  map["mix-identities"] = text(options.mix_identities);
  map["mix-by"] = to_string(options.mix_by);
  map["quarter-turns"] = options.quarter_turns ? "true" : "false";
  map["loss"] = to_string(options.loss);
  map["head"] = embed::to_string(options.head);
  map["metric"] = embed::to_string(options.metric);
  map["margin-schedule"] = to_string(options.margin_schedule);
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
  map["label-smoothing"] = text(options.label_smoothing);
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
  if (has_teacher(options)) {
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
