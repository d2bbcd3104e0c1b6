// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/train_flags.h"

namespace training::cli {

/// Few pictures of few people cannot make a network, but can finish one. A run on pictures that are cut as
/// the default weights want them, and of which no flag says how to learn from them, starts from those and
/// keeps most of what they know; how long it learns depends on how many pictures there are. Also what
/// `--init default` and `--init none` mean. Returns what to tell the user; empty: the run is as the flags
/// say. Throws embed::Error for sets that cannot be read, and with `--init default` where there are no such
/// weights.
std::string take_default_start(const CLI::App& command, TrainFlags& flags);

}  // namespace training::cli
