// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/utf8.h"

#include <nlohmann/json.hpp>

namespace training {

std::string to_utf8(const std::string& text) {
  const std::string quoted =
      nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return nlohmann::json::parse(quoted).get<std::string>();
}

bool is_utf8(const std::string& text) {
  return to_utf8(text) == text;
}

}  // namespace training
