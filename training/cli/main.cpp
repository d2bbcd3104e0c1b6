// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-train: the command line. Each command is in its own cmd_*.cpp.
#include <cstdio>
#include <exception>
#include <memory>

#include "commands.h"

namespace {

constexpr int kFailure = 1;
constexpr int kUsageError = 2;

/// Config files hold what the flags of the command in use say: a key outside of any [section] is that
/// command's.
class CommandConfig : public CLI::ConfigBase {
 public:
  explicit CommandConfig(const CLI::App& app) : app_(app) {}

  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    std::vector<CLI::ConfigItem> found = CLI::ConfigBase::from_config(input);
    for (const CLI::App* command : app_.get_subcommands()) {
      for (CLI::ConfigItem& item : found) {
        if (item.parents.empty() && item.name != "++" && item.name != "--")
          item.parents = {command->get_name()};
      }
    }
    return found;
  }

 private:
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

int run(int argc, char** argv) {
  CLI::App app{
      "Trains, evaluates and uses face embedders: networks that turn a picture into 128 numbers which are "
      "near for one identity and far for two."};
  training::cli::Action action;
  training::cli::add_pack(app, action);
  training::cli::add_train(app, action);
  training::cli::add_evaluate(app, action);
  training::cli::add_enroll(app, action);
  training::cli::add_identify(app, action);
  training::cli::add_export(app, action);
  training::cli::add_report(app, action);
  training::cli::add_import(app, action);
  training::cli::add_inspect(app, action);
  describe(app);
  for (CLI::App* command : app.get_subcommands({})) command->fallthrough();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsageError;
  }
  return action();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "triplet-train: %s\n", error.what());
  } catch (...) {
    std::fprintf(stderr, "triplet-train: an error of unknown kind\n");
  }
  return kFailure;
}
