// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "embed/file_lock.h"
#include "embed/live_gallery.h"
#include "error_matchers.h"
#include "fixtures.h"

namespace {

using embed::Error;
using embed::ErrorCode;
using embed::Gallery;
using embed::LiveGallery;
using embed::Metric;
using testing_errors::expect_error;
using Names = std::vector<std::string>;
namespace fs = std::filesystem;

Gallery of(const Names& names, const std::string& weights = "w") {
  Gallery gallery(Metric::Cosine, weights);
  for (const std::string& name : names) gallery.add(name, fixtures::random_embedding(name.size()));
  return gallery;
}

LiveGallery::Change adding(const std::string& name) {
  return [name](Gallery& gallery) { gallery.add(name, fixtures::random_embedding(name.size())); };
}

class LiveGalleryFile : public testing::Test {
 protected:
  LiveGalleryFile() {
    fs::remove_all(folder_);
    fs::create_directory(folder_);
    live_.on_trouble([this](const Error& error) {
      const std::lock_guard<std::mutex> lock(mutex_);
      troubles_.emplace_back(error.what());
    });
  }
  void open(const Names& names) {
    of(names).save(path_);
    live_.open(path_, Metric::Cosine, "w");
  }
  Names names() const { return live_.get()->names(); }
  /// Whether it has these names before the time is over.
  bool soon(const Names& wanted, int milliseconds = 1000) const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
    while (std::chrono::steady_clock::now() < end) {
      if (names() == wanted) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }
  Names troubles() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return troubles_;
  }
  bool troubles_soon(std::size_t count) {
    for (int i = 0; i < 200 && troubles().size() < count; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return troubles().size() >= count;
  }
  /// Longer than the thread takes to see a file.
  static void rest() { std::this_thread::sleep_for(std::chrono::milliseconds(900)); }

  const std::string folder_ = fixtures::temp_dir() + "/live", path_ = folder_ + "/people.safetensors";
  std::mutex mutex_;
  Names troubles_;
  LiveGallery live_;  // Goes first: its thread calls the above.
};

TEST_F(LiveGalleryFile, IsTheFilesWithItsMeans) {
  Gallery gallery = of({"Ada"});
  gallery.add("Ada", fixtures::random_embedding(9));
  gallery.save(path_);
  EXPECT_EQ(live_.get(), nullptr);
  live_.open(path_, Metric::Cosine, "w");
  EXPECT_EQ(names(), Names{"Ada"});
  EXPECT_EQ(live_.get()->vectors(), 3U);
  live_.close();
  EXPECT_EQ(live_.get(), nullptr);
}

TEST_F(LiveGalleryFile, OpeningSaysWhatIsWrongAndLeavesAnOpenOne) {
  expect_error(ErrorCode::NotFound, {path_}, [&] { live_.open(path_, Metric::Cosine, "w"); });
  open({"Ada"});
  expect_error(ErrorCode::Mismatch, {path_}, [&] { live_.open(path_, Metric::Cosine, "other"); });
  EXPECT_EQ(names(), Names{"Ada"});
  live_.change(adding("Ben"));
  EXPECT_EQ(Gallery::load(path_, "w").names(), (Names{"Ada", "Ben"}));
}

TEST_F(LiveGalleryFile, ANewFileIsTakenWithinASecond) {
  open({"Ada"});
  std::uint64_t seen = 0;
  EXPECT_TRUE(live_.changed(seen));
  EXPECT_FALSE(live_.changed(seen));
  of({"Ada", "Ben"}).save(path_);
  EXPECT_TRUE(soon({"Ada", "Ben"}));
  EXPECT_TRUE(live_.changed(seen));
  fs::copy_file(path_, folder_ + "/copy");
  of({"Cem"}).save(folder_ + "/copy");
  fs::copy_file(folder_ + "/copy", path_, fs::copy_options::overwrite_existing);  // as `cp` does, in place
  EXPECT_TRUE(soon({"Cem"}));
  EXPECT_EQ(troubles(), Names{});
}

TEST_F(LiveGalleryFile, EachBadFileIsToldOnceAndLeavesTheOldInUse) {
  open({"Ada"});
  fixtures::write_bytes(path_, std::string("garbage"));
  ASSERT_TRUE(troubles_soon(1));
  fs::remove(path_);
  ASSERT_TRUE(troubles_soon(2));
  fs::create_directory(path_);
  ASSERT_TRUE(troubles_soon(3));
  fs::remove(path_);
  of({"Ada"}, "other").save(path_);
  rest();
  const Names said = troubles();
  ASSERT_EQ(said.size(), 4U);
  for (const std::string& text : said) {
    EXPECT_NE(text.find(path_), std::string::npos) << text;
    EXPECT_NE(text.find("the gallery in use stays"), std::string::npos) << text;
  }
  EXPECT_NE(said[3].find("other weights"), std::string::npos);
  EXPECT_EQ(names(), Names{"Ada"});
  of({"Ben"}).save(path_);
  EXPECT_TRUE(soon({"Ben"}));
  EXPECT_EQ(troubles().size(), 4U);
}

TEST_F(LiveGalleryFile, AFileThatIsStillBeingCopiedIsNotRead) {
  open({"Ada"});
  of({"Ben"}).save(path_ + "-whole");
  const std::vector<std::uint8_t> bytes = fixtures::read_bytes(path_ + "-whole");
  // Written for longer than lies between two looks. A writer that the machine holds up may look done; not
  // each time.
  std::size_t told = 1;
  for (int attempt = 0; attempt < 5 && told > 0; ++attempt) {
    const std::size_t before = troubles().size();
    std::ofstream copy(path_, std::ios::binary | std::ios::trunc);
    const std::size_t part = bytes.size() / 30;
    for (std::size_t from = 0; from < bytes.size(); from += part) {
      copy.write(reinterpret_cast<const char*>(bytes.data()) + from,
                 static_cast<std::streamsize>(std::min(part, bytes.size() - from)));
      copy.flush();
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    copy.close();
    EXPECT_TRUE(soon({"Ben"}));
    told = troubles().size() - before;
  }
  EXPECT_EQ(told, 0U);
}

TEST_F(LiveGalleryFile, ReplacedAllTheTimeByWhateverItStaysInUse) {
  open({"Ada"});
  for (int i = 0; i < 30; ++i) {  // five times as often as sixty times a minute
    fs::remove_all(path_);
    switch (i % 4) {
      case 0:
        fixtures::write_bytes(path_, std::string("garbage ") + std::to_string(i));
        break;
      case 1:
        fs::create_directory(path_);
        break;
      case 2:
        of({"Ada"}, "other").save(path_);
        break;
      default:
        of({"Ada", std::to_string(i)}).save(path_);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    ASSERT_EQ(names().front(), "Ada");
  }
  EXPECT_LE(troubles().size(), 30U);
  fs::remove_all(path_);
  of({"Ben"}).save(path_);
  EXPECT_TRUE(soon({"Ben"}));
}

TEST_F(LiveGalleryFile, AnotherLocationIsTakenAtOnce) {
  open({"Ada"});
  const std::string other = folder_ + "/other.safetensors";
  of({"Ben"}).save(other);
  live_.set_location(other);
  EXPECT_TRUE(soon({"Ben"}, 150)) << "not only at the next look";
  live_.set_location(folder_ + "/none");
  ASSERT_TRUE(troubles_soon(1));
  EXPECT_EQ(names(), Names{"Ben"});
  live_.set_location("");
  EXPECT_TRUE(soon({}));
  EXPECT_EQ(troubles().size(), 1U);
}

TEST_F(LiveGalleryFile, AChangeIsInUseAndInTheFile) {
  open({"Ada"});
  live_.change(adding("Ben"));
  EXPECT_EQ(names(), (Names{"Ada", "Ben"}));
  EXPECT_EQ(Gallery::load(path_).names(), (Names{"Ada", "Ben"}));
  live_.change([](Gallery& gallery) { gallery.remove("Ada"); });
  EXPECT_EQ(Gallery::load(path_).names(), Names{"Ben"});
  rest();
  EXPECT_EQ(names(), Names{"Ben"});
  EXPECT_EQ(troubles(), Names{});
}

TEST_F(LiveGalleryFile, AChangeThatIsRefusedChangesNothing) {
  open({"Ada"});
  const auto before = fixtures::read_bytes(path_);
  const auto used = live_.get();
  expect_error(ErrorCode::NotFound, {"'Ben'"},
               [&] { live_.change([](Gallery& gallery) { gallery.rename("Ben", "Cem"); }); });
  EXPECT_EQ(fixtures::read_bytes(path_), before);
  EXPECT_EQ(live_.get(), used);
}

TEST_F(LiveGalleryFile, AChangeKeepsWhatOthersWroteMeanwhile) {
  open({"Ada"});
  of({"Ada", "Cem"}).save(path_);
  live_.change(adding("Ben"));
  EXPECT_EQ(names(), (Names{"Ada", "Cem", "Ben"}));
  EXPECT_EQ(Gallery::load(path_).names(), names());
}

TEST_F(LiveGalleryFile, TwoThatEnrolAtOnceLoseNobody) {
  open({"Ada"});
  LiveGallery other;
  other.open(path_, Metric::Cosine, "w");
  std::thread thread([&] {
    for (int i = 0; i < 10; ++i) other.change(adding("other " + std::to_string(i)));
  });
  for (int i = 0; i < 10; ++i) live_.change(adding("one " + std::to_string(i)));
  thread.join();
  other.close();
  live_.close();
  EXPECT_EQ(Gallery::load(path_).names().size(), 21U);
  EXPECT_EQ(troubles(), Names{});
}

TEST_F(LiveGalleryFile, WhileAnotherProgramIsAtWorkAChangeIsInUseAloneAndWrittenAfterwards) {
  open({"Ada"});
  std::optional<embed::FileLock> lock(path_);
  live_.change(adding("Ben"));
  EXPECT_EQ(names(), (Names{"Ada", "Ben"}));
  EXPECT_EQ(Gallery::load(path_).names(), Names{"Ada"});
  expect_error(ErrorCode::Io, {path_, "another program"}, [&] { live_.save(); });
  of({"Ada", "Cem"}).save(path_);  // the other program's
  EXPECT_TRUE(soon({"Ada", "Cem", "Ben"})) << "a file that is taken keeps what is not written";
  lock.reset();
  for (int i = 0; i < 200 && Gallery::load(path_).names().size() < 3; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(Gallery::load(path_).names(), (Names{"Ada", "Cem", "Ben"}));
  EXPECT_EQ(troubles(), Names{});
}

TEST_F(LiveGalleryFile, AChangeThatCannotBeWrittenIsInUseUntilSaveWritesIt) {
  open({"Ada"});
  fixtures::write_bytes(path_, std::string("garbage"));
  expect_error(ErrorCode::Format, {path_, "in use alone", "`save`"}, [&] { live_.change(adding("Ben")); });
  EXPECT_EQ(names(), (Names{"Ada", "Ben"}));
  expect_error(ErrorCode::Format, {path_}, [&] { live_.save(); });
  EXPECT_EQ(fixtures::read_bytes(path_).size(), 7U) << "what is no gallery is not overwritten";
  fs::remove(path_);
  live_.save();
  EXPECT_EQ(Gallery::load(path_).names(), (Names{"Ada", "Ben"}));
}

TEST_F(LiveGalleryFile, WithoutALocationChangesAreInUseUntilThereIsOne) {
  live_.open("", Metric::Cosine, "w");
  live_.change(adding("Ada"));
  EXPECT_EQ(names(), Names{"Ada"});
  expect_error(ErrorCode::InvalidArgument, {"gallery"}, [&] { live_.save(); });
  expect_error(ErrorCode::InvalidArgument, {"gallery"}, [&] { live_.reload(); });
  live_.set_location(path_);
  live_.save();
  EXPECT_EQ(Gallery::load(path_, "w").names(), Names{"Ada"});
  live_.change(adding("Ben"));
  EXPECT_EQ(Gallery::load(path_, "w").names(), (Names{"Ada", "Ben"}));
}

TEST_F(LiveGalleryFile, WhatIsNotWrittenComesOnTopOfAnotherFile) {
  live_.open("", Metric::Cosine, "w");
  live_.change(adding("Ada"));
  live_.change([](Gallery& gallery) { gallery.rename("Ada", "Eve"); });
  of({"Ben"}).save(path_);
  live_.set_location(path_);
  EXPECT_TRUE(soon({"Ben", "Eve"}));
  live_.save();
  EXPECT_EQ(Gallery::load(path_).names(), (Names{"Ben", "Eve"}));
}

TEST_F(LiveGalleryFile, ClosingTellsOfWhatWasNotWritten) {
  open({"Ada"});
  const embed::FileLock lock(path_);
  live_.change(adding("Ben"));
  live_.close();
  ASSERT_EQ(troubles().size(), 1U);
  EXPECT_NE(troubles()[0].find("changes that were not written are lost: 1"), std::string::npos)
      << troubles()[0];
  expect_error(ErrorCode::InvalidArgument, {"READY"}, [&] { live_.change(adding("Cem")); });
}

TEST_F(LiveGalleryFile, ReloadingReadsTheFileNow) {
  open({"Ada"});
  of({"Ben"}).save(path_);
  live_.reload();
  EXPECT_EQ(names(), Names{"Ben"});
  fixtures::write_bytes(path_, std::string("garbage"));
  expect_error(ErrorCode::Format, {path_}, [&] { live_.reload(); });
  EXPECT_EQ(names(), Names{"Ben"});
}

}  // namespace
