// SPDX-License-Identifier: LGPL-2.1-or-later
#include "command_line/man_page.h"

#include <algorithm>
#include <cctype>
#include <sstream>

namespace command_line {

namespace {

/// Text as roff prints it: a hyphen that can be copied, and no line that begins a request.
std::string escaped(const std::string& text) {
  std::string roff;
  for (const char c : text) {
    const bool begins_line = roff.empty() || roff.back() == '\n';
    if (begins_line && (c == '.' || c == '\'')) roff += "\\&";
    if (c == '\\')
      roff += "\\e";
    else if (c == '-')
      roff += "\\-";
    else
      roff += c;
  }
  return roff;
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

/// Paragraphs, and indented lines as they stand: the examples.
void put_text(std::ostream& page, const std::string& text) {
  std::istringstream lines(text);
  bool in_example = false;
  for (std::string line; std::getline(lines, line);) {
    const bool example = line.rfind("  ", 0) == 0;
    if (example != in_example) page << (example ? ".PP\n.nf\n" : ".fi\n");
    if (!example && (line.empty() || in_example)) page << ".PP\n";
    in_example = example;
    if (!line.empty()) page << escaped(line) << '\n';
  }
  if (in_example) page << ".fi\n";
}

/// An option's name, values and description, in the words of --help.
void put_option(std::ostream& page, const CLI::Option& option, bool positional) {
  const CLI::Formatter words;
  page << ".TP\n\\fB" << escaped(words.make_option_name(&option, positional)) << "\\fR"
       << escaped(words.make_option_opts(&option)) << '\n';
  std::istringstream lines(words.make_option_desc(&option));
  bool first = true;
  for (std::string line; std::getline(lines, line); first = false)
    page << (first ? "" : ".br\n") << escaped(line) << '\n';
}

void put_options(std::ostream& page, const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) put_option(page, *option, true);
  }
  const std::vector<std::string> groups = app.get_groups();
  for (const std::string& group : groups) {
    const auto options = app.get_options([&](const CLI::Option* option) {
      return option->get_group() == group && option->nonpositional() && option != app.get_help_ptr();
    });
    if (group.empty() || options.empty()) continue;
    if (groups.size() > 1) page << ".PP\n\\fI" << escaped(group) << ":\\fR\n";
    for (const CLI::Option* option : options) put_option(page, *option, false);
  }
}

void put_synopsis(std::ostream& page, const CLI::App& app, const CLI::App& command) {
  page << ".PP\n\\fB" << escaped(app.get_name() + " " + command.get_name()) << "\\fR [\\fIOPTIONS\\fR]";
  const CLI::Formatter words;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_positional()) page << ' ' << escaped(words.make_option_usage(option));
  }
  page << '\n';
}

}  // namespace

std::string man_page(const CLI::App& app) {
  const std::string name = app.get_name(), description = app.get_description();
  const auto commands = app.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); });
  std::ostringstream page;
  page << ".TH " << escaped(upper(name)) << " 1 \"\" \"tripletembed " << app.version()
       << "\" \"User Commands\"\n"
       << ".SH NAME\n"
       << escaped(name) << " \\- " << escaped(description.substr(0, description.find_first_of(":."))) << '\n'
       << ".SH SYNOPSIS\n.B " << escaped(name) << "\n\\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n"
       << ".SH DESCRIPTION\n"
       << escaped(description) << "\n.SH OPTIONS\n";
  put_options(page, app);
  page << ".SH COMMANDS\n";
  for (const CLI::App* command : commands) {
    page << ".SS " << escaped(command->get_name()) << '\n' << escaped(command->get_description()) << ".\n";
    put_synopsis(page, app, *command);
    put_options(page, *command);
    page << ".PP\n";
    put_text(page, command->get_footer());
  }
  page << ".SH NOTES\n";
  put_text(page, app.get_footer());
  return page.str();
}

}  // namespace command_line
