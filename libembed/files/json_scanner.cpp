// SPDX-License-Identifier: LGPL-2.1-or-later
#include "files/json_scanner.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "base/utf8_sequence.h"
#include "embed/error.h"

namespace embed {

namespace {

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

}  // namespace

void JsonScanner::fail(const char* expected) const {
  throw Error(ErrorCode::Format,
              "not valid JSON: " + std::string(expected) + " expected at byte " + std::to_string(at_));
}

char JsonScanner::peek() noexcept {
  while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  return at_ < text_.size() ? text_[at_] : '\0';
}

void JsonScanner::expect(char wanted) {
  const char name[] = {'\'', wanted, '\'', '\0'};
  if (peek() != wanted || at_ == text_.size()) fail(name);
  ++at_;
}

bool JsonScanner::another(char end) {
  const bool more = peek() == ',';
  expect(more ? ',' : end);
  return more;
}

void JsonScanner::finish() {
  peek();
  if (at_ != text_.size()) fail("nothing more");
}

std::uint32_t JsonScanner::hex4() {
  std::uint32_t value = 0;
  if (text_.size() - at_ < 4) fail("four hexadecimal digits");
  const char* const begin = text_.data() + at_;
  const auto [end, code] = std::from_chars(begin, begin + 4, value, 16);
  if (code != std::errc() || end != begin + 4) fail("four hexadecimal digits");
  at_ += 4;
  return value;
}

/// Behind a backslash. Half a surrogate pair is no character.
void JsonScanner::skip_escape() {
  const char kind = at_ < text_.size() ? text_[at_] : '\0';
  if (kind != 'u') {
    if (kind == '\0' || std::string_view("\"\\/bfnrt").find(kind) == std::string_view::npos)
      fail("an escape");
    ++at_;
    return;
  }
  ++at_;
  const std::uint32_t code = hex4();
  if (code >= 0xDC00 && code <= 0xDFFF) fail("a whole surrogate pair");
  if (code < 0xD800 || code > 0xDBFF) return;
  if (text_.substr(at_, 2) != "\\u") fail("a whole surrogate pair");
  at_ += 2;
  const std::uint32_t low = hex4();
  if (low < 0xDC00 || low > 0xDFFF) fail("a whole surrogate pair");
}

/// From the opening quote to behind the closing one.
void JsonScanner::skip_string() {
  expect('"');
  while (at_ < text_.size()) {
    const auto c = static_cast<unsigned char>(text_[at_]);
    if (c == '"') {
      ++at_;
      return;
    }
    if (c < 0x20) fail("no control character");
    if (c == '\\') {
      ++at_;
      skip_escape();
      continue;
    }
    const std::size_t length = utf8_sequence(text_.substr(at_, 4));
    if (length == 0) fail("UTF-8");
    at_ += length;
  }
  fail("'\"'");
}

std::string JsonScanner::string() {
  peek();
  const std::size_t begin = at_;
  skip_string();
  const std::string_view raw = text_.substr(begin + 1, at_ - begin - 2);
  std::string result;
  result.reserve(raw.size());  // An escape is never shorter than what it stands for.
  JsonScanner escape(raw);
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      result += raw[i];
      continue;
    }
    constexpr std::string_view kNames = "\"\\/bfnrt", kValues = "\"\\/\b\f\n\r\t";
    const std::size_t known = kNames.find(raw[++i]);
    if (known != std::string_view::npos) {
      result += kValues[known];
      continue;
    }
    escape.at_ = i + 1;
    std::uint32_t code = escape.hex4();
    if (code >= 0xD800 && code <= 0xDBFF) {
      escape.at_ += 2;
      code = 0x10000 + ((code - 0xD800) << 10U) + (escape.hex4() - 0xDC00);
    }
    append_utf8(code, result);
    i = escape.at_ - 1;
  }
  return result;
}

bool JsonScanner::digit() const noexcept {
  return at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9';
}

void JsonScanner::digits() {
  if (!digit()) fail("a digit");
  while (digit()) ++at_;
}

std::optional<std::uint64_t> JsonScanner::number() {
  peek();
  const std::size_t begin = at_;
  const auto take = [&](char c) {
    const bool there = at_ < text_.size() && text_[at_] == c;
    if (there) ++at_;
    return there;
  };
  bool whole = !take('-');
  if (!take('0')) digits();
  if (take('.')) {
    whole = false;
    digits();
  }
  if (take('e') || take('E')) {
    whole = false;
    if (!take('+')) take('-');
    digits();
  }
  const char *const first = text_.data() + begin, *const last = text_.data() + at_;
  std::uint64_t value = 0;
  if (whole && std::from_chars(first, last, value).ec == std::errc()) return value;
  // Other readers take a number beyond a double's range for infinity, or for an error.
  if (!std::isfinite(std::strtod(std::string(first, last).c_str(), nullptr)))
    fail("a number of double's range");
  return std::nullopt;
}

void JsonScanner::skip_scalar() {
  const char c = peek();
  if (c == '"') return skip_string();
  for (const std::string_view word : {"true", "false", "null"}) {
    if (text_.substr(at_, word.size()) != word) continue;
    at_ += word.size();
    return;
  }
  if (c != '-' && !digit()) fail("a value");
  number();
}

std::size_t JsonScanner::skip() {
  std::vector<bool> objects;  // Which of those that are open are objects; a bit for each bracket.
  std::size_t deepest = 0;
  const auto enter_member = [&] {
    skip_string();
    expect(':');
  };
  for (;;) {
    const char c = peek();
    if (c == '{' || c == '[') {
      ++at_;
      objects.push_back(c == '{');
      deepest = std::max(deepest, objects.size());
      if (peek() != (c == '{' ? '}' : ']')) {
        if (c == '{') enter_member();
        continue;
      }
      ++at_;
      objects.pop_back();
    } else {
      skip_scalar();
    }
    // Behind a value: all that ends with it, then the comma before the next.
    while (!objects.empty() && !another(objects.back() ? '}' : ']')) objects.pop_back();
    if (objects.empty()) return deepest;
    if (objects.back()) enter_member();
  }
}

}  // namespace embed
