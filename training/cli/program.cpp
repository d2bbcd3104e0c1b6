// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/program.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <limits>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/console.h"
#include "command_line/numbers.h"
#include "command_line/unknown_flag.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace training::cli {

namespace {

constexpr int kFailure = 1;
constexpr int kUsageError = 2;

/// Config files hold what the flags of the command in use say: a key outside of any [section] is that
/// command's. A key that is no flag is an error, since a misspelt one would change nothing in silence.
class CommandConfig : public CLI::ConfigBase {
 public:
  explicit CommandConfig(const CLI::App& app) : app_(app) {}

  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    std::vector<CLI::ConfigItem> found;
    try {
      found = CLI::ConfigBase::from_config(input);
    } catch (const std::exception& error) {
      throw CLI::ConfigError(file() + ": not an INI or TOML file: " + error.what(),
                             CLI::ExitCodes::ConfigError);
    }
    for (const CLI::App* command : app_.get_subcommands()) {
      for (CLI::ConfigItem& item : found) {
        if (item.parents.empty() && item.name != "++" && item.name != "--")
          item.parents = {command->get_name()};
      }
    }
    for (const CLI::ConfigItem& item : found) require_flag(item);
    return found;
  }

 private:
  std::string file() const { return app_.get_option("--config")->as<std::string>(); }

  /// CLI11 would pass over what it does not know, or name neither file nor command.
  void require_flag(const CLI::ConfigItem& item) const {
    if (item.name == "++" || item.name == "--") return;  // A section begins or ends.
    const CLI::App* command = &app_;
    for (const std::string& section : item.parents) {
      try {
        command = command->get_subcommand(section);
      } catch (const CLI::OptionNotFound&) {
        throw CLI::ConfigError(file() + ": [" + section + "] is no command of triplet-train",
                               CLI::ExitCodes::ConfigError);
      }
    }
    if (command->get_option_no_throw("--" + item.name) == nullptr) {
      throw CLI::ConfigError(file() + ": " + item.name + ": no flag of `" + command->get_name() +
                                 "` has that name (--help lists them)",
                             CLI::ExitCodes::ConfigError);
    }
  }

  const CLI::App& app_;
};

void describe(CLI::App& app) {
  app.name("triplet-train");
  app.require_subcommand(1);
  app.set_version_flag("--version", TRIPLETEMBED_VERSION);
  app.set_help_all_flag("--help-all", "The help of every command");
  app.get_formatter()->column_width(34);
  app.set_config("--config", "",
                 "Reads flags from an INI or TOML file: `size = 64` for --size 64; the command line wins");
  app.config_formatter(std::make_shared<CommandConfig>(app));
  for (CLI::App* command : app.get_subcommands({})) {
    command->fallthrough();
    command->footer(
        command->get_footer() +
        "\n\n--config FILE reads flags from an INI or TOML file: `size = 64` for --size 64, under a "
        "[" +
        command->get_name() + "]\nheading where one file serves several commands. The command line wins.");
  }
  app.footer(
      "Each command has its own --help.\n\n"
      "Examples:\n"
      "  triplet-train pack --out train.safetensors --detect faces/\n"
      "  triplet-train train --data train.safetensors --out weights.safetensors\n"
      "  triplet-train report weights.run --out report.html\n"
      "  triplet-train evaluate --weights weights.safetensors --data test.safetensors --json\n"
      "  triplet-train enroll --weights weights.safetensors --gallery people.safetensors --folder people/\n"
      "  triplet-train identify --weights weights.safetensors --gallery people.safetensors photo.jpg\n\n"
      "Exit status: 0 done, 1 failed (the reason is on the standard error), 2 wrong usage.");
}

/// The config file, where an error is about a flag that the command line does not have: CLI11 says which
/// flag, but not that it stands in a file.
std::string config_at_fault(const CLI::App& app, const std::string& message, int argc,
                            const char* const* argv) {
  const CLI::Option* config = app.get_option("--config");
  if (config->count() == 0) return {};
  const std::string file = config->as<std::string>();
  if (message.find(file) != std::string::npos) return {};
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i], flag = word.substr(0, word.find('='));
    if (word.rfind("--", 0) == 0 && flag != "--config" && message.find(flag) != std::string::npos) return {};
  }
  return file;
}

int run(int argc, char** argv) {
  CLI::App app{
      "Trains, evaluates and uses face embedders: networks that turn a picture into 128 numbers which are "
      "near for one identity and far for two."};
  Action action;
  add_pack(app, action);
  add_blend(app, action);
  add_teach(app, action);
  add_train(app, action);
  add_evaluate(app, action);
  add_enroll(app, action);
  add_identify(app, action);
  add_export(app, action);
  add_report(app, action);
  add_import(app, action);
  add_whiten(app, action);
  add_inspect(app, action);
  describe(app);
  for (CLI::App* command : app.get_subcommands({})) {
    command_line::check_numbers(*command);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const std::string unknown = error.get_exit_code() == 0 ? "" : command_line::unknown_flag(app, argc, argv);
    if (!unknown.empty()) {
      print_error("triplet-train: %s\n", unknown.c_str());
      return kUsageError;
    }
    const std::string file = error.get_exit_code() == 0 ? "" : config_at_fault(app, error.what(), argc, argv);
    if (!file.empty()) {
      print_error("triplet-train: %s: %s\n", file.c_str(), error.what());
      return kUsageError;
    }
    const int status = app.exit(error) == 0 ? 0 : kUsageError;
    if (status == 0) finish_output();
    return status;
  }
  const int status = action();
  finish_output();
  return status;
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
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    print_error("triplet-train: %s\n", error.what());
  } catch (...) {
    print_error("triplet-train: an error of unknown kind\n");
  }
  return kFailure;
}

void end_process(int status) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  std::exit(status);  // The sanitizers report then.
#else
  std::fflush(nullptr);
  std::_Exit(status);
#endif
}

}  // namespace training::cli
