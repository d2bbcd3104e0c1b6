// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

/// The commands of triplet-train. Each add_ function adds one subcommand to `app`; when the user asks for it,
/// parsing sets `action` to what the command does. An action returns the exit status and throws embed::Error.
namespace training::cli {

using Action = std::function<int()>;

void add_pack(CLI::App& app, Action& action);
void add_train(CLI::App& app, Action& action);
void add_evaluate(CLI::App& app, Action& action);
void add_export(CLI::App& app, Action& action);
void add_report(CLI::App& app, Action& action);
void add_import(CLI::App& app, Action& action);
void add_blend(CLI::App& app, Action& action);
void add_teach(CLI::App& app, Action& action);
void add_whiten(CLI::App& app, Action& action);
void add_inspect(CLI::App& app, Action& action);

}  // namespace training::cli
