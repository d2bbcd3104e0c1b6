// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-train train: a packed data set into a weights file.
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/default_start.h"
#include "cli/pack_sources.h"
#include "cli/teachers.h"
#include "cli/torch_part.h"
#include "cli/train_console.h"
#include "cli/train_flags.h"
#include "data/run_checks.h"
#include "embed/error.h"

namespace training::cli {

namespace {

constexpr int kInterrupted = 130;

std::atomic<bool> stop_requested{false};

void request_stop(int) {
  stop_requested = true;
}

/// Asks the run to stop on SIGINT and SIGTERM; a second signal then ends the process as usual.
class StopOnSignal {
 public:
  StopOnSignal() {
    struct sigaction action = {};
    action.sa_handler = request_stop;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, &old_int_);
    sigaction(SIGTERM, &action, &old_term_);
  }
  ~StopOnSignal() {
    sigaction(SIGINT, &old_int_, nullptr);
    sigaction(SIGTERM, &old_term_, nullptr);
  }
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

 private:
  struct sigaction old_int_ = {}, old_term_ = {};
};

/// A resumed run that was at its end already writes nothing: its weights may lie elsewhere, or be gone.
void require_there(const std::string& weights, const std::string& checkpoint) {
  if (std::filesystem::exists(weights)) return;
  throw embed::Error(embed::ErrorCode::NotFound,
                     "the run of " + checkpoint +
                         " is at its end and did not write these weights: give the --out it had, or start "
                         "anew without --resume",
                     weights);
}

int run_training(const TrainOptions& options) {
  validate(options);  // Before LibTorch is loaded.
  const StopOnSignal signals;
  Console console(options);
  const std::unique_ptr<Teacher> teacher = options.teacher.empty() ? nullptr : open_teacher(options.teacher);
  const TrainResult result = torch_part().train(options, console, stop_requested, teacher.get());
  if (!result.first_rank) return result.interrupted ? kInterrupted : 0;
  if (result.interrupted) {
    print_error("interrupted; %s holds the state, --resume goes on from it\n", result.checkpoint.c_str());
    return kInterrupted;
  }
  require_there(options.out, result.checkpoint);
  if (options.towers == Towers::Separate) require_there(other_weights(options), result.checkpoint);
  if (result.stopped_early) print_error("ended early: validation has not improved\n");
  if (!result.validation.empty()) print("validation: %s\n", result.validation.c_str());
  print("weights of epoch %zu: %s\n", result.best_epoch, options.out.c_str());
  if (options.towers == Towers::Separate)
    print("weights for the second kind: %s\n", other_weights(options).c_str());
  return 0;
}

}  // namespace

void add_train(CLI::App& app, Action& action) {
  auto flags = std::make_shared<TrainFlags>();
  CLI::App* command = app.add_subcommand("train", "Trains a network on packed data sets");
  add_train_flags(*command, *flags);
  command->footer(
      "Progress goes to the standard error, the last line on the standard output says where the weights "
      "are.\n"
      "Ctrl-C finishes the batch, writes a checkpoint and exits with status 130; --resume goes on from "
      "there.\n\n"
      "Examples:\n"
      "  triplet-train train --data people.safetensors --out tuned.safetensors\n"
      "  triplet-train train --data faces.safetensors --init none --aug face --out "
      "faces-weights.safetensors\n"
      "  triplet-train train --data faces.safetensors --init faces-weights.safetensors --loss triplet --pk "
      "32 4 "
      "--lr 0.005 --out tuned.safetensors\n"
      "  triplet-train train --note --data mnist.safetensors --val mnist-test.safetensors --out "
      "note.safetensors\n"
      "  triplet-train train --data faces.safetensors --teacher vectors.safetensors --aug face --out "
      "student.safetensors\n"
      "  triplet-train train --data photos.safetensors --data-other sketches.safetensors --towers separate "
      "--loss triplet \\\n"
      "      --pk 16 4 --out photo.safetensors --out-other sketch.safetensors");
  command->callback([command, flags, &action] {
    translate_train_flags(*command, *flags);
    action = [command, flags] {
      require_no_input(flags->options.out, {flags->without});
      const std::string start = take_default_start(*command, *flags);
      if (!start.empty()) print_error("%s\n", start.c_str());
      if (!flags->without.empty()) flags->options.without = read_people(flags->without);
      return run_training(flags->options);
    };
  });
}

}  // namespace training::cli
