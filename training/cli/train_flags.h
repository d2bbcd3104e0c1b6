// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>
#include <vector>

#include "options/train_options.h"

namespace training::cli {

/// Values as the flags of `triplet-train train` give them, where they need translation.
struct TrainFlags {
  TrainOptions options;
  bool note = false;
  std::string margin, without;
  std::vector<std::string> teacher;
  std::vector<std::size_t> pk;
  std::vector<float> mean, std;
};

/// Adds all flags to the command; `flags`, which holds their defaults, must outlive it.
void add_train_flags(CLI::App& command, TrainFlags& flags);

/// Brings what the parsed flags said into `flags.options`; all but `without`, which names a file. Throws
/// CLI::ValidationError for values that cannot be, and for flags that have no effect beside the others.
void translate_train_flags(const CLI::App& command, TrainFlags& flags);

}  // namespace training::cli
