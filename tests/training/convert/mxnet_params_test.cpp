// SPDX-License-Identifier: LGPL-2.1-or-later
// Gluon's parameter files, made byte by byte.
#include "convert/mxnet_params.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include "embed/error.h"

namespace training {
namespace {

/// Collects little-endian numbers.
struct Bytes {
  std::string text;
  Bytes& number(std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) text.push_back(static_cast<char>(value >> 8 * i & 0xFFU));
    return *this;
  }
  Bytes& u32(std::uint64_t value) { return number(value, 4); }
  Bytes& u64(std::uint64_t value) { return number(value, 8); }
  Bytes& raw(const std::string& more) {
    text += more;
    return *this;
  }
};

std::string floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

/// One array as that version writes it; the device is GPU 3, which must not matter.
std::string array(int version, const std::vector<std::uint64_t>& shape, std::uint64_t type,
                  const std::string& elements) {
  Bytes bytes;
  if (version > 0) bytes.u32(0xF993FAC7U + static_cast<unsigned>(version));
  if (version > 1) bytes.u32(0);
  bytes.u32(shape.size());
  for (const std::uint64_t side : shape) bytes.number(side, version == 0 ? 4 : 8);
  return bytes.u32(2).u32(3).u32(type).raw(elements).text;
}

std::string list(const std::vector<std::string>& arrays, const std::vector<std::string>& names) {
  Bytes bytes;
  bytes.u64(0x112).u64(0).u64(arrays.size());
  for (const std::string& one : arrays) bytes.raw(one);
  bytes.u64(names.size());
  for (const std::string& name : names) bytes.u64(name.size()).raw(name);
  return bytes.text;
}

class MxnetParamsTest : public testing::Test {
 protected:
  std::string write(const std::string& content) {
    std::ofstream(path_, std::ios::binary) << content;
    return path_;
  }
  /// The code and message of the refusal.
  void refused(const std::string& content, const std::string& says) {
    try {
      const MxnetParams file(write(content));
      ADD_FAILURE() << "not refused: " << says;
    } catch (const embed::Error& error) {
      EXPECT_EQ(error.code(), embed::ErrorCode::Format) << error.what();
      EXPECT_EQ(error.file(), path_);
      EXPECT_NE(std::string(error.what()).find(says), std::string::npos) << error.what();
    }
  }
  void TearDown() override { std::filesystem::remove(path_); }

