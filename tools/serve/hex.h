// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace serve {

/// Bytes as hex digits in lower case.
std::string to_hex(std::string_view bytes);
/// The inverse; nothing for what is none.
std::optional<std::string> from_hex(std::string_view digits);

}  // namespace serve
