// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <optional>
#include <string>

#include "embed/embedder.h"
#include "embed/gallery.h"
#include "embed/options.h"

namespace command_line {

/// Flags made from the option tables of embed/options.h, so that the tools and the elements share names,
/// ranges, defaults and wording. Must live as long as the CLI::App that it was added to. Not thread-safe.
class TableFlags {
 public:
  /// Adds one `--name` for every row of `table`, shown under the heading `group` in the help.
  template <std::size_t N>
  void add(CLI::App& app, const embed::OptionSpec (&table)[N], const std::string& group) {
    for (const embed::OptionSpec& spec : table) add_one(app, spec, group);
  }

  /// Adds the flag of one row.
  void add_one(CLI::App& app, const embed::OptionSpec& spec, const std::string& group);

  /// The value by the row's name; std::out_of_range for a name that was never added.
  const std::string& text(const std::string& name) const { return values_.at(name); }
  double number(const std::string& name) const { return std::stod(values_.at(name)); }
  int integer(const std::string& name) const { return std::stoi(values_.at(name)); }

 private:
  std::map<std::string, std::string> values_;
};

/// From flags made of kEmbedderOptions.
embed::EmbedderOptions embedder_options(const TableFlags& flags);

/// From flags made of kMatchOptions.
embed::MatchOptions match_options(const TableFlags& flags, const embed::ModelInfo& model,
                                  const embed::Gallery& gallery);

/// Adds `--weights`, which may stay empty: take_default_weights().
CLI::Option* add_weights(CLI::App& command, std::string& weights);
/// Puts embed::default_weights() where nothing is. Throws what it throws.
void take_default_weights(std::string& weights);

}  // namespace command_line
