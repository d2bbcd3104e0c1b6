// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "embed/safetensors.h"
#include "error_matchers.h"
#include "fixtures.h"
#include "hostile_cases.h"

namespace {

using embed::DType;
using embed::ErrorCode;
using embed::SafetensorsFile;
using testing_errors::expect_error;

std::string hostile_path() {
  return fixtures::temp_dir() + "/hostile.safetensors";
}

void refuse_all(const std::vector<hostile::Case>& cases) {
  const std::string path = hostile_path();
  for (const hostile::Case& item : cases) {
    SCOPED_TRACE(item.name.substr(0, 100));
    fixtures::write_bytes(path, item.bytes);
    expect_error(ErrorCode::Format, {path, item.fragment}, [&] { SafetensorsFile file(path); });
  }
}

SafetensorsFile open_text(const std::string& header, std::size_t data) {
  const std::string path = fixtures::temp_dir() + "/good.safetensors";
  fixtures::write_bytes(path, hostile::file_of(header, data));
  return SafetensorsFile(path);
}

TEST(SafetensorsHostile, Lengths) {
  refuse_all(hostile::length_cases());
}
TEST(SafetensorsHostile, Json) {
  refuse_all(hostile::json_cases());
}
TEST(SafetensorsHostile, DTypes) {
  refuse_all(hostile::dtype_cases());
}
TEST(SafetensorsHostile, Shapes) {
  refuse_all(hostile::shape_cases());
}
TEST(SafetensorsHostile, Offsets) {
  refuse_all(hostile::offset_cases());
}
TEST(SafetensorsHostile, Layout) {
  refuse_all(hostile::layout_cases());
}
TEST(SafetensorsHostile, Metadata) {
  refuse_all(hostile::metadata_cases());
}
TEST(SafetensorsHostile, EveryTruncation) {
  refuse_all(hostile::truncation_cases());
}

TEST(SafetensorsHostile, EveryFlippedHeaderBitIsReadOrRefused) {
  const std::string whole = hostile::file_of(
      R"({"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}})", 16);
  const std::string path = hostile_path();
  int refused = 0;
  for (std::size_t bit = 0; bit < 8 * (whole.size() - 16); ++bit) {
    std::string bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    fixtures::write_bytes(path, bytes);
    try {
      SafetensorsFile file(path);
      for (const auto& [name, view] : file.tensors()) EXPECT_LE(view.bytes, 16U);
    } catch (const embed::Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::Format) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, 400);
}

TEST(SafetensorsRead, RefusesWhatIsNoFile) {
  const std::string folder = fixtures::temp_dir();
  expect_error(ErrorCode::NotFound, {"/missing.safetensors", "cannot open"},
               [&] { SafetensorsFile file(folder + "/missing.safetensors"); });
  expect_error(ErrorCode::Io, {folder, "not a regular file"}, [&] { SafetensorsFile file(folder); });
  expect_error(ErrorCode::Io, {"/dev/null", "not a regular file"}, [] { SafetensorsFile file("/dev/null"); });
  expect_error(ErrorCode::NotFound, {"cannot open"}, [] { SafetensorsFile file(""); });
  expect_error(ErrorCode::Io, {"cannot open"},
               [&] { SafetensorsFile file(folder + "/" + std::string(5000, 'x')); });
}

TEST(SafetensorsRead, DoesNotHangOnANamedPipe) {
  const std::string path = fixtures::temp_dir() + "/pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  expect_error(ErrorCode::Io, {path, "not a regular file"}, [&] { SafetensorsFile file(path); });
}

TEST(SafetensorsRead, RefusesAFileWithoutReadPermission) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  const std::string path = fixtures::temp_dir() + "/secret.safetensors";
  fixtures::write_bytes(path, hostile::file_of("{}"));
  ASSERT_EQ(::chmod(path.c_str(), 0), 0);
  expect_error(ErrorCode::Io, {path, "cannot open"}, [&] { SafetensorsFile file(path); });
}

TEST(SafetensorsRead, TakesTheSmallestFiles) {
  EXPECT_TRUE(open_text("{}", 0).tensors().empty());
  EXPECT_TRUE(open_text("  {}  \n", 0).tensors().empty());
  EXPECT_TRUE(open_text(R"({"__metadata__":{}})", 0).metadata().empty());
}

