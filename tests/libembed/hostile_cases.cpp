// SPDX-License-Identifier: LGPL-2.1-or-later
#include "hostile_cases.h"

#include <array>
#include <utility>

namespace hostile {

namespace {

struct Type {
  const char* name;
  std::uint64_t size;
};
constexpr std::array<Type, 13> kTypes = {{{"BOOL", 1},
                                          {"U8", 1},
                                          {"I8", 1},
                                          {"I16", 2},
                                          {"U16", 2},
                                          {"F16", 2},
                                          {"BF16", 2},
                                          {"I32", 4},
                                          {"U32", 4},
                                          {"F32", 4},
                                          {"F64", 8},
                                          {"I64", 8},
                                          {"U64", 8}}};

std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

std::string pair(std::uint64_t begin, std::uint64_t end) {
  return "[" + std::to_string(begin) + "," + std::to_string(end) + "]";
}

/// One member `"name":{…}` of a header.
std::string u8_tensor(const std::string& name, std::uint64_t begin, std::uint64_t end) {
  return quoted(name) + R"(:{"dtype":"U8","shape":[)" + std::to_string(end - begin) + R"(],"data_offsets":)" +
         pair(begin, end) + "}";
}

}  // namespace

std::string file_with_length(std::uint64_t length, const std::string& header, std::size_t data) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(length >> (8 * i) & 0xFF));
  return bytes + header + std::string(data, '\0');
}

std::string file_of(const std::string& header, std::size_t data) {
  return file_with_length(header.size(), header, data);
}

std::string tensor_header(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"t":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

std::vector<Case> length_cases() {
  std::vector<Case> cases;
  for (std::size_t size = 0; size < 8; ++size) {
    cases.push_back(
        {"only " + std::to_string(size) + " bytes", std::string(size, '\0'), "at least 8 expected"});
  }
  cases.push_back({"a header of no bytes", file_with_length(0, ""), "not valid JSON"});
  for (const std::uint64_t extra : {1U, 2U, 7U, 64U, 4096U}) {
    cases.push_back({"length " + std::to_string(extra) + " past the end", file_with_length(2 + extra, "{}"),
                     "truncated"});
  }
  cases.push_back({"length 100000000 past the end", file_with_length(100'000'000, "{}"), "truncated"});
  for (const std::uint64_t length :
       {std::uint64_t{100'000'001}, std::uint64_t{1} << 31, std::uint64_t{1} << 32,
        (std::uint64_t{1} << 32) + 2, std::uint64_t{1} << 40, std::uint64_t{1} << 62, std::uint64_t{1} << 63,
        ~std::uint64_t{0} - 7, ~std::uint64_t{0} - 1, ~std::uint64_t{0}}) {
    cases.push_back(
        {"length " + std::to_string(length), file_with_length(length, "{}"), "at most 100000000 expected"});
  }
  cases.push_back({"length one short", file_with_length(1, "{}"), "not valid JSON"});
  cases.push_back({"length in big-endian order", std::string("\0\0\0\0\0\0\0\2{}", 10), "at most 100000000"});
  cases.push_back({"a PNG", std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16), "at most 100000000"});
  cases.push_back(
      {"a zip, as PyTorch writes", std::string("PK\3\4\0\0\x8\x8\0\0\0\0\0\0", 14), "at most 100000000"});
  cases.push_back({"a text", "kind: tripletembed.weights\n", "at most 100000000"});
  return cases;
}