  std::string path_ = testing::TempDir() + "mxnet_params_test.params";
};

TEST_F(MxnetParamsTest, ReadsEveryVersionAndElementType) {
  const std::string six = floats({1, -2, 3.5F, 0, 5, 6});
  const std::string halves("\x00\x3C\x00\xC0", 4);  // 1 and −2.
  const std::string content =
      list({array(0, {2, 3}, 0, six), array(1, {2, 3}, 0, six), array(2, {6}, 0, six),
            array(3, {1, 2}, 2, halves), array(3, {}, 0, floats({7})), array(2, {2, 0, 4}, 0, ""),
            array(2, {8}, 3, "abcdefgh"), array(2, {2}, 12, halves), array(2, {1}, 1, std::string(8, 'x')),
            array(2, {1}, 4, "abcd"), array(2, {1}, 5, "a"), array(2, {1}, 6, std::string(8, 'y'))},
           {"a", "b", "c", "d", "scalar", "nothing", "bytes", "brain", "double", "int", "char", "long"});
  const MxnetParams file(write(content));
  ASSERT_EQ(file.tensors().size(), 12U);
  for (const char* name : {"a", "b", "c"}) {
    const embed::TensorView& view = file.tensors().at(name);
    EXPECT_EQ(view.dtype, embed::DType::F32);
    ASSERT_EQ(view.bytes, 24U);
    EXPECT_EQ(std::memcmp(view.data, six.data(), 24), 0);
  }
  EXPECT_EQ(file.tensors().at("a").shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(file.tensors().at("d").dtype, embed::DType::F16);
  EXPECT_TRUE(file.tensors().at("scalar").shape.empty());
  EXPECT_EQ(file.tensors().at("scalar").bytes, 4U);
  EXPECT_EQ(file.tensors().at("nothing").bytes, 0U);
  EXPECT_EQ(file.tensors().at("brain").dtype, embed::DType::BF16);
  EXPECT_EQ(file.tensors().at("long").dtype, embed::DType::I64);
}

TEST_F(MxnetParamsTest, LeavesOutArraysThatWereNeverFilled) {
  const std::string none2 = Bytes().u32(0xF993FAC9).u32(0).u32(0).text;
  const std::string none3 = Bytes().u32(0xF993FACA).u32(0).u32(0xFFFFFFFF).text;
  const MxnetParams file(write(
      list({none2, none3, Bytes().u32(0).text, array(2, {1}, 0, floats({4}))}, {"a", "b", "c", "filled"})));
  ASSERT_EQ(file.tensors().size(), 1U);
  EXPECT_EQ(file.tensors().count("filled"), 1U);
}

TEST_F(MxnetParamsTest, EveryPrefixIsRefused) {
  const std::string content = list({array(0, {2}, 0, floats({1, 2})), array(1, {1, 2}, 0, floats({1, 2})),
                                    array(2, {2, 1}, 2, "abcd"), array(3, {2}, 0, floats({3, 4}))},
                                   {"one", "two", "three", "four"});
  EXPECT_EQ(MxnetParams(write(content)).tensors().size(), 4U);
  for (std::size_t size = 0; size < content.size(); ++size) {
    SCOPED_TRACE(size);
    refused(content.substr(0, size), "");
  }
  refused(content + "x", "left over");
}

TEST_F(MxnetParamsTest, EveryChangedByteIsReadOrRefused) {
  const std::string content =
      list({array(1, {1, 2}, 0, floats({1, 2})), array(2, {2, 1}, 2, "abcd")}, {"one", "two"});
  for (std::size_t at = 0; at < content.size(); ++at) {
    for (const int value : {0x00, 0x01, 0x7F, 0x80, 0xFF}) {
      std::string changed = content;
      changed[at] = static_cast<char>(value);
      try {
        const MxnetParams file(write(changed));
        for (const auto& [name, view] : file.tensors()) EXPECT_LE(view.bytes, content.size());
      } catch (const embed::Error& error) {
        EXPECT_EQ(error.code(), embed::ErrorCode::Format) << at << ' ' << value << ' ' << error.what();
      }
    }
  }
}

TEST_F(MxnetParamsTest, HugeNumbersAreRefusedBeforeAnythingIsAllocated) {
  const std::uint64_t huge = 0xFFFFFFFFFFFFFFFF;
  refused(Bytes().u64(0x112).u64(0).u64(huge).raw(std::string(64, 'x')).text, "arrays");
  refused(Bytes().u64(0x112).u64(0).u64(70'000).raw(std::string(300'000, '\0')).text, "65536");
  refused(list({array(2, {huge}, 0, "")}, {"a"}), "a side of -1");
  refused(list({array(2, {std::uint64_t{1} << 62U, 8}, 0, "")}, {"a"}), "do not fit");
  refused(list({array(2, {std::uint64_t{1} << 31U, std::uint64_t{1} << 31U, 4}, 0, "")}, {"a"}),
          "do not fit");
  refused(list({array(2, {std::uint64_t{1} << 62U, 0}, 0, "")}, {"a"}), "do not fit");
  refused(list({array(2, std::vector<std::uint64_t>(33, 1), 0, floats({1}))}, {"a"}), "number of dimensions");
  refused(Bytes().u64(0x112).u64(0).u64(0).u64(huge).text, "names");
  const std::string good = array(2, {1}, 0, floats({1}));
  refused(Bytes().u64(0x112).u64(0).u64(1).raw(good).u64(1).u64(huge).raw(std::string(16, 'n')).text,
          "a name of");
}

TEST_F(MxnetParamsTest, WhatIsNotReadIsNamed) {
  const std::string good = array(2, {1}, 0, floats({1}));
  refused(Bytes().u64(0x113).raw(std::string(40, 'x')).text, "0x112");
  refused(list({array(2, {1}, 99, "abcd")}, {"a"}), "element type 99");
  refused(list({Bytes().u32(0xF993FAC9).u32(1).raw(std::string(60, '\0')).text}, {"a"}), "sparse");
  refused(list({good, good}, {"a"}), "1 names for 2 arrays");
  refused(list({good}, {}), "0 names for 1 arrays");
  refused(list({good, good}, {"a", "a"}), "'a' is there twice");
  EXPECT_THROW(MxnetParams(testing::TempDir() + "none.params"), embed::Error);
  EXPECT_THROW(MxnetParams{testing::TempDir()}, embed::Error);
}

}  // namespace
}  // namespace training
