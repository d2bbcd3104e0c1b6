// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace command_line {

/// A program's exit statuses, which all commands share.
constexpr int kDone = 0;
constexpr int kFailure = 1;
constexpr int kUsageError = 2;
constexpr int kSomeRefused = 3;

/// What a command does; it returns the exit status and throws embed::Error.
using Action = std::function<int()>;

/// A program from its arguments to its exit status: parses them, which sets `action`, runs that, and hands
/// over what was printed. What is wrong with the arguments or fails is told on the standard error behind the
/// program's name, that of `app`. `argv`: [argc] strings, the program's name first. One call at a time.
int run_program(CLI::App& app, const Action& action, int argc, char** argv) noexcept;

/// Ends the process when all has been written, without taking its libraries apart: LibTorch would unregister
/// thousands of operators one by one.
[[noreturn]] void end_process(int status);

}  // namespace command_line
