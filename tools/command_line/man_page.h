// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace command_line {

/// The manual page of a program with all of its commands, in roff's man macros, out of the table of options
/// behind --help. Once the app has all of its commands.
std::string man_page(const CLI::App& app);

}  // namespace command_line
