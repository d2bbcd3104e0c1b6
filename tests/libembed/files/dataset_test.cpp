// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/dataset.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "embed/safetensors.h"
#include "error_matchers.h"
#include "fixtures.h"

namespace {

using embed::Dataset;
using embed::DatasetWriter;
using embed::DType;
using embed::ErrorCode;
using testing_errors::expect_error;

std::string set_path() {
  return fixtures::temp_dir() + "/set.safetensors";
}

std::vector<std::uint8_t> picture(std::size_t bytes, int seed) {
  std::vector<std::uint8_t> values(bytes);
  for (std::size_t i = 0; i < bytes; ++i)
    values[i] = static_cast<std::uint8_t>(31 * i + 7 * static_cast<std::size_t>(seed));
  return values;
}

/// What a data set file holds, to be spoilt in one place.
struct Parts {
  std::vector<std::uint8_t> images = std::vector<std::uint8_t>(2 * 4 * 5 * 3, 9);
  std::vector<std::int64_t> images_shape = {2, 4, 5, 3};
  std::vector<std::int64_t> labels = {0, 1};
  std::map<std::string, std::string> metadata = {{"kind", "tripletembed.dataset"},
                                                 {"version", "1"},
                                                 {"class_names", R"(["cat","dog"])"},
                                                 {"sources", R"(["a.png","b.png"])"},
                                                 {"context", "1.25"}};

  std::string write() const {
    embed::write_safetensors(set_path(),
                             {{"images", {DType::U8, images_shape, images.data(), images.size()}},
                              {"labels",
                               {DType::I64,
                                {static_cast<std::int64_t>(labels.size())},
                                reinterpret_cast<const std::uint8_t*>(labels.data()),
                                labels.size() * 8}}},
                             metadata);
    return set_path();
  }
};

void refuse(const Parts& parts, const std::string& fragment) {
  const std::string path = parts.write();
  expect_error(ErrorCode::Format, {path, fragment}, [&] { Dataset set(path); });
}

TEST(Dataset, ComesBackAsItWasWritten) {
  for (const int channels : {1, 3}) {
    DatasetWriter writer(7, 5, channels);
    const std::size_t bytes = static_cast<std::size_t>(7 * 5 * channels);
    const char* names[] = {"Zoë", "Ada", "Zoë", "李"};
    for (int i = 0; i < 4; ++i) {
      writer.add(picture(bytes, i).data(), names[i], "folder/" + std::to_string(i) + ".png");
    }
    writer.set_context(1.5F);
    writer.set_metadata("packed_from", "a test");
    EXPECT_EQ(writer.size(), 4U);
    EXPECT_EQ(writer.classes(), 3U);
    writer.write(set_path());

    const Dataset set(set_path());
    EXPECT_EQ(set.path(), set_path());
    EXPECT_EQ(set.height(), 7);
    EXPECT_EQ(set.width(), 5);
    EXPECT_EQ(set.channels(), channels);
    EXPECT_EQ(set.class_names(), (std::vector<std::string>{"Zoë", "Ada", "李"}));
    EXPECT_EQ(set.context(), 1.5F);
    EXPECT_EQ(set.metadata().at("packed_from"), "a test");
    ASSERT_EQ(set.size(), 4U);
    const std::int64_t labels[] = {0, 1, 0, 2};
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(set.label(i), labels[i]);
      EXPECT_EQ(set.source(i), "folder/" + std::to_string(i) + ".png");
      EXPECT_EQ(std::memcmp(set.image(i).data(), picture(bytes, static_cast<int>(i)).data(), bytes), 0);
    }
  }
}

TEST(Dataset, AnEmptySetIsASet) {
  DatasetWriter(28, 28, 1).write(set_path());
  const Dataset set(set_path());
  EXPECT_EQ(set.size(), 0U);
  EXPECT_EQ(set.width(), 28);
  EXPECT_TRUE(set.class_names().empty());
}

TEST(Dataset, MovesKeepTheImages) {
  Dataset set(Parts().write());
  const std::vector<std::uint8_t> first = set.image(0);
  const Dataset moved(std::move(set));
  EXPECT_EQ(moved.image(0), first);
  EXPECT_EQ(moved.image(1)[0], 9);
}

TEST(Dataset, ASetThatIsCutShortWhileItIsOpenIsAnErrorThatNamesIt) {
  const std::string path = Parts().write();
  const Dataset set(path);
  const std::vector<std::uint8_t> first = set.image(0);
  std::filesystem::resize_file(path, 100);
  expect_error(ErrorCode::Io, {path, "was written to while it was in use"}, [&] { set.image(0); });
}

TEST(Dataset, ASetThatIsOverwrittenInPlaceIsAnErrorToo) {
  const std::string path = Parts().write();
  const Dataset set(path);
  std::vector<std::uint8_t> bytes = fixtures::read_bytes(path);
  bytes.back() ^= 1U;
  const auto before = std::filesystem::last_write_time(path);
  fixtures::write_bytes(path, bytes);
  std::filesystem::last_write_time(path, before + std::chrono::seconds(1));
  // Also of the image whose bytes are the same: whose file it is nobody knows.
  for (const std::size_t i : {1U, 0U, 1U})
    expect_error(ErrorCode::Io, {path, "was written to while it was in use"}, [&] { set.image(i); });
}

TEST(Dataset, ALargeSetThatIsOverwrittenInPlaceIsAnErrorToo) {
  const std::string path = set_path();
  const auto write = [&path](std::uint8_t grey) {
    DatasetWriter writer(256, 256, 3);
    const std::vector<std::uint8_t> picture(std::size_t{256} * 256 * 3, grey);
    for (int i = 0; i < 4; ++i) writer.add(picture.data(), "Ada", "picture");
    writer.write(path);
    return fixtures::read_bytes(path);
  };
  const std::vector<std::uint8_t> other = write(8);
  write(7);
  const Dataset set(path);
  const auto before = std::filesystem::last_write_time(path);
  fixtures::write_bytes(path, other);
  std::filesystem::last_write_time(path, before + std::chrono::seconds(1));
  expect_error(ErrorCode::Io, {path, "was written to while it was in use"}, [&] { set.image(1); });
}

