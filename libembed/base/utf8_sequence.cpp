// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/utf8_sequence.h"

#include <array>

namespace embed {

std::size_t utf8_sequence(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  const std::size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  }
  // The second byte shows overlong forms, surrogates, and codes beyond Unicode.
  const unsigned second = byte(1);
  const bool fits = !(first == 0xE0 && second < 0xA0) && !(first == 0xED && second > 0x9F) &&
                    !(first == 0xF0 && second < 0x90) && !(first == 0xF4 && second > 0x8F);
  return fits ? length : 0;
}

void append_utf8(std::uint32_t code, std::string& text) {
  if (code < 0x80) {
    text += static_cast<char>(code);
    return;
  }
  const std::size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  constexpr std::array<std::uint32_t, 5> kFirst = {0, 0, 0xC0, 0xE0, 0xF0};
  text += static_cast<char>(kFirst[length] | code >> 6 * (length - 1));
  for (std::size_t i = length - 1; i > 0; --i)
    text += static_cast<char>(0x80U | (code >> 6 * (i - 1) & 0x3FU));
}

}  // namespace embed
