// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "embed/error.h"
#include "files/json_scanner.h"
#include "fuzz_target.h"

namespace fuzz {

std::vector<Bytes> seeds() {
  std::vector<Bytes> texts;
  for (const std::string text : {R"({"a":[1,-2.5e3,true,null,"x\u00e9\n"],"b":{}})",
                                 R"(["\ud83d\ude00",18446744073709551615])", "[[[]]]"})
    texts.emplace_back(text.begin(), text.end());
  return texts;
}

}  // namespace fuzz

/// Takes and refuses what another parser does, with two exceptions: that one passes over a UTF-8 mark and
/// stops at a zero byte.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (text.find('\0') != std::string::npos || text.rfind("\xEF", 0) == 0) return 0;
  bool taken = true;
  try {
    embed::JsonScanner json(text);
    const bool is_string = json.peek() == '"';
    const bool is_number = json.peek() == '-' || (json.peek() >= '0' && json.peek() <= '9');
    if (is_string) {
      const std::string value = json.string();
      json.finish();
      if (nlohmann::json::parse(text).get<std::string>() != value) fuzz::broken("a string means the same");
    } else if (is_number) {
      const auto value = json.number();
      json.finish();
      const nlohmann::json other = nlohmann::json::parse(text);
      if (value.has_value() != other.is_number_unsigned() || (value && *value != other.get<std::uint64_t>()))
        fuzz::broken("a number means the same");
    } else {
      json.skip();
      json.finish();
    }
  } catch (const embed::Error& error) {
    if (error.code() != embed::ErrorCode::Format) fuzz::broken("what is no JSON is a format error");
    taken = false;
  }
  if (taken != nlohmann::json::accept(text)) fuzz::broken("two parsers agree on what is JSON");
  return 0;
}
