// SPDX-License-Identifier: LGPL-2.1-or-later
// A strangers' file in the hands of another program than the pipeline that writes it.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "embed/file_lock.h"
#include "embed/safetensors.h"
#include "embed/strangers.h"
#include "error_matchers.h"
#include "fixtures.h"
#include "stranger_people.h"

namespace {

using embed::ErrorCode;
using embed::StrangerGroup;
using embed::Strangers;
using stranger_people::face_of;
using stranger_people::sighting;
using stranger_people::weights;
using testing_errors::expect_error;

constexpr std::int64_t kNow = 4'000'000'000'000;  // Far enough ahead that nobody expires.

class StrangersOutside : public testing::Test {
 protected:
  const std::string path_ = fixtures::temp_dir() + "/outside.strangers";

  void SetUp() override { TearDown(); }
  void TearDown() override {
    for (const char* end : {"", ".lock", ".forget", ".forget.lock"}) std::filesystem::remove(path_ + end);
  }
  /// Three people in a pipeline that has the file open.
  void fill(Strangers& strangers) const {
    const auto door = strangers.open_stream("door");
    for (int who = 1; who <= 3; ++who) strangers.see(sighting(door, who, face_of(who, 1), 10, kNow));
    strangers.save();
  }
  std::vector<std::uint64_t> numbers() const {
    std::vector<std::uint64_t> all;
    for (const StrangerGroup& group : embed::read_stranger_groups(path_)) all.push_back(group.number);
    return all;
  }
};

const auto kNothing = [](const StrangerGroup&, const std::string&) {};

TEST_F(StrangersOutside, IsTakenWhileAPipelineRunsAndGoneFromItsFile) {
  {
    Strangers pipeline(weights(), {}, path_);
    fill(pipeline);
    std::size_t tracks = 0;
    embed::take_stranger_group(path_, "unknown-2", [&](const StrangerGroup& group, const std::string& of) {
      tracks = group.tracks.size();
      EXPECT_EQ(of, weights().sha256);
    });
    EXPECT_EQ(tracks, 1U);
    EXPECT_EQ(numbers(), (std::vector<std::uint64_t>{1, 3})) << "at once, for all who read the file";
    expect_error(ErrorCode::NotFound, {"unknown-2"},
                 [&] { embed::take_stranger_group(path_, "unknown-2", kNothing); });
    pipeline.save();
    EXPECT_EQ(numbers(), (std::vector<std::uint64_t>{1, 3})) << "though the pipeline wrote it again";
  }
  EXPECT_FALSE(std::filesystem::exists(path_ + ".forget")) << "the pipeline took it";
  EXPECT_EQ(numbers(), (std::vector<std::uint64_t>{1, 3}));
}

TEST_F(StrangersOutside, IsTakenAtOnceWhereNobodyHasTheFileOpen) {
  {
    Strangers pipeline(weights(), {}, path_);
    fill(pipeline);
  }
  embed::take_stranger_group(path_, "unknown-1", kNothing);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".forget"));
  EXPECT_EQ(numbers(), (std::vector<std::uint64_t>{2, 3}));
  const Strangers again(weights(), {}, path_);
  EXPECT_EQ(again.groups().size(), 2U);
}

TEST_F(StrangersOutside, StaysWhereItCouldNotBeUsed) {
  Strangers pipeline(weights(), {}, path_);
  fill(pipeline);
  EXPECT_THROW(embed::take_stranger_group(
                   path_, "unknown-1",
                   [](const StrangerGroup&, const std::string&) { throw std::runtime_error("no"); }),
               std::runtime_error);
  EXPECT_EQ(numbers().size(), 3U);
  expect_error(ErrorCode::InvalidArgument, {"Ada"},
               [&] { embed::take_stranger_group(path_, "Ada", kNothing); });
  expect_error(ErrorCode::NotFound, {"no.strangers"},
               [&] { embed::take_stranger_group(path_ + "no.strangers", "unknown-1", kNothing); });
}

TEST_F(StrangersOutside, AWishOutlivesAPipelineThatWasKilled) {
  {
    Strangers pipeline(weights(), {}, path_);
    fill(pipeline);
  }
  embed::write_file_atomically(path_ + ".forget", "unknown-3\n", 10);
  EXPECT_EQ(numbers(), (std::vector<std::uint64_t>{1, 2}));
  const Strangers again(weights(), {}, path_);
  EXPECT_EQ(again.groups().size(), 2U);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".forget"));
}

TEST_F(StrangersOutside, OldWishesMeanNobodyInANewFile) {
  embed::write_file_atomically(path_ + ".forget", "unknown-1\n", 10);
  Strangers pipeline(weights(), {}, path_);
  fill(pipeline);
  EXPECT_EQ(numbers().size(), 3U);
}

TEST_F(StrangersOutside, AFileOfWishesThatIsNoneIsNamed) {
  {
    Strangers pipeline(weights(), {}, path_);
    fill(pipeline);
  }
  embed::write_file_atomically(path_ + ".forget", "Ada\n", 4);
  expect_error(ErrorCode::Format, {".forget", "Ada"}, [&] { numbers(); });
  expect_error(ErrorCode::Format, {".forget", "Ada"}, [&] { Strangers(weights(), {}, path_); });
}

}  // namespace
