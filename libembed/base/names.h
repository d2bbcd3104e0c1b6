// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "embed/error.h"

namespace embed {

/// A table of an enum's values and their names, for a to_string and parse pair.
template <typename Enum, std::size_t N>
using Names = std::array<std::pair<Enum, const char*>, N>;

template <typename Enum, std::size_t N>
const char* name_of(const Names<Enum, N>& names, Enum value) noexcept {
  for (const auto& [candidate, name] : names) {
    if (candidate == value) return name;
  }
  return "";
}

template <typename Enum, std::size_t N>
Enum value_of(const Names<Enum, N>& names, std::string_view text, const char* what) {
  std::string known;
  for (const auto& [candidate, name] : names) {
    if (text == name) return candidate;
    known += known.empty() ? name : std::string(", ") + name;
  }
  throw Error(ErrorCode::InvalidArgument,
              std::string(what) + " '" + std::string(text) + "' is unknown; one of: " + known);
}

}  // namespace embed
