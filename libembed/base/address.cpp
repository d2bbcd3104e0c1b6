// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/address.h"

#include <algorithm>
#include <cctype>

namespace embed {

namespace {

bool is_scheme(const std::string& text) {
  return !text.empty() && std::isalpha(static_cast<unsigned char>(text[0])) != 0 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '+' || c == '-' || c == '.';
         });
}

/// Whether the text ahead of the first of "/?#" is a user and the start of a password rather than a host and
/// a port, which it is when no number follows its last colon.
bool begins_a_password(const std::string& authority) {
  const std::size_t colon = authority.rfind(':');
  if (colon == std::string::npos || authority.back() == ']') return false;  // An IPv6 address in brackets.
  return colon + 1 == authority.size() ||
         !std::all_of(authority.begin() + static_cast<std::ptrdiff_t>(colon) + 1, authority.end(),
                      [](unsigned char c) { return std::isdigit(c) != 0; });
}

}  // namespace

std::string public_address(const std::string& address) {
  const std::size_t mark = address.find("://");
  if (mark == std::string::npos || !is_scheme(address.substr(0, mark))) return address;
  const std::size_t start = mark + 3;
  std::string rest = address.substr(start);
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  const std::size_t at = rest.rfind('@');
  // An '@' behind the host belongs to the path, unless the password reaches as far.
  if (at != std::string::npos && (at < end || begins_a_password(rest.substr(0, end)))) {
    rest.erase(0, at + 1);
  } else if (const std::size_t user = rest.rfind('@', end); user != std::string::npos && user < end) {
    rest.erase(0, user + 1);
  }
  return address.substr(0, start) + rest.substr(0, rest.find_first_of("?#"));
}

}  // namespace embed
