// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <CLI/CLI.hpp>

namespace command_line {

/// Prints what is installed beside a program, its manual page or its completion, when the command line is
/// --man-page or --bash-completion alone: the build asks for them. False when it is anything else. Once the
/// app has all of its commands.
bool print_for_installation(const CLI::App& app, int argc, const char* const* argv);

}  // namespace command_line
