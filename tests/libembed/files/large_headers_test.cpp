// SPDX-License-Identifier: LGPL-2.1-or-later
// Headers of megabytes: read in one go, and bounded in what they may hold.
#include <gtest/gtest.h>

#include <ctime>
#include <string>

#include "embed/gallery.h"
#include "embed/safetensors.h"
#include "error_matchers.h"
#include "fixtures.h"
#include "hostile_cases.h"

namespace {

using embed::Contents;
using embed::ErrorCode;
using embed::SafetensorsFile;
using testing_errors::expect_error;

std::string path_of(const std::string& header) {
  const std::string path = fixtures::temp_dir() + "/large.safetensors";
  fixtures::write_bytes(path, hostile::file_of(header));
  return path;
}

/// So many empty tensors.
std::string with_tensors(int count) {
  std::string header = "{";
  for (int i = 0; i < count; ++i) {
    header += (i == 0 ? "\"tensor." : ",\"tensor.") + std::to_string(i) +
              R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]})";
  }
  return header + "}";
}

std::string with_metadata(int count) {
  std::string header = R"({"__metadata__":{)";
  for (int i = 0; i < count; ++i) header += (i == 0 ? "\"" : ",\"") + std::to_string(i) + R"(":"value")";
  return header + "}}";
}

TEST(LargeHeaders, AsManyTensorsAsThereMayBe) {
  const std::string path = path_of(with_tensors(16'384));
  const std::clock_t start = std::clock();
  EXPECT_EQ(SafetensorsFile(path).tensors().size(), 16'384U);
  // Takes hundredths of a second; in a time that grows with the square of the length it would be a quarter of
  // a minute.
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 4);
  expect_error(ErrorCode::Format, {"header: more than 16384 tensors"},
               [] { SafetensorsFile file(path_of(with_tensors(16'385))); });
}

TEST(LargeHeaders, AsMuchMetadataAsThereMayBe) {
  EXPECT_EQ(SafetensorsFile(path_of(with_metadata(1'024))).metadata().size(), 1'024U);
  expect_error(ErrorCode::Format, {"__metadata__: more than 1024 entries"},
               [] { SafetensorsFile file(path_of(with_metadata(1'025))); });
}

TEST(LargeHeaders, TheSourcesOfAHundredThousandPicturesAreReadInOrder) {
  std::string list;
  for (int i = 0; i < 100'000; ++i) {
    list += (i == 0 ? "\\\"people/Zo\xC3\xAB/a rather long folder name/"
                    : ",\\\"people/Zo\\u00eb/a rather long folder name/") +
            std::to_string(i) + ".jpg\\\"";
  }
  const SafetensorsFile file(path_of(R"({"__metadata__":{"sources":"[)" + list + R"(]"}})"),
                             Contents::Header);
  const std::vector<std::string> sources = file.strings_at("sources", 100'000);
  ASSERT_EQ(sources.size(), 100'000U);
  EXPECT_EQ(sources.front(), "people/Zo\xC3\xAB/a rather long folder name/0.jpg");
  EXPECT_EQ(sources.back(), "people/Zo\xC3\xAB/a rather long folder name/99999.jpg");
  expect_error(ErrorCode::Format, {file.path(), "sources: at most 99999 entries expected"},
               [&] { file.strings_at("sources", 99'999); });
}

TEST(LargeHeaders, AListHasToBeOneOfStrings) {
  for (const char* text :
       {"", "{}", "1", "[1]", R"([\"a\",1])", R"([\"a\")", R"([\"a\"] x)", R"([\"a\",])"}) {
    const SafetensorsFile file(path_of(std::string(R"({"__metadata__":{"names":")") + text + "\"}}"));
    expect_error(ErrorCode::Format, {file.path(), "names: a JSON array of strings expected"},
                 [&] { file.strings_at("names", 10); });
  }
}

TEST(LargeHeaders, AGalleryCannotHaveManyMoreNamesThanRows) {
  std::string list;
  for (int i = 0; i < 70'000; ++i) list += (i == 0 ? "\\\"" : ",\\\"") + std::to_string(i) + "\\\"";
  const std::string path = path_of(
      R"({"__metadata__":{"kind":"tripletembed.gallery","version":"1","metric":"l2","weights_sha256":"","names":"[)" +
      list +
      R"(]"},"embeddings":{"dtype":"F32","shape":[0,128],"data_offsets":[0,0]},"identity":{"dtype":"I64","shape":[0],"data_offsets":[0,0]}})");
  expect_error(ErrorCode::Format, {path, "names: at most 65536 entries expected"},
               [&] { embed::Gallery::load(path); });
}

TEST(LargeHeaders, WhatGoesToAParserIsShort) {
  const SafetensorsFile file(
      path_of(R"({"__metadata__":{"progress":")" + std::string(1'000'001, '[') + "\"}}"));
  expect_error(ErrorCode::Format, {file.path(), "progress: 1000001 bytes, at most 1000000 expected"},
               [&] { file.short_metadata_at("progress"); });
}

TEST(LargeHeaders, AFileWhoseHeaderAloneIsReadGivesItsBytesWhenAsked) {
  const std::string path = fixtures::temp_dir() + "/parts.safetensors";
  const std::vector<std::uint8_t> bytes = {1, 2, 3, 4, 5, 6};
  embed::write_safetensors(
      path,
      {{"a", {embed::DType::U8, {2}, bytes.data(), 2}}, {"b", {embed::DType::U8, {4}, bytes.data() + 2, 4}}},
      {});
  const SafetensorsFile file(path, Contents::Header), whole(path);
  const embed::TensorView& b = file.tensor("b");
  EXPECT_EQ(b.data, nullptr);
  std::uint8_t two[2] = {};
  file.read(b, 1, two, 2);
  EXPECT_EQ(two[0], 4);
  EXPECT_EQ(two[1], 5);
  EXPECT_EQ(file.sha256(b), whole.sha256(whole.tensor("b")));
  EXPECT_EQ(file.sha256(b), embed::sha256_hex(bytes.data() + 2, 4));
  expect_error(ErrorCode::InvalidArgument, {path, "no bytes there"}, [&] { file.read(b, 3, two, 2); });
  expect_error(ErrorCode::InvalidArgument, {path, "no bytes there"},
               [&] { file.read(b, ~std::uint64_t{0}, two, 2); });
}

}  // namespace
