// SPDX-License-Identifier: LGPL-2.1-or-later
#include "program/program.h"

#include <csignal>

#include "command_line/config_file.h"
#include "command_line/numbers.h"
#include "gallery/commands.h"
#include "serve/commands.h"

namespace gallery_tool {

namespace {

void describe(CLI::App& app) {
  app.name("triplet-gallery");
  app.require_subcommand(1);
  app.set_version_flag("--version", TRIPLETEMBED_VERSION);
  app.set_help_all_flag("--help-all", "The help of every command");
  app.get_formatter()->column_width(34);
  app.footer(
      "Each command has its own --help. `enroll` and `identify` run the network; the others work on the "
      "files "
      "alone.\n"
      "A gallery may be in use meanwhile: a pipeline takes over what has changed.\n\n"
      "Names and files that begin with a dash stand behind --.\n\n"
      "Examples:\n"
      "  triplet-gallery enroll people.safetensors --folder people/\n"
      "  triplet-gallery identify people.safetensors party.jpg\n"
      "  triplet-gallery list people.safetensors Ada\n"
      "  triplet-gallery merge people.safetensors \"A. Lovelace\" --into \"Ada Lovelace\"\n"
      "  triplet-gallery move people.safetensors Ben --to-gallery visitors.safetensors\n"
      "  triplet-gallery check people.safetensors\n"
      "  triplet-gallery export people.safetensors rows.npy rows.csv\n"
      "  triplet-gallery serve people.safetensors\n\n"
      "Exit status: 0 done, 1 failed (the reason is on the standard error), 2 wrong usage, 3 done, but some "
      "of\n"
      "what was named was refused (each with the reason on the standard error).");
  for (CLI::App* command : app.get_subcommands({})) command_line::check_numbers(*command);
  command_line::add_config_file(app);
}

}  // namespace

void prepare_process() {
  // A limit on a file's size (ulimit -f) is then an error of write(), as a full disk is: it is told, and the
  // part of the file is removed.
  std::signal(SIGXFSZ, SIG_IGN);
}

int run_program(int argc, char** argv) noexcept {
  CLI::App app{
      "Looks after the people in a gallery: enrols and identifies them, lists, renames, merges, moves and "
      "removes them, and finds what is wrong."};
  Action action;
  add_enroll(app, action);
  add_identify(app, action);
  add_list(app, action);
  add_remove(app, action);
  add_rename(app, action);
  add_merge(app, action);
  add_move(app, action);
  add_check(app, action);
  add_strangers(app, action);
  add_export(app, action);
  serve::add_serve(app, action);
  describe(app);
  return command_line::run_program(app, action, argc, argv);
}

}  // namespace gallery_tool
