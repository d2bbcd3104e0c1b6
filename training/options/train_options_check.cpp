// SPDX-License-Identifier: LGPL-2.1-or-later
// Which options of a training make sense, alone and together.
#include <cmath>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "base/utf8.h"
#include "embed/error.h"
#include "options/option_table.h"
#include "options/train_options.h"

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

template <typename T>
void check_range(const TrainOption& option, const T& value) {
  if constexpr (std::is_arithmetic_v<T>) {
    check_range(option.name, static_cast<double>(value), option.minimum, option.maximum);
  } else if constexpr (std::is_same_v<T, std::vector<double>> || std::is_same_v<T, std::array<float, 3>>) {
    for (const auto each : value) check_range(option, each);
  }
}

/// Into the weights' metadata: what cannot go there would be found out after the first epoch.
void check_text(const char* option, const std::string& value) {
  if (!is_utf8(value)) refuse(option, "UTF-8 text expected");
}

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

void validate_teacher(const TrainOptions& options) {
  const TeacherWeights& weights = options.teacher_weights;
  if (!has_teacher(options)) {
    if (options.loss == Loss::None) refuse("loss", "none is for learning from a --teacher alone");
    return;
  }
  if (!options.teacher.empty() + !options.teacher_vectors.empty() + options.teacher_init > 1)
    refuse("teacher", "a network, files of its vectors, or init expected, not several");
  if (options.teacher_init && options.init.empty()) refuse("teacher", "init needs --init");
  if (weights.cosine + weights.relations + weights.triplet == 0)
    refuse("teacher-cosine",
           "one of --teacher-cosine, --teacher-relations and --teacher-triplet above 0 expected");
  if (is_cross_kind(options)) refuse("teacher", "is for one kind of picture");
  if (is_offline(options)) refuse("teacher", "does not go with --miner offline: its batches repeat pictures");
  if (options.head != embed::Head::L2)
    refuse("head", "l2 expected: a student's vectors have length 1, as the teacher's that it learns from");
  if (options.mix_identities > 0)
    refuse("mix-identities", "does not go with --teacher: it never saw those people");
  if (options.loss != Loss::None) return;
  if (options.val.empty() && options.val_fraction > 0)
    refuse("val-fraction", "0 expected: without labels only a --val set can be validated on");
  if (options.identities != 0) refuse("pk", "needs a --loss that looks at labels");
  if (options.sampler == Sampler::Balanced) refuse("sampler", "balanced needs a --loss that looks at labels");
}

}  // namespace

void check_ranges(const TrainOptions& options) {
  TrainOptions copy = options;
  for (const TrainOption& option : train_option_table()) {
    if (option.minimum == 0 && option.maximum == 0) continue;
    std::visit(
        [&](auto value) {
          if constexpr (std::is_pointer_v<decltype(value)>) check_range(option, *value);
        },
        option.field(copy));
  }
}

void validate(const TrainOptions& options) {
  if (!(options.blend > 0 && options.blend <= 1)) refuse("blend", "a share above 0 and up to 1 expected");
  if (options.blend < 1 && options.init.empty()) refuse("blend", "needs --init");
  if (options.blend < 1 && options.neck) refuse("blend", "needs --no-neck");
  if (options.data.empty()) refuse("data", "at least one data set expected");
  if (options.out.empty()) refuse("out", "a file to write expected");
  check_text("trained-on", options.trained_on);
  check_text("recipe", options.recipe);
  check_text("terms", options.terms);
  check_ranges(options);
  check_range("margin", options.margin, 0, 1e3);
  if (options.size != 0) check_range("size", options.size, 16, 1024);
  if (options.channels != 0 && options.channels != 1 && options.channels != 3)
    refuse("channels", "1 or 3 expected");
  if (options.nesterov && options.momentum == 0 && options.optimizer == OptimizerKind::Sgd) {
    refuse("nesterov", "needs a --momentum above 0");
  }
  const bool mined = is_mined(options);
  if (options.memory != 0 && !mined)
    refuse("memory",
           "is for triplets and pairs mined in the batch (--loss triplet or contrastive, not offline)");
  if (options.class_loss != ClassLoss::None && pair_loss_of(options) == Loss::None)
    refuse("class-loss", "goes beside --loss triplet or contrastive only");
  if (options.mix_identities > 0 &&
      (!mined || options.class_loss != ClassLoss::None || options.memory != 0)) {
    refuse("mix-identities",
           "is for triplets and pairs mined in P×K batches, without --class-loss and --memory: virtual "
           "identities have no class");
  }
  if (options.soft_margin && pair_loss_of(options) != Loss::None &&
      (heeded_by(options) & kHeedsSoftMargin) == 0)
    refuse("margin",
           std::string("a number expected with --loss ") + to_string(options.loss) + ": soft is a triplet's");
  if (options.margin_epochs > 0 && options.soft_margin)
    refuse("margin-epochs", "needs a margin that is a number, not soft");
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
  if (is_offline(options) && options.identities != 0) {
    refuse("pk", "offline triplets make their own batches; leave it out");
  }
  validate_kinds(options);
  validate_teacher(options);
}

}  // namespace training
