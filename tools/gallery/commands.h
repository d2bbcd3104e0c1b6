// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <CLI/CLI.hpp>

#include "command_line/process.h"

/// The commands of triplet-gallery. Each add_ function adds one subcommand to `app`; when the user asks for
/// it, parsing sets `action` to what the command does. An action returns the exit status and throws
/// embed::Error.
namespace gallery_tool {

using command_line::Action;

void add_enroll(CLI::App& app, Action& action);
void add_export(CLI::App& app, Action& action);
void add_identify(CLI::App& app, Action& action);
void add_list(CLI::App& app, Action& action);
void add_remove(CLI::App& app, Action& action);
void add_rename(CLI::App& app, Action& action);
void add_merge(CLI::App& app, Action& action);
void add_move(CLI::App& app, Action& action);
void add_check(CLI::App& app, Action& action);
void add_strangers(CLI::App& app, Action& action);

}  // namespace gallery_tool
