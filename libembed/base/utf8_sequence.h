// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace embed {

/// The length in bytes of the character at the start of `text`: 1 to 4, or 0 where it is not UTF-8 (RFC 3629,
/// which allows neither overlong forms nor surrogates). Any thread.
std::size_t utf8_sequence(std::string_view text) noexcept;

/// Appends the character with that code, which is at most 0x10FFFF and not a surrogate. Any thread.
void append_utf8(std::uint32_t code, std::string& text);

}  // namespace embed
