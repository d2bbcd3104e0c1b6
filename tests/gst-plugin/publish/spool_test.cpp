// SPDX-License-Identifier: LGPL-2.1-or-later
// What waits for a broker, in memory and on disk.
#include "publish/spool.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "embed/error.h"
#include "fixtures.h"

namespace {

using namespace embed::gst;
namespace files = std::filesystem;

constexpr std::uint64_t kRoom = 1U << 20U;

Message message(int number, std::size_t size = 20) {
  return {"events/door", "door", std::to_string(number) + std::string(size, 'x'), false};
}

/// The numbers of all messages that are handed out now; they are not settled.
std::vector<int> handed_out(Spool& spool, std::vector<std::uint64_t>* ids = nullptr) {
  std::vector<int> numbers;
  while (const auto entry = spool.next()) {
    numbers.push_back(std::stoi(entry->message.payload));
    if (ids != nullptr) ids->push_back(entry->id);
  }
  return numbers;
}

std::vector<int> range(int from, int to) {
  std::vector<int> all;
  for (int i = from; i < to; ++i) all.push_back(i);
  return all;
}

std::string new_folder() {
  static int number = 0;
  return fixtures::temp_dir() + "/spool" + std::to_string(++number);
}

/// Both kinds of stores.
class Spools : public ::testing::TestWithParam<bool> {
 protected:
  std::unique_ptr<Spool> make(std::uint64_t most, Overflow overflow = Overflow::DropNew) {
    return std::make_unique<Spool>(GetParam() ? disk_store(folder_, most) : memory_store(most), overflow);
  }
  std::string folder_ = new_folder();
};

TEST_P(Spools, HandOutInOrderAndForgetWhatIsSettled) {
  const auto spool = make(kRoom);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(spool->add(message(i)).accepted);
  std::vector<std::uint64_t> ids;
  EXPECT_EQ(handed_out(*spool, &ids), range(0, 10));
  EXPECT_EQ(spool->handed_out(), 10U);
  EXPECT_TRUE(spool->settle(ids[3]));
  EXPECT_FALSE(spool->settle(ids[3])) << "once";
  EXPECT_EQ(spool->waiting(), 10U) << "those before it are not settled";
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(spool->settle(ids[static_cast<std::size_t>(i)]));
  EXPECT_EQ(spool->waiting(), 6U);
  EXPECT_EQ(spool->rewind(), 6U);
  EXPECT_FALSE(spool->settle(ids[5])) << "an id of before";
  EXPECT_EQ(handed_out(*spool), range(4, 10));
}

TEST_P(Spools, KeepAllOfAMessage) {
  const auto spool = make(kRoom);
  const Message sent{"a/b", std::string("key\0\xff", 5), std::string("{\"x\":\"\0\"}\n", 11), true};
  EXPECT_TRUE(spool->add(sent).accepted);
  const auto entry = spool->next();
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->message.topic, sent.topic);
  EXPECT_EQ(entry->message.key, sent.key);
  EXPECT_EQ(entry->message.payload, sent.payload);
  EXPECT_TRUE(entry->message.retained);
}

TEST_P(Spools, DropTheNewWhereThereIsNoRoom) {
  const auto spool = make(64 << 10);
  int accepted = 0, dropped = 0;
  for (int i = 0; i < 200; ++i) {
    const Spool::Added added = spool->add(message(i, 1000));
    added.accepted ? ++accepted : ++dropped;
    EXPECT_EQ(added.dropped, added.accepted ? 0U : 1U);
    EXPECT_EQ(added.trouble, "");
  }
  EXPECT_EQ(accepted + dropped, 200);
  EXPECT_GT(accepted, 40);
  EXPECT_GT(dropped, 100);
  EXPECT_LE(spool->bytes(), 64U << 10U);
  EXPECT_EQ(handed_out(*spool), range(0, accepted));
}

