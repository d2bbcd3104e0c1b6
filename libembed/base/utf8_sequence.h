// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace embed {

/// Bytes of the character that `text` begins with: 1 to 4, and 0 where that is not UTF-8 (RFC 3629: neither
/// overlong forms nor surrogates).
std::size_t utf8_sequence(std::string_view text) noexcept;

/// Adds the character of that code, which is at most 0x10FFFF and no surrogate.
void append_utf8(std::uint32_t code, std::string& text);

}  // namespace embed
