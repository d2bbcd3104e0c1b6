// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "enrolment/collector.h"

namespace gallery_tool {

/// Adds `--face largest|centre|all-of N`; its words stand in `words` after parsing.
void add_face(CLI::App& command, std::vector<std::string>& words);

/// What these words say, into `options`. A word too many is the gallery where none is named yet, since a flag
/// with one word or two takes what follows it. Throws CLI::ValidationError.
void take_face(std::vector<std::string> words, std::string& gallery, enrolment::CollectOptions& options);

}  // namespace gallery_tool