TEST_P(Spools, DropTheOldWhereThatIsAskedFor) {
  const auto spool = make(64 << 10, Overflow::DropOld);
  std::uint64_t dropped = 0;
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(spool->add(message(i, 1000)).accepted);
  std::vector<std::uint64_t> ids;
  handed_out(*spool, &ids);
  EXPECT_TRUE(spool->settle(ids[1]));
  for (int i = 5; i < 200; ++i) {
    const Spool::Added added = spool->add(message(i, 1000));
    EXPECT_TRUE(added.accepted);
    dropped += added.dropped;
  }
  EXPECT_LE(spool->bytes(), 64U << 10U);
  EXPECT_FALSE(spool->settle(ids[0])) << "it was dropped";
  const std::vector<int> left = handed_out(*spool);
  EXPECT_EQ(left.back(), 199);
  EXPECT_EQ(left.size() + dropped + 1, 200U) << "one was settled";
}

TEST_P(Spools, StayTheSameSizeHoweverMuchGoesThrough) {
  const auto spool = make(64 << 10);
  for (int i = 0; i < 20000; ++i) {
    ASSERT_TRUE(spool->add(message(i, 200)).accepted) << i;
    const auto entry = spool->next();
    ASSERT_TRUE(entry);
    ASSERT_EQ(std::stoi(entry->message.payload), i);
    ASSERT_TRUE(spool->settle(entry->id));
  }
  EXPECT_EQ(spool->waiting(), 0U);
  EXPECT_LE(spool->bytes(), 64U << 10U);
}

TEST_P(Spools, ARecordThatNeverFitsIsDropped) {
  const auto spool = make(64 << 10, Overflow::DropOld);
  const Spool::Added added = spool->add(message(1, 1 << 20));
  EXPECT_FALSE(added.accepted);
  EXPECT_EQ(added.dropped, 1U);
  EXPECT_TRUE(spool->add(message(2)).accepted);
}

INSTANTIATE_TEST_SUITE_P(Stores, Spools, ::testing::Bool(),
                         [](const auto& kind) { return kind.param ? "disk" : "memory"; });

TEST(DiskSpool, OutlivesTheProcess) {
  const std::string folder = new_folder();
  int settled = 0, added = 0;
  for (int run = 0; run < 5; ++run) {
    Spool spool(disk_store(folder, kRoom), Overflow::DropNew);
    std::vector<std::uint64_t> ids;
    EXPECT_EQ(handed_out(spool, &ids), range(settled, added));
    for (std::size_t i = 0; i < ids.size() && i < 7; ++i, ++settled) spool.settle(ids[i]);
    for (int i = 0; i < 10; ++i) spool.add(message(added++));
  }
}