std::vector<Case> json_cases() {
  std::vector<Case> cases;
  const char* broken[] = {"{",
                          "}",
                          "{]",
                          "{\"a\"}",
                          "{\"a\":}",
                          "{\"a\":1,}",
                          "{'a':1}",
                          "{a:1}",
                          "{\"a\":01}",
                          "{\"a\":+1}",
                          "{\"a\":.5}",
                          "{\"a\":NaN}",
                          "{\"a\":Inf",
                          "{\"a\":\"",
                          "{\"a\":\"\\x\"}",
                          "{\"a\":\"\\u12\"}",
                          "{} {}",
                          "{}x",
                          "// c\n{}",
                          "{\"a\" 1}",
                          "{\"a\":tru}",
                          "{\"a\":1e}",
                          "\xEF\xBB",
                          "   ",
                          "{\"a\":1e999}",
                          "{\"a\":\"\xFF\"}",
                          "{\"\xC3\x28\":1}",
                          "{\"a\":\"\xED\xA0\x80\"}",
                          "{\"a\":\"\t\"}"};
  for (const char* text : broken)
    cases.push_back({std::string("JSON ") + text, file_of(text), "not valid JSON"});
  cases.push_back({"a zero byte in the JSON", file_of(std::string("{\0}", 3)), "not valid JSON"});
  cases.push_back({"a zero byte after the JSON", file_of(std::string("{}\0", 3)), "not valid JSON"});
  for (const char* text : {"[]", "null", "1", "-1.5", "true", "\"text\"", "[{}]"}) {
    cases.push_back({std::string("top level ") + text, file_of(text), "a JSON object expected"});
  }
  for (const std::size_t depth : {9U, 10U, 100U, 10'000U, 1'000'000U}) {
    cases.push_back({"arrays " + std::to_string(depth) + " deep",
                     file_of("{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + "}"),
                     "nested too deeply"});
  }
  std::string objects;
  for (int i = 0; i < 5000; ++i) objects += "{\"a\":";
  cases.push_back(
      {"objects 5000 deep", file_of(objects + "1" + std::string(5000, '}')), "nested too deeply"});
  cases.push_back({"unclosed arrays", file_of("{\"a\":" + std::string(100'000, '[')), "not valid JSON"});
  for (const char* value : {"1", "null", "[]", "\"F32\"", "true", "[0,4]", "1.5"}) {
    cases.push_back({std::string("a tensor that is ") + value, file_of(std::string("{\"t\":") + value + "}"),
                     "t: a JSON object expected"});
  }
  return cases;
}

std::vector<Case> dtype_cases() {
  std::vector<Case> cases;
  for (const char* name : {"",        "f32",    "F32 ",       " F32", "F31",     "F8",      "F8_E4M3",
                           "F8_E5M2", "F128",   "C64",        "I128", "U4",      "float32", "torch.float32",
                           "<f4",     "object", "F32\\u0000", "BF",   "BOOLEAN", "bool"}) {
    cases.push_back({std::string("dtype '") + name + "'",
                     file_of(tensor_header(quoted(name), "[1]", "[0,4]"), 4), "is unknown"});
  }
  for (const char* value : {"1", "null", "[]", "{}", "true", "[\"F32\"]", "4.5"}) {
    cases.push_back({std::string("dtype ") + value, file_of(tensor_header(value, "[1]", "[0,4]"), 4),
                     "dtype: a string expected"});
  }
  const char* incomplete[] = {R"({"t":{}})",
                              R"({"t":{"dtype":"F32"}})",
                              R"({"t":{"dtype":"F32","shape":[1]}})",
                              R"({"t":{"dtype":"F32","data_offsets":[0,4]}})",
                              R"({"t":{"shape":[1],"data_offsets":[0,4]}})",
                              R"({"t":{"shape":[1]}})",
                              R"({"t":{"data_offsets":[0,4]}})"};
  for (const char* text : incomplete) {
    cases.push_back(
        {std::string("incomplete ") + text, file_of(text, 4), "dtype, shape and data_offsets expected"});
  }
  for (const char* key : {"strides", "Dtype", "offsets", "data", "", "\\u0000"}) {
    cases.push_back(
        {std::string("superfluous key '") + key + "'",
         file_of(R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4],)" + quoted(key) + ":1}}", 4),
         "unexpected key"});
  }
  return cases;
}

std::vector<Case> shape_cases() {
  std::vector<Case> cases;
  for (const char* shape : {"1", "null", "{}", "\"[1]\"", "true", "1.0", "{\"0\":1}"}) {
    cases.push_back({std::string("shape ") + shape, file_of(tensor_header("\"F32\"", shape, "[0,4]"), 4),
                     "shape: an array of at most 16 sizes expected"});
  }
  std::string long_shape = "[1";
  for (int i = 1; i < 17; ++i) long_shape += ",1";
  cases.push_back(
      {"17 dimensions", file_of(tensor_header("\"F32\"", long_shape + "]", "[0,4]"), 4), "at most 16 sizes"});
  for (const char* dim : {"-1", "-9223372036854775808", "1.0", "1.5", "1e0", "\"1\"", "null", "true", "[1]",
                          "{}", "281474976710657", "9223372036854775807", "9223372036854775808",
                          "18446744073709551615", "18446744073709551616", "1e18", "-0.0"}) {
    cases.push_back({std::string("size ") + dim,
                     file_of(tensor_header("\"F32\"", std::string("[") + dim + "]", "[0,4]"), 4),
                     "shape: sizes from 0 to 2^48 expected"});
  }
  for (const char* shape :
       {"[281474976710656,281474976710656]", "[4294967296,4294967296]", "[2147483648,2147483648,4]",
        "[281474976710656,65536]", "[65536,65536,65536,65536]", "[4294967296,2147483648,2]"}) {
    for (const Type& type : kTypes) {
      cases.push_back({std::string("product of ") + shape + " " + type.name,
                       file_of(tensor_header(quoted(type.name), shape, "[0,0]")), "overflow"});
    }
  }
  // The element's size alone carries these over 2^64.
  for (const Type& type : kTypes) {
    if (type.size < 2) continue;
    cases.push_back({std::string("bytes overflow ") + type.name,
                     file_of(tensor_header(quoted(type.name), "[4294967296,4294967295]", "[0,0]")),
                     "overflow"});
  }
  return cases;
}

std::vector<Case> offset_cases() {
  std::vector<Case> cases;
  for (const char* offsets : {"null",
                              "0",
                              "4",
                              "{}",
                              "\"0,4\"",
                              "[]",
                              "[0]",
                              "[4]",
                              "[0,4,4]",
                              "[0,4,0]",
                              "[-4,0]",
                              "[0,-4]",
                              "[-1,3]",
                              "[0.0,4]",
                              "[0,4.0]",
                              "[\"0\",\"4\"]",
                              "[null,4]",
                              "[0,null]",
                              "[[0],4]",
                              "[false,4]",
                              "[0,18446744073709551616]",
                              "[0,1e1]"}) {
    cases.push_back({std::string("offsets ") + offsets, file_of(tensor_header("\"F32\"", "[1]", offsets), 4),
                     "data_offsets: two non-negative integers expected"});
  }
  for (const char* offsets :
       {"[4,0]", "[1,0]", "[0,5]", "[0,8]", "[4,8]", "[8,12]", "[0,4294967300]", "[5,9]",
        "[0,18446744073709551615]", "[18446744073709551612,18446744073709551615]", "[18446744073709551615,3]",
        "[9223372036854775808,9223372036854775812]"}) {
    cases.push_back({std::string("offsets ") + offsets + " of 4 bytes",
                     file_of(tensor_header("\"F32\"", "[1]", offsets), 4), "are outside the 4 data bytes"});
  }
  for (const Type& type : kTypes) {
    const std::uint64_t bytes = 3 * type.size;
    for (const std::uint64_t span : {std::uint64_t{0}, bytes - 1, bytes + 1, 2 * bytes}) {
      cases.push_back({std::string(type.name) + " [3] in " + std::to_string(span) + " bytes",
                       file_of(tensor_header(quoted(type.name), "[3]", pair(0, span)), span),
                       "but dtype and shape make " + std::to_string(bytes)});
    }
    cases.push_back({std::string(type.name) + " [0] with bytes",
                     file_of(tensor_header(quoted(type.name), "[0]", pair(0, type.size)), type.size),
                     "but dtype and shape make 0"});
    cases.push_back({std::string(type.name) + " scalar without bytes",
                     file_of(tensor_header(quoted(type.name), "[]", "[0,0]")),
                     "but dtype and shape make " + std::to_string(type.size)});
    for (std::uint64_t shift = 1; shift < type.size; ++shift) {
      const std::string header = "{" + u8_tensor("a", 0, shift) + R"(,"t":{"dtype":)" + quoted(type.name) +
                                 R"(,"shape":[1],"data_offsets":)" + pair(shift, shift + type.size) + "}}";
      cases.push_back({std::string(type.name) + " at byte " + std::to_string(shift),
                       file_of(header, shift + type.size), "not aligned"});
    }
  }
  return cases;
}

std::vector<Case> layout_cases() {
  std::vector<Case> cases;
  const auto two = [](std::uint64_t b0, std::uint64_t e0, std::uint64_t b1, std::uint64_t e1) {
    return "{" + u8_tensor("a", b0, e0) + "," + u8_tensor("b", b1, e1) + "}";
  };
  cases.push_back({"the same bytes twice", file_of(two(0, 4, 0, 4), 4), "overlaps another tensor"});
  cases.push_back({"one byte shared", file_of(two(0, 4, 3, 8), 8), "overlaps another tensor"});
  cases.push_back({"one inside the other", file_of(two(0, 8, 2, 4), 8), "overlaps another tensor"});
  cases.push_back({"overlap, in reverse order", file_of(two(3, 8, 0, 4), 8), "overlaps another tensor"});
  cases.push_back({"a hole", file_of(two(0, 4, 5, 8), 8), "bytes before it belong to no tensor"});
  cases.push_back(
      {"a hole, in reverse order", file_of(two(5, 8, 0, 4), 8), "bytes before it belong to no tensor"});
  cases.push_back({"a hole at the start", file_of("{" + u8_tensor("a", 1, 4) + "}", 4), "bytes before it"});
  cases.push_back({"an empty tensor beyond a hole", file_of(two(0, 4, 6, 6), 6), "bytes before it"});
  cases.push_back({"an empty tensor inside another", file_of(two(0, 4, 2, 2), 4), "overlaps another tensor"});
  for (const std::size_t extra : {1U, 2U, 8U, 1000U}) {
    cases.push_back({std::to_string(extra) + " bytes after the last tensor",
                     file_of("{" + u8_tensor("a", 0, 4) + "}", 4 + extra),
                     std::to_string(extra) + " bytes left over"});
    cases.push_back({std::to_string(extra) + " bytes without a tensor", file_of("{}", extra),
                     std::to_string(extra) + " bytes left over"});
  }
  cases.push_back({"two tensors of one name",
                   file_of("{" + u8_tensor("a", 0, 4) + "," + u8_tensor("a", 4, 8) + "}", 8),
                   "duplicate key 'a'"});
  cases.push_back({"one name in two spellings",
                   file_of("{" + u8_tensor("a", 0, 4) + "," + u8_tensor("\\u0061", 4, 8) + "}", 8),
                   "duplicate key 'a'"});
  for (const char* key : {"dtype", "shape", "data_offsets"}) {
    const std::string value = std::string(key) == "dtype"   ? "\"U8\""
                              : std::string(key) == "shape" ? "[4]"
                                                            : "[0,4]";
    cases.push_back(
        {std::string("twice ") + key,
         file_of(R"({"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4],)" + quoted(key) + ":" + value + "}}",
                 4),
         std::string("duplicate key '") + key + "'"});
  }
  return cases;
}

