// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace command_line {

/// Lets the program and each of its commands read flags from a config file, `--config FILE`. A key outside of
/// any [section] is that of the command in use. A key that is no flag is an error, since a misspelt one would
/// change nothing in silence. Once, after the program has all of its commands. `others`: sections that are
/// not this program's, and are passed over.
void add_config_file(CLI::App& app, const std::vector<std::string>& others = {});

/// The config file, where an error is about a flag that the command line does not have: CLI11 says which
/// flag, but not that it stands in a file. Empty where the command line is at fault.
std::string config_at_fault(const CLI::App& app, const std::string& message, int argc,
                            const char* const* argv);

}  // namespace command_line
