// SPDX-License-Identifier: LGPL-2.1-or-later
#include "command_line/unknown_flag.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace command_line {

namespace {

/// More letters than these to change, of a flag's, and it is another one.
constexpr std::size_t kMostChanges = 3;

/// How many letters must be put in, taken out or replaced to make one of the other (Levenshtein).
std::size_t changes(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

std::string nearest_flag(const CLI::App& command, const std::string& flag) {
  std::string nearest;
  std::size_t least = kMostChanges + 1;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      const std::size_t found = changes(flag, "--" + name);
      if (found >= least) continue;
      least = found;
      nearest = "--" + name;
    }
  }
  return nearest;
}

/// The command of that name; `app` itself where there is none.
const CLI::App* named(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == name) return command;
  }
  return &app;
}

}  // namespace

std::string unknown_flag(const CLI::App& app, int argc, const char* const* argv) {
  const CLI::App* command = &app;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--") break;
    if (word.rfind("--", 0) != 0) {
      if (command == &app) command = named(app, word);
      continue;
    }
    const std::string flag = word.substr(0, word.find('='));
    if (command->get_option_no_throw(flag) != nullptr || app.get_option_no_throw(flag) != nullptr) continue;
    const std::string nearest = nearest_flag(*command, flag);
    return flag + " is no flag of `" + command->get_name() + "`" +
           (nearest.empty() ? " (--help lists them)" : "; " + nearest + " is meant?");
  }
  return {};
}

}  // namespace command_line