TEST(SafetensorsRead, TakesScalarsAndEmptyTensors) {
  const auto file = open_text(
      R"({"e":{"dtype":"F64","shape":[0,5],"data_offsets":[0,0]},"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})",
      4);
  EXPECT_EQ(file.tensor("e").bytes, 0U);
  EXPECT_EQ(file.tensor("e").shape, (std::vector<std::int64_t>{0, 5}));
  EXPECT_TRUE(file.tensor("s").shape.empty());
  EXPECT_EQ(file.tensor("s").bytes, 4U);
}

TEST(SafetensorsRead, AZeroSizeWinsOverAnOverflow) {
  const auto file = open_text(
      R"({"e":{"dtype":"F64","shape":[281474976710656,281474976710656,0],"data_offsets":[0,0]}})", 0);
  EXPECT_EQ(file.tensor("e").bytes, 0U);
}

TEST(SafetensorsRead, TensorChecksDTypeAndShape) {
  const auto file = open_text(R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})", 24);
  EXPECT_EQ(file.tensor("a", DType::F32, {2, 3}).bytes, 24U);
  EXPECT_EQ(file.tensor("a", DType::F32, {-1, 3}).bytes, 24U);
  EXPECT_EQ(file.tensor("a", DType::F32, {-1, -1}).bytes, 24U);
  expect_error(ErrorCode::Format, {"b: tensor is missing", file.path()}, [&] { file.tensor("b"); });
  expect_error(ErrorCode::Format, {"a: dtype F32, F16 expected"}, [&] {
    file.tensor("a", DType::F16, {2, 3});
  });
  expect_error(ErrorCode::Format, {"a: shape [2, 3], [3, 2] expected"}, [&] {
    file.tensor("a", DType::F32, {3, 2});
  });
  expect_error(ErrorCode::Format, {"[any, 4] expected"}, [&] { file.tensor("a", DType::F32, {-1, 4}); });
  expect_error(ErrorCode::Format, {"[2] expected"}, [&] { file.tensor("a", DType::F32, {2}); });
  expect_error(ErrorCode::Format, {"[] expected"}, [&] { file.tensor("a", DType::F32, {}); });
}

TEST(SafetensorsRead, RequireKindChecksKindAndVersion) {
  const auto with = [](const std::string& metadata) {
    return open_text(R"({"__metadata__":)" + metadata + "}", 0);
  };
  EXPECT_NO_THROW(with(R"({"kind":"k","version":"1"})").require_kind("k", 1));
  EXPECT_NO_THROW(with(R"({"kind":"k","version":"2"})").require_kind("k", 3));
  expect_error(ErrorCode::Format, {"kind: 'other', 'k' expected"},
               [&] { with(R"({"kind":"other","version":"1"})").require_kind("k", 1); });
  expect_error(ErrorCode::Format, {"kind: no kind, 'k' expected"}, [&] { with("{}").require_kind("k", 1); });
  expect_error(ErrorCode::Format, {"version: missing"},
               [&] { with(R"({"kind":"k"})").require_kind("k", 1); });
  for (const char* version : {"0", "2", "-1", "1.0", "", " 1", "one", "99999999999999999999", "1 "}) {
    expect_error(ErrorCode::Format, {"version: '" + std::string(version) + "', 1 to 1 expected"}, [&] {
      with(R"({"kind":"k","version":")" + std::string(version) + "\"}").require_kind("k", 1);
    });
  }
}

TEST(SafetensorsRead, MetadataAtNamesWhatIsMissing) {
  const auto file = open_text(R"({"__metadata__":{"kind":"ключ"}})", 0);
  EXPECT_EQ(file.metadata_at("kind"), "ключ");
  expect_error(ErrorCode::Format, {file.path(), "metric: missing"}, [&] { file.metadata_at("metric"); });
}

TEST(SafetensorsRead, MovesKeepTheViewsAlive) {
  auto file = open_text(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}})", 3);
  const std::uint8_t* const data = file.tensor("a").data;
  SafetensorsFile moved(std::move(file));
  EXPECT_EQ(moved.tensor("a").data, data);
  EXPECT_EQ(data[2], 0);
}

}  // namespace
