// SPDX-License-Identifier: LGPL-2.1-or-later
#include "command_line/config_file.h"

#include <algorithm>
#include <memory>

namespace command_line {

namespace {

class CommandConfig : public CLI::ConfigBase {
 public:
  CommandConfig(const CLI::App& app, std::vector<std::string> others)
      : app_(app), others_(std::move(others)) {}

  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    std::vector<CLI::ConfigItem> found;
    try {
      found = CLI::ConfigBase::from_config(input);
    } catch (const std::exception& error) {
      throw CLI::ConfigError(file() + ": not an INI or TOML file: " + error.what(),
                             CLI::ExitCodes::ConfigError);
    }
    found.erase(std::remove_if(found.begin(), found.end(),
                               [&](const CLI::ConfigItem& item) { return is_of_others(item); }),
                found.end());
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

  bool is_of_others(const CLI::ConfigItem& item) const {
    return !item.parents.empty() &&
           std::find(others_.begin(), others_.end(), item.parents.front()) != others_.end();
  }

  /// CLI11 would pass over what it does not know, or name neither file nor command.
  void require_flag(const CLI::ConfigItem& item) const {
    if (item.name == "++" || item.name == "--") return;  // A section begins or ends.
    const CLI::App* command = &app_;
    for (const std::string& section : item.parents) {
      try {
        command = command->get_subcommand(section);
      } catch (const CLI::OptionNotFound&) {
        throw CLI::ConfigError(file() + ": [" + section + "] is no command of " + app_.get_name(),
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
  std::vector<std::string> others_;
};

}  // namespace

void add_config_file(CLI::App& app, const std::vector<std::string>& others) {
  app.set_config("--config", "",
                 "Reads flags from an INI or TOML file: `size = 64` for --size 64; the command line wins");
  app.config_formatter(std::make_shared<CommandConfig>(app, others));
  for (CLI::App* command : app.get_subcommands({})) {
    command->fallthrough();
    command->footer(
        command->get_footer() +
        "\n\n--config FILE reads flags from an INI or TOML file: `size = 64` for --size 64, under a "
        "[" +
        command->get_name() + "]\nheading where one file serves several commands. The command line wins.");
  }
}

std::string config_at_fault(const CLI::App& app, const std::string& message, int argc,
                            const char* const* argv) {
  const CLI::Option* config = app.get_option_no_throw("--config");
  if (config == nullptr || config->count() == 0) return {};
  const std::string file = config->as<std::string>();
  if (message.find(file) != std::string::npos) return {};
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i], flag = word.substr(0, word.find('='));
    if (word.rfind("--", 0) == 0 && flag != "--config" && message.find(flag) != std::string::npos) return {};
  }
  return file;
}

}  // namespace command_line
