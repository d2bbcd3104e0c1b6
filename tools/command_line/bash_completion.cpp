// SPDX-License-Identifier: LGPL-2.1-or-later
#include "command_line/bash_completion.h"

#include <algorithm>
#include <cctype>
#include <sstream>

namespace command_line {

namespace {

/// The words that an option's type lists: a|b|c, or {a,b,c}; nothing where it takes something else.
std::string choices(const CLI::Option& option) {
  std::string type = option.get_type_name();
  const std::size_t open = type.find('{');
  if (open != std::string::npos) type = type.substr(open + 1, type.find('}') - open - 1);
  if (type.find_first_of("|,") == std::string::npos || type.find_first_of(" .[") != std::string::npos)
    return {};
  std::replace_if(
      type.begin(), type.end(), [](char c) { return c == '|' || c == ','; }, ' ');
  return type;
}

std::vector<std::string> flags(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  return CLI::detail::join(words, between);
}

/// What comes after a flag that takes a value: one of its choices, else a file; and all flags where a word
/// begins with a dash.
void put_command(std::ostream& script, const std::string& command, const CLI::App& app) {
  std::vector<std::string> all, takes_file;
  script << "    " << command << ")\n      case $before in\n";
  for (const CLI::Option* option : app.get_options()) {
    const std::vector<std::string> names = flags(*option);
    all.insert(all.end(), names.begin(), names.end());
    if (names.empty() || option->get_items_expected_max() == 0) continue;
    const std::string values = choices(*option);
    if (values.empty())
      takes_file.insert(takes_file.end(), names.begin(), names.end());
    else
      script << "        " << joined(names, "|") << ") words='" << values << "' ;;\n";
  }
  if (!takes_file.empty()) script << "        " << joined(takes_file, "|") << ") return ;;\n";
  script << "        *) flags='" << joined(all, " ") << "' ;;\n      esac\n      ;;\n";
}

}  // namespace

std::string bash_completion(const CLI::App& app) {
  std::vector<std::string> commands;
  const auto subcommands =
      app.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); });
  for (const CLI::App* command : subcommands) commands.push_back(command->get_name());
  std::string function = "_" + app.get_name();
  std::replace(function.begin(), function.end(), '-', '_');
  std::ostringstream script;
  script << "# bash completion for " << app.get_name() << ", made from its table of options.\n"
         << function << "() {\n"
         << "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
         << "  local command='' flags='' words='' each\n"
         << "  for each in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         << "    case $each in " << joined(commands, "|") << ") command=$each && break ;; esac\n"
         << "  done\n"
         << "  COMPREPLY=()\n"
         << "  case $command in\n";
  for (const CLI::App* command : subcommands) put_command(script, command->get_name(), *command);
  put_command(script, "''", app);
  script << "  esac\n"
         << "  [ -n \"$command\" ] || words=${words:-'" << joined(commands, " ") << "'}\n"
         << "  case $word in -*) words=$flags ;; esac\n"
         << "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
         << "}\n"
         << "complete -o default -F " << function << ' ' << app.get_name() << '\n';
  return script.str();
}

}  // namespace command_line
