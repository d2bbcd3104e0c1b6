// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "embed/error.h"
#include "files/json_scanner.h"

namespace {

using embed::JsonScanner;

bool accepts(const std::string& text) {
  try {
    JsonScanner json(text);
    json.skip();
    json.finish();
    return true;
  } catch (const embed::Error&) {
    return false;
  }
}

TEST(JsonScanner, TakesAndRefusesWhatAnotherParserDoes) {
  const char* texts[] = {"{}",
                         "[]",
                         "0",
                         "-0",
                         "01",
                         "1.",
                         "1.5e-3",
                         "1e",
                         "1e+",
                         "-",
                         "+1",
                         ".5",
                         "1e308",
                         "1e309",
                         "-1e999",
                         "1e-999",
                         "true",
                         "tru",
                         "truex",
                         "null",
                         "nul",
                         "[1,]",
                         "[,1]",
                         "[1 2]",
                         "[[[]]]",
                         "[[[]]",
                         "[]]",
                         "{\"a\":1}",
                         "{\"a\":1,}",
                         "{\"a\"}",
                         "{a:1}",
                         "{\"a\":[{}]}",
                         "[{\"a\":1}]",
                         "{\"a\":{}]",
                         "\"\\u0041\"",
                         "\"\\u004\"",
                         "\"\\ud800\"",
                         "\"\\udc00\"",
                         "\"\\ud83d\\ude00\"",
                         "\"\\ud83d\\u0041\"",
                         "\"\\x\"",
                         "\"",
                         "\"\t\"",
                         "\"\x7f\"",
                         "\"\xC3\xA9\"",
                         "\"\xC0\x80\"",
                         "\"\xE0\x80\x80\"",
                         "\"\xED\xA0\x80\"",
                         "\"\xF4\x90\x80\x80\"",
                         "\"\xF0\x9F\x98\x80\"",
                         "\"\xF0\x9F\x98\"",
                         "\"\xFF\"",
                         " \n\r\t[ 1 , \"a\" ] ",
                         "",
                         " ",
                         "1 1",
                         "// c\n1",
                         "'a'",
                         "NaN",
                         "Infinity"};
  for (const char* text : texts) EXPECT_EQ(accepts(text), nlohmann::json::accept(text)) << text;
}

TEST(JsonScanner, ReplacesEscapes) {
  const std::string text = R"("a\"\\\/\b\f\n\r\t\u00e9\u20AC\ud83d\ude00\u0000z")";
  EXPECT_EQ(JsonScanner(text).string(), nlohmann::json::parse(text).get<std::string>());
}

TEST(JsonScanner, TellsWholeNumbersFromOthers) {
  EXPECT_EQ(JsonScanner("18446744073709551615").number(), ~std::uint64_t{0});
  for (const char* text : {"18446744073709551616", "-1", "-0", "1.0", "1e1"})
    EXPECT_EQ(JsonScanner(text).number(), std::nullopt) << text;
}

TEST(JsonScanner, SaysHowDeepAndWhere) {
  const std::string deep = "{\"a\":" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}";
  EXPECT_EQ(JsonScanner(deep).skip(), 1'000'001U);
  EXPECT_EQ(JsonScanner("1").skip(), 0U);
  try {
    JsonScanner("[1,?]").skip();
    FAIL();
  } catch (const embed::Error& error) {
    EXPECT_STREQ(error.what(), "not valid JSON: a value expected at byte 3");
  }
}

}  // namespace
