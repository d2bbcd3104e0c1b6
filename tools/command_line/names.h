// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

namespace command_line {

/// "2" before "10", else by bytes: the order that people expect of folders and pictures.
struct NaturalLess {
  bool operator()(const std::string& a, const std::string& b) const;
};

/// Of names the first ten, and how many more there are.
std::string first_of(const std::vector<std::string>& names);

}  // namespace command_line
