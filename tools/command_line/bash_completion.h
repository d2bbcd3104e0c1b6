// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace command_line {

/// Completion of a program's commands, flags and named values for bash, out of the table of options behind
/// --help. Once the app has all of its commands.
std::string bash_completion(const CLI::App& app);

}  // namespace command_line
