// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/person_name.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "base/utf8_sequence.h"
#include "embed/error.h"

namespace embed {

namespace {

constexpr std::size_t kLongestName = 256;
constexpr std::string_view kUnknown = "???";

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::InvalidArgument, "identity name: " + why);
}

utf8proc_int32_t code_of(std::string_view sequence) noexcept {
  utf8proc_int32_t code = 0;
  utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(sequence.data()),
                   static_cast<utf8proc_ssize_t>(sequence.size()), &code);
  return code;
}

/// Whether it is a blank of any width and script, or one of the zero-width marks that come with copied text.
bool is_space(utf8proc_int32_t code) noexcept {
  const utf8proc_category_t category = utf8proc_category(code);
  return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
         category == UTF8PROC_CATEGORY_ZP || code == 0x200B || code == 0xFEFF;
}

/// The part between the first and the last character that is no white space.
std::string_view trimmed(std::string_view text) {
  std::size_t begin = text.size(), end = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_sequence(text.substr(i));
    const utf8proc_int32_t code = length == 0 ? 0 : code_of(text.substr(i, length));
    if (length == 0 || utf8proc_category(code) == UTF8PROC_CATEGORY_CC)
      refuse("UTF-8 text without control characters expected");
    if (!is_space(code)) {
      begin = std::min(begin, i);
      end = i + length;
    }
    i += length;
  }
  return begin < end ? text.substr(begin, end - begin) : std::string_view();
}

std::string composed(std::string_view text) {
  utf8proc_uint8_t* made = nullptr;
  const utf8proc_ssize_t size = utf8proc_map(
      reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
      &made, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(made, &std::free);
  if (size < 0) refuse(std::string("cannot be normalised: ") + utf8proc_errmsg(size));
  return {reinterpret_cast<const char*>(made), static_cast<std::size_t>(size)};
}

}  // namespace

std::string person_name(const std::string& text) {
  if (text.size() > 4 * kLongestName) refuse("1 to 256 bytes expected");
  const std::string name = composed(trimmed(text));
  if (name.empty() || name.size() > kLongestName) refuse("1 to 256 bytes expected, not white space alone");
  if (name == kUnknown) refuse("??? stands for those who are not known");
  return name;
}

}  // namespace embed
