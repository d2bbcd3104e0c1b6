// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace embed {

/// Reads JSON text (RFC 8259, UTF-8) from its front to its back in one go, without a tree of it: what a
/// header of many megabytes takes is time in proportion to its length, and no memory but the strings that are
/// asked for. (nlohmann's lexer keeps two copies more of a string while it reads it, which for a header that
/// is one long list of names is as much again as the file, twice.) Borrows the text. Every function throws
/// Error(Format) that says at which byte the text is not JSON; the caller adds file and field. Not
/// thread-safe.
class JsonScanner {
 public:
  explicit JsonScanner(std::string_view text) noexcept : text_(text) {}

  /// The character with which the next value begins, behind white space; 0 at the end of the text.
  char peek() noexcept;
  /// Takes `wanted`, or fails.
  void expect(char wanted);
  /// A string's characters, with its escapes replaced.
  std::string string();
  /// A number: its value when it is a whole one from 0 to 2^64 − 1 that is written without fraction, exponent
  /// and sign.
  std::optional<std::uint64_t> number();
  /// Takes a value of any kind. Returns how deeply objects and arrays lie in one another in it.
  std::size_t skip();
  /// Nothing but white space must be left.
  void finish();

  /// Takes an object and calls `member(name)` for each member, which must take its value.
  template <typename Member>
  void object(Member&& member) {
    expect('{');
    if (peek() == '}') return expect('}');
    do {
      const std::string name = string();
      expect(':');
      member(name);
    } while (another('}'));
  }
  /// Takes an array and calls `item()` for each item, which must take it.
  template <typename Item>
  void array(Item&& item) {
    expect('[');
    if (peek() == ']') return expect(']');
    do {
      item();
    } while (another(']'));
  }

 private:
  [[noreturn]] void fail(const char* expected) const;
  /// Takes a comma, or the end of an object or array.
  bool another(char end);
  bool digit() const noexcept;
  void digits();
  void skip_string();
  void skip_escape();
  void skip_scalar();
  std::uint32_t hex4();

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace embed
