// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace gallery_tool {

using Json = nlohmann::json;

/// A text of a file or of the command line, for a line of output: control characters are escaped, and of more
/// than some 80 bytes the first are shown.
std::string shown(const std::string& text);

/// "1 row", "2 rows"; `one` is the word for one.
std::string counted(std::size_t count, const char* one);

/// As RFC 3339 writes it, in whole seconds; empty for 0, which means that nobody knows. `seconds`: since
/// 1970.
std::string date_text(std::int64_t seconds);

/// In one line. Bytes that are not UTF-8 become U+FFFD.
std::string json_text(const Json& value);

/// What a command was given and could not take.
class Refusals {
 public:
  /// Tells it on the standard error.
  void add(const std::string& input, const std::string& why);
  /// [{"input": "Bob", "why": "nobody is called so"}]
  Json json() const;
  bool empty() const noexcept { return refused_.empty(); }
  /// The exit status after so many inputs that were taken.
  int status(std::size_t taken) const noexcept;

 private:
  struct Refused {
    std::string input, why;
  };
  std::vector<Refused> refused_;
};

}  // namespace gallery_tool