std::vector<Case> metadata_cases() {
  std::vector<Case> cases;
  for (const char* value : {"null", "[]", "1", "\"text\"", "true", "[{}]"}) {
    cases.push_back({std::string("metadata ") + value,
                     file_of(std::string(R"({"__metadata__":)") + value + "}"),
                     "__metadata__: a JSON object expected"});
  }
  for (const char* value : {"null", "[]", "1", "1.5", "true", "{}", "[\"a\"]", "{\"a\":\"b\"}"}) {
    cases.push_back({std::string("metadata value ") + value,
                     file_of(std::string(R"({"__metadata__":{"kind":)") + value + "}}"),
                     "__metadata__.kind: a string expected"});
  }
  cases.push_back({"metadata twice", file_of(R"({"__metadata__":{},"__metadata__":{}})"),
                   "duplicate key '__metadata__'"});
  cases.push_back(
      {"a metadata key twice", file_of(R"({"__metadata__":{"a":"1","a":"2"}})"), "duplicate key 'a'"});
  cases.push_back({"a tensor called as the metadata", file_of("{" + u8_tensor("__metadata__", 0, 4) + "}", 4),
                   "a string expected"});
  return cases;
}

std::vector<Case> truncation_cases() {
  const std::string header =
      R"({"__metadata__":{"kind":"k","version":"1"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
      R"("b":{"dtype":"U8","shape":[3],"data_offsets":[16,19]}})";
  const std::string whole = file_of(header, 19);
  std::vector<Case> cases;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const char* fragment = size < 8 ? "at least 8 expected" : "truncated";
    cases.push_back({"cut at " + std::to_string(size), whole.substr(0, size), fragment});
  }
  return cases;
}

}  // namespace hostile