TEST(Dataset, ASetThatIsTouchedIsReadOn) {
  const std::string path = Parts().write();
  const Dataset set(path);
  const std::vector<std::uint8_t> first = set.image(0), bytes = fixtures::read_bytes(path);
  auto time = std::filesystem::last_write_time(path);
  for (int i = 0; i < 3; ++i) {
    if (i == 2) fixtures::write_bytes(path, bytes);  // As `cp` of its own copy does.
    std::filesystem::last_write_time(path, time += std::chrono::seconds(1));
    EXPECT_EQ(set.image(0), first) << i;
  }
}

TEST(Dataset, ASetThatIsReplacedStaysAsItWasForThoseWhoHaveItOpen) {
  const std::string path = Parts().write();
  const Dataset set(path);
  const std::vector<std::uint8_t> first = set.image(0);
  DatasetWriter(28, 28, 1).write(path);
  EXPECT_EQ(set.image(0), first);
}

TEST(Dataset, TheListsOfALargeSetAreNotKeptAsTextToo) {
  const Dataset set(Parts().write());
  EXPECT_EQ(set.metadata().count("class_names"), 0U);
  EXPECT_EQ(set.metadata().count("sources"), 0U);
}

TEST(Dataset, SourcesAndContextMayBeMissing) {
  Parts parts;
  parts.metadata.erase("sources");
  parts.metadata.erase("context");
  const Dataset set(parts.write());
  EXPECT_EQ(set.source(0), "");
  EXPECT_EQ(set.source(1), "");
  EXPECT_EQ(set.context(), 1.0F);
}

TEST(Dataset, WriterRefusesBadSizes) {
  for (const auto& [height, width, channels] :
       {std::tuple{0, 5, 3}, std::tuple{5, 0, 3}, std::tuple{-1, 5, 3}, std::tuple{4097, 5, 3},
        std::tuple{5, 4097, 1}, std::tuple{5, 5, 0}, std::tuple{5, 5, 2}, std::tuple{5, 5, 4}}) {
    expect_error(ErrorCode::InvalidArgument, {"expected"},
                 [&, h = height, w = width, c = channels] { DatasetWriter writer(h, w, c); });
  }
}

TEST(Dataset, WriterSaysWhereItCouldNotWrite) {
  expect_error(ErrorCode::Io, {"/no/such/folder/set"},
               [] { DatasetWriter(2, 2, 1).write("/no/such/folder/set"); });
  DatasetWriter writer(1, 1, 1);
  writer.add(picture(1, 0).data(), "\xFF", "");
  expect_error(ErrorCode::InvalidArgument, {"UTF-8"}, [&] { writer.write(set_path()); });
}

TEST(Dataset, RefusesBadTensors) {
  Parts parts;
  parts.images_shape = {2, 60};
  refuse(parts, "images: shape [2, 60], [any, any, any, any] expected");
  parts.images_shape = {3, 4, 5, 2};
  parts.labels = {0, 0, 0};
  refuse(parts, "images: 1 or 3 channels expected");
  parts.images_shape = {0, 5000, 1, 3};
  parts.images.clear();
  parts.labels.clear();
  refuse(parts, "images: height and width from 1 to 4096 expected");
  parts.images_shape = {2, 0, 5, 3};
  parts.labels = {0, 0};
  refuse(parts, "images: height and width");
  parts = {};
  parts.labels = {0, 1, 1};
  refuse(parts, "labels: shape [3], [2] expected");
  parts = {};
  for (const std::int64_t label : {std::int64_t{-1}, std::int64_t{2}, INT64_MAX, INT64_MIN}) {
    parts.labels[1] = label;
    refuse(parts, "labels: image 1 has label " + std::to_string(label));
  }
}

TEST(Dataset, RefusesBadMetadata) {
  const std::pair<const char*, const char*> spoilt[] = {{"kind", "tripletembed.gallery"},
                                                        {"version", "9"},
                                                        {"class_names", ""},
                                                        {"class_names", "{}"},
                                                        {"class_names", "[1,2]"},
                                                        {"class_names", "["},
                                                        {"class_names", "[\"cat\"]"},
                                                        {"sources", "[\"a\"]"},
                                                        {"sources", "[\"a\",\"b\",\"c\"]"},
                                                        {"sources", "x"},
                                                        {"sources", "[1,2]"},
                                                        {"context", "0.5"},
                                                        {"context", "5"},
                                                        {"context", "wide"},
                                                        {"context", "1e999"},
                                                        {"context", "\"1\""},
                                                        {"context", "true"},
                                                        {"context", ""}};
  for (const auto& [key, value] : spoilt) {
    SCOPED_TRACE(std::string(key) + " = " + value);
    Parts parts;
    parts.metadata[key] = value;
    refuse(parts, "");
  }
  for (const char* key : {"kind", "version", "class_names"}) {
    Parts parts;
    parts.metadata.erase(key);
    refuse(parts, key);
  }
}

TEST(Dataset, RefusesWhatIsNoDataset) {
  expect_error(ErrorCode::NotFound, {"/missing-set"},
               [] { Dataset set(fixtures::temp_dir() + "/missing-set"); });
  fixtures::write_bytes(set_path(), std::string());
  expect_error(ErrorCode::Format, {set_path(), "0 bytes"}, [] { Dataset set(set_path()); });
}

}  // namespace
