// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/printable.h"

#include <cstdint>
#include <cstdio>

#include "base/utf8_sequence.h"

namespace embed {

namespace {

std::uint32_t code_of(std::string_view sequence) noexcept {
  if (sequence.size() == 1) return static_cast<unsigned char>(sequence[0]);
  std::uint32_t code = static_cast<unsigned char>(sequence[0]) & (0x7FU >> sequence.size());
  for (const char c : sequence.substr(1)) code = code << 6U | (static_cast<unsigned char>(c) & 0x3FU);
  return code;
}

bool is_control(std::uint32_t code) noexcept {
  return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x200E || code == 0x200F ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

}  // namespace

std::string printable(std::string_view text, std::string_view keep) {
  std::string shown;
  shown.reserve(text.size());
  char escape[8];
  while (!text.empty()) {
    const std::size_t length = utf8_sequence(text);
    const std::string_view character = text.substr(0, length == 0 ? 1 : length);
    const auto byte = static_cast<unsigned char>(character[0]);
    if (length == 0 && byte >= 0x80 && byte <= 0x9F) {
      std::snprintf(escape, sizeof(escape), "\\x%02x", static_cast<unsigned>(byte));
      shown += escape;
    } else if (length != 0 && is_control(code_of(character)) &&
               (length > 1 || keep.find(character[0]) == std::string_view::npos)) {
      std::snprintf(escape, sizeof(escape), "\\u%04x", static_cast<unsigned>(code_of(character)));
      shown += escape;
    } else {
      shown += character;
    }
    text.remove_prefix(character.size());
  }
  return shown;
}

}  // namespace embed
