// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-gallery: the people in a gallery. Each command is in its own cmd_*.cpp.
#include <csignal>
#include <exception>

#include "command_line/console.h"
#include "command_line/numbers.h"
#include "command_line/unknown_flag.h"
#include "gallery/commands.h"

namespace gallery_tool {

namespace {

constexpr int kFailure = 1;
constexpr int kUsageError = 2;

void describe(CLI::App& app) {
  app.name("triplet-gallery");
  app.require_subcommand(1);
  app.set_version_flag("--version", TRIPLETEMBED_VERSION);
  app.set_help_all_flag("--help-all", "The help of every command");
  app.get_formatter()->column_width(34);
  app.footer(
      "Each command has its own --help. People are enrolled and photographs named by `triplet-train enroll` "
      "and\n"
      "`triplet-train identify`, which need the network; these commands work on the files alone. A gallery "
      "may be\n"
      "in use meanwhile: a pipeline takes over what has changed.\n\n"
      "Names and files that begin with a dash stand behind --.\n\n"
      "Examples:\n"
      "  triplet-gallery list people.safetensors\n"
      "  triplet-gallery list people.safetensors Ada\n"
      "  triplet-gallery merge people.safetensors \"A. Lovelace\" --into \"Ada Lovelace\"\n"
      "  triplet-gallery move people.safetensors Ben --to-gallery visitors.safetensors\n"
      "  triplet-gallery check people.safetensors\n\n"
      "Exit status: 0 done, 1 failed (the reason is on the standard error), 2 wrong usage, 3 done, but some "
      "of\n"
      "what was named was refused (each with the reason on the standard error).");
}

int run(int argc, char** argv) {
  CLI::App app{
      "Looks after the people in a gallery: lists them, renames, merges, moves and removes them, and finds "
      "what is wrong."};
  Action action;
  add_list(app, action);
  add_remove(app, action);
  add_rename(app, action);
  add_merge(app, action);
  add_move(app, action);
  add_check(app, action);
  add_strangers(app, action);
  describe(app);
  for (CLI::App* command : app.get_subcommands({})) command_line::check_numbers(*command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const std::string unknown = error.get_exit_code() == 0 ? "" : command_line::unknown_flag(app, argc, argv);
    if (!unknown.empty()) {
      command_line::print_error("triplet-gallery: %s\n", unknown.c_str());
      return kUsageError;
    }
    const int status = app.exit(error) == 0 ? 0 : kUsageError;
    if (status == 0) command_line::finish_output();
    return status;
  }
  const int status = action();
  command_line::finish_output();
  return status;
}

}  // namespace

}  // namespace gallery_tool

int main(int argc, char** argv) {
  // A limit on a file's size (ulimit -f) is then an error of write(), as a full disk is: it is told, and the
  // part of the file is removed.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    return gallery_tool::run(argc, argv);
  } catch (const std::exception& error) {
    command_line::print_error("triplet-gallery: %s\n", error.what());
  } catch (...) {
    command_line::print_error("triplet-gallery: an error of unknown kind\n");
  }
  return gallery_tool::kFailure;
}