TEST(DiskSpool, OutlivesAProcessThatIsKilled) {
  const std::string folder = new_folder();
  const pid_t child = fork();
  if (child == 0) {
    Spool spool(disk_store(folder, kRoom), Overflow::DropNew);
    for (int i = 0; i < 5000; ++i) spool.add(message(i, 100));
    for (int i = 0; i < 1000; ++i) spool.settle(spool.next()->id);
    spool.save();
    raise(SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  Spool spool(disk_store(folder, kRoom), Overflow::DropNew);
  EXPECT_EQ(spool.waiting(), 4000U);
  EXPECT_EQ(handed_out(spool), range(1000, 5000));
}

TEST(DiskSpool, LeavesNothingBehindWhenAllIsSettled) {
  const std::string folder = new_folder();
  {
    Spool spool(disk_store(folder, kRoom), Overflow::DropNew);
    for (int i = 0; i < 100; ++i) spool.add(message(i, 10000));
    while (const auto entry = spool.next()) spool.settle(entry->id);
  }
  for (const auto& entry : files::directory_iterator(folder)) EXPECT_NE(entry.path().extension(), ".lines");
}

TEST(DiskSpool, IsForItsOwnerAlone) {
  const std::string folder = new_folder();
  Spool spool(disk_store(folder, kRoom), Overflow::DropNew);
  spool.add(message(1));
  struct stat info {};
  ASSERT_EQ(stat(folder.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
  for (const auto& entry : files::directory_iterator(folder)) {
    ASSERT_EQ(stat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U) << entry.path();
  }
}

/// What opening the folder as a spool is told.
std::string refusal(const std::string& folder) {
  try {
    disk_store(folder, kRoom);
    return "";
  } catch (const embed::Error& error) {
    EXPECT_EQ(error.code(), embed::ErrorCode::Io);
    EXPECT_EQ(error.field(), "spool");
    return error.what();
  }
}

TEST(DiskSpool, IsOfOneAtATime) {
  const std::string folder = new_folder();
  const auto store = disk_store(folder, kRoom);
  EXPECT_NE(refusal(folder).find("another tripletpublish is using this folder"), std::string::npos);
}

TEST(DiskSpool, NamesTheFolderThatCannotBeUsed) {
  EXPECT_NE(refusal("/nowhere/at/all").find("/nowhere/at/all"), std::string::npos);
  EXPECT_NE(refusal("/proc/self").find("/proc/self"), std::string::npos);
  const std::string file = fixtures::temp_dir() + "/a-file";
  std::ofstream(file) << "x";
  EXPECT_NE(refusal(file).find(file), std::string::npos);
}

std::vector<files::path> segments_of(const std::string& folder) {
  std::vector<files::path> found;
  for (const auto& entry : files::directory_iterator(folder)) {
    if (entry.path().extension() == ".lines") found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// A folder with so many messages in it.
std::string filled(int count) {
  const std::string folder = new_folder();
  Spool spool(disk_store(folder, kRoom), Overflow::DropNew);
  for (int i = 0; i < count; ++i) spool.add(message(i, 100));
  return folder;
}

TEST(DiskSpool, TakesWhatIsBeforeADamagedRecordAndSaysSo) {
  for (const bool torn : {true, false}) {
    const std::string folder = filled(50);
    const files::path segment = segments_of(folder).at(0);
    const auto size = files::file_size(segment);
    if (torn) {
      files::resize_file(segment, size - 10);
    } else {
      std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(static_cast<std::streamoff>(size) - 10);
      file.put('?');
    }
    Spool spool(disk_store(folder, kRoom), Overflow::DropNew);
    std::string why;
    EXPECT_EQ(spool.take_damage(why), 1U);
    EXPECT_NE(why.find(segment.string()), std::string::npos) << why;
    EXPECT_EQ(spool.take_damage(why), 0U);
    EXPECT_TRUE(spool.add(message(100)).accepted);
    auto expected = range(0, 49);
    expected.push_back(100);
    EXPECT_EQ(handed_out(spool), expected);
  }
}

TEST(DiskSpool, SurvivesHostileFiles) {
  const std::string hostile[] = {"",
                                 "T",
                                 "TRIPSPL1",
                                 "TRIPSPL2" + std::string(100, '\0'),
                                 "TRIPSPL1" + std::string(64, '\xff'),
                                 std::string(4096, '\0'),
                                 std::string("TRIPSPL1\x00\x00\x00\x00\xc5\x9d\x1c\x81", 16)};
  for (const std::string& bytes : hostile) {
    const std::string folder = filled(3);
    std::ofstream(folder + "/0000000000000000.lines", std::ios::binary) << bytes;
    std::ofstream(folder + "/00000000000000ff.lines", std::ios::binary) << bytes;
    std::ofstream(folder + "/position", std::ios::binary) << bytes;
    Spool spool(disk_store(folder, kRoom), Overflow::DropNew);
    EXPECT_TRUE(spool.add(message(3)).accepted);
    EXPECT_EQ(handed_out(spool), range(0, 4));
  }
}

/// A disk that is full: the process may write no larger file than this.
class SmallFiles {
 public:
  explicit SmallFiles(rlim_t most) {
    old_handler_ = signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit small{most, old_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallFiles() {
    setrlimit(RLIMIT_FSIZE, &old_);
    signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_{};
  void (*old_handler_)(int) = SIG_DFL;
};

TEST(DiskSpool, AFullDiskDropsTheLineSaysWhyAndHarmsNoOther) {
  const std::string folder = new_folder();
  Spool spool(disk_store(folder, kRoom), Overflow::DropNew);
  int accepted = 0;
  {
    const SmallFiles full(20000);
    Spool::Added added;
    while ((added = spool.add(message(accepted, 1000))).accepted) ++accepted;
    EXPECT_EQ(added.dropped, 1U);
    EXPECT_NE(added.trouble.find(folder), std::string::npos) << added.trouble;
    EXPECT_NE(added.trouble.find("File too large"), std::string::npos) << added.trouble;
  }
  EXPECT_GT(accepted, 15);
  EXPECT_TRUE(spool.add(message(accepted)).accepted) << "there is room again";
  EXPECT_EQ(handed_out(spool), range(0, accepted + 1));
}

}  // namespace
