// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <CLI/CLI.hpp>

namespace command_line {

/// Lets a command refuse what CLI11 would take for a number: a negative one where there is no sign, and NaN.
/// Once, after the command has all of its flags.
void check_numbers(CLI::App& command);

}  // namespace command_line
