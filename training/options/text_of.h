// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <vector>

#include "options/option_table.h"

namespace training {

/// A value as a checkpoint and a report have it: numbers as JSON has them, choices by their names.
template <typename T>
std::string text_of(const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    return value;
  } else if constexpr (std::is_enum_v<T>) {
    return name_of(value);
  } else {
    return nlohmann::json(value).dump();
  }
}

}  // namespace training
