// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace command_line {

/// What to say of the first flag on a command line that its command does not have, with the known one that is
/// spelt most like it; empty where there is none. CLI11 would rather speak of what is missing without it.
std::string unknown_flag(const CLI::App& app, int argc, const char* const* argv);

}  // namespace command_line
