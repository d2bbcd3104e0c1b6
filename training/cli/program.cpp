// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/program.h"

#include <csignal>
#include <iterator>
#include <limits>
#include <string>

#include "cli/commands.h"
#include "cli/console.h"
#include "command_line/config_file.h"
#include "command_line/numbers.h"
#include "command_line/process.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace training::cli {

namespace {

/// Commands that another program has.
constexpr const char* kMoved[] = {"enroll", "identify"};

void describe(CLI::App& app) {
  app.name("triplet-train");
  app.require_subcommand(1);
  app.set_version_flag("--version", TRIPLETEMBED_VERSION);
  app.set_help_all_flag("--help-all", "The help of every command");
  app.get_formatter()->column_width(34);
  command_line::add_config_file(app, {std::begin(kMoved), std::end(kMoved)});
  app.footer(
      "Each command has its own --help.\n\n"
      "Examples:\n"
      "  triplet-train pack --out train.safetensors --detect faces/\n"
      "  triplet-train train --data train.safetensors --out weights.safetensors\n"
      "  triplet-train report weights.run --out report.html\n"
      "  triplet-train evaluate --weights weights.safetensors --data test.safetensors --json\n"
      "\n"
      "Exit status: 0 done, 1 failed (the reason is on the standard error), 2 wrong usage.");
}

/// Answers with the program that has this command.
void add_moved(CLI::App& app, const std::string& name, Action& action) {
  CLI::App* command = app.add_subcommand(name)->group("")->prefix_command();
  command->set_help_flag();
  command->callback([name, &action] {
    action = [name] {
      print_error("triplet-train: %s is a command of triplet-gallery: triplet-gallery %s …\n", name.c_str(),
                  name.c_str());
      return command_line::kUsageError;
    };
  });
}

}  // namespace

void prepare_process() {
  // A limit on a file's size (ulimit -f) is then an error of write(), as a full disk is: it is told, and the
  // part of the file is removed.
  std::signal(SIGXFSZ, SIG_IGN);
#ifdef __GLIBC__
  // A step of training allocates the same large blocks as the one before. Given back to the system, each of
  // their pages would be a fault and be zeroed anew in every step: about a tenth of the time.
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
#endif
}

int run_program(int argc, char** argv) noexcept {
  CLI::App app{
      "Trains and evaluates face embedders: networks that turn a picture into 128 numbers which are near for "
      "one identity and far for two."};
  Action action;
  add_pack(app, action);
  add_blend(app, action);
  add_teach(app, action);
  add_train(app, action);
  add_evaluate(app, action);
  add_export(app, action);
  add_report(app, action);
  add_import(app, action);
  add_whiten(app, action);
  add_inspect(app, action);
  describe(app);
  for (CLI::App* command : app.get_subcommands({})) {
    command_line::check_numbers(*command);
  }
  for (const char* name : kMoved) add_moved(app, name, action);
  return command_line::run_program(app, action, argc, argv);
}

}  // namespace training::cli
