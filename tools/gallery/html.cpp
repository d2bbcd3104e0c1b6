// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/html.h"

#include <cstddef>
#include <cstdint>

#include "gallery/output.h"

namespace gallery_tool {

std::string html_text(const std::string& text) {
  // What JSON's writer makes of bytes that are not UTF-8 is U+FFFD.
  const std::string valid = Json::parse(json_text(text)).get<std::string>();
  std::string out;
  for (const char c : shown(valid)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string data_uri(const std::string& type, const std::string& bytes) {
  constexpr const char* kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out = "data:" + type + ";base64,";
  out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = bytes.size() - i < 3 ? bytes.size() - i : 3;
    std::uint32_t three = 0;
    for (std::size_t j = 0; j < 3; ++j)
      three = three << 8U | (j < count ? static_cast<std::uint8_t>(bytes[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j)
      out += j <= count ? kDigits[three >> (18U - 6U * static_cast<unsigned>(j)) & 63U] : '=';
  }
  return out;
}

}  // namespace gallery_tool
