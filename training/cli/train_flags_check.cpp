// SPDX-License-Identifier: LGPL-2.1-or-later
// What the flags of `triplet-train train` mean together.
#include <algorithm>
#include <array>
#include <string>
#include <type_traits>

#include "cli/teachers.h"
#include "cli/train_flags.h"
#include "options/option_table.h"

namespace training::cli {

namespace {

/// The note's settings for everything that the user did not say.
void apply_note(const CLI::App& command, TrainOptions& o) {
  TrainOptions note = note_options();
  const auto unsaid = [&](const char* name) { return command.get_option(name)->count() == 0; };
  for (const TrainOption& option : train_option_table()) {
    if (!unsaid(("--" + std::string(option.name)).c_str())) continue;
    const OptionField from = option.field(note);
    std::visit(
        [&](auto to) {
          if constexpr (std::is_pointer_v<decltype(to)>) *to = *std::get<decltype(to)>(from);
        },
        option.field(o));
  }
  if (unsaid("--margin")) o.margin = note.margin;
}

/// A network looks at every batch; anything else holds vectors of its.
void apply_teacher(const CLI::App& command, const std::vector<std::string>& files, TrainOptions& o) {
  const auto unsaid = [&](const char* name) { return command.get_option(name)->count() == 0; };
  if (files.size() == 1 && files[0] == "init") {
    o.teacher_init = true;
    if (unsaid("--neck")) o.neck = false;
    return;
  }
  for (const std::string& file : files) {
    if (!is_network(file)) {
      o.teacher_vectors.push_back(file);
    } else if (files.size() == 1) {
      o.teacher = file;
    } else {
      throw CLI::ValidationError("--teacher", "one network, or files of its vectors, expected");
    }
  }
  if (files.empty()) return;
  if (unsaid("--loss")) o.loss = Loss::None;
  // The teacher's vectors vary more along some directions than along others; the neck would make them alike.
  if (unsaid("--neck")) o.neck = false;
  if (o.loss == Loss::None && o.val.empty() && unsaid("--val-fraction")) o.val_fraction = 0;
}

/// A flag that changes nothing is a misunderstanding: better told before a night of training than found
/// after.
void refuse_idle(const CLI::App& command, const TrainOptions& o) {
  struct Flag {
    const char* name;
    bool works;
    std::string needs;
  };
  const bool validates = !o.val.empty() || o.val_fraction > 0;
  const unsigned heeded = heeded_by(o);
  const std::string of_pairs = "--loss " + losses_that_heed(kHeedsMargin);
  const std::string mined = "--loss " + losses_that_heed(kHeedsMiner);
  const std::string scaled = "--loss or --class-loss " + losses_that_heed(kHeedsScale);
  const std::string lowered = "--loss or --class-loss " + losses_that_heed(kHeedsCosMargin);
  const bool plateau = o.schedule == Schedule::Plateau;
  const char* validation = "validation: --val, or a --val-fraction above 0";
  const Flag flags[] = {
      {"--val-images", validates, validation},
      {"--val-flip", validates, validation},
      {"--eval-every", validates, validation},
      {"--select", validates || o.select == Select::Last, validation},
      {"--early-stop", validates || o.early_stop == 0, validation},
      {"--schedule", validates || !plateau, validation},
      {"--patience", plateau, "--schedule plateau"},
      {"--plateau-factor", plateau, "--schedule plateau"},
      {"--step-at", o.schedule == Schedule::Step, "--schedule step"},
      {"--miner", (heeded & kHeedsMiner) != 0, mined},
      {"--margin", (heeded & kHeedsMargin) != 0, of_pairs},
      {"--margin-epochs", (heeded & kHeedsMargin) != 0, of_pairs},
      {"--separate-passes", is_offline(o), "--loss triplet with --miner offline"},
      {"--class-loss-weight", o.class_loss != ClassLoss::None, "--class-loss"},
      {"--scale", (heeded & kHeedsScale) != 0, scaled},
      {"--cos-margin", (heeded & kHeedsCosMargin) != 0, lowered},
      {"--cos-margin-epochs", (heeded & kHeedsCosMargin) != 0, lowered},
      {"--mix-by", o.mix_identities > 0, "--mix-identities"},
      {"--teacher-cosine", has_teacher(o), "--teacher"},
      {"--teacher-relations", has_teacher(o), "--teacher"},
      {"--teacher-triplet", has_teacher(o), "--teacher"},
      {"--min-images", needs_labels(o), "a --loss that looks at labels"},
  };
  for (const Flag& flag : flags) {
    if (flag.works || command.get_option(flag.name)->count() == 0) continue;
    throw CLI::ValidationError(flag.name, "has no effect here: it needs " + flag.needs);
  }
}

void set_channels(const char* name, const std::vector<float>& values, std::array<float, 3>& target) {
  if (values.empty()) return;
  if (values.size() == 2) throw CLI::ValidationError(name, "one number, or one for each channel");
  for (std::size_t i = 0; i < 3; ++i) target[i] = values[std::min(i, values.size() - 1)];
}

}  // namespace

void translate_train_flags(const CLI::App& command, TrainFlags& flags) {
  TrainOptions& o = flags.options;
  if (flags.note) apply_note(command, o);
  apply_teacher(command, flags.teacher, o);
  if (flags.margin == "soft") {
    o.soft_margin = true;
  } else if (!flags.margin.empty() && !CLI::detail::lexical_cast(flags.margin, o.margin)) {
    throw CLI::ValidationError("--margin", "a number or 'soft' expected, not '" + flags.margin + "'");
  }
  if (!flags.pk.empty()) {
    o.identities = flags.pk[0];
    o.images_each = flags.pk[1];
  }
  set_channels("--mean", flags.mean, o.mean);
  set_channels("--std", flags.std, o.std);
  refuse_idle(command, o);
  if (o.recipe.empty())
    o.recipe = "triplet-train " + command.get_name() + " (options in the run's metrics.jsonl)";
}

}  // namespace training::cli
