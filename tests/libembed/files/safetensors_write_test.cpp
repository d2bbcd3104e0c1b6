// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "embed/file_lock.h"
#include "embed/safetensors.h"
#include "error_matchers.h"
#include "files/atomic_file.h"
#include "fixtures.h"

namespace {

using embed::DType;
using embed::ErrorCode;
using embed::SafetensorsFile;
using embed::TensorView;
using testing_errors::expect_error;

constexpr DType kAllTypes[] = {DType::Bool, DType::U8,   DType::I8,  DType::I16, DType::U16,
                               DType::F16,  DType::BF16, DType::I32, DType::U32, DType::F32,
                               DType::F64,  DType::I64,  DType::U64};

/// A fresh folder, so that what is left behind can be seen.
std::string fresh_folder(const std::string& name) {
  const std::string path = fixtures::temp_dir() + "/" + name;
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path;
}

std::size_t files_in(const std::string& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
  return count;
}

/// Runs `action` in a child and returns its exit status: the action's answer, or 100 + signal.
int in_child(const std::function<int()>& action) {
  const ::pid_t child = ::fork();
  if (child == 0) ::_exit(action());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

std::string text_of(const std::string& path) {
  const auto bytes = fixtures::read_bytes(path);
  return {bytes.begin(), bytes.end()};
}

TEST(SafetensorsWrite, EveryDTypeComesBackBitForBit) {
  const std::string path = fixtures::temp_dir() + "/types.safetensors";
  std::map<std::string, std::vector<std::uint8_t>> data;
  std::map<std::string, TensorView> tensors;
  for (const DType dtype : kAllTypes) {
    const std::string name = std::string("tensor of ") + embed::to_string(dtype);
    std::vector<std::uint8_t>& bytes = data[name];
    for (std::size_t i = 0; i < 3 * 5 * embed::size_of(dtype); ++i) {
      bytes.push_back(
          static_cast<std::uint8_t>(dtype == DType::Bool ? i % 2 : 17 * i + embed::size_of(dtype)));
    }
    tensors[name] = {dtype, {3, 5}, bytes.data(), bytes.size()};
  }
  embed::write_safetensors(path, tensors, {{"note", "a \"quoted\"\nЁ note"}, {"", "empty key"}});

  const SafetensorsFile file(path);
  EXPECT_EQ(file.metadata().at("note"), "a \"quoted\"\nЁ note");
  EXPECT_EQ(file.metadata().at(""), "empty key");
  ASSERT_EQ(file.tensors().size(), std::size(kAllTypes));
  for (const DType dtype : kAllTypes) {
    const std::string name = std::string("tensor of ") + embed::to_string(dtype);
    const TensorView& view = file.tensor(name, dtype, {3, 5});
    ASSERT_EQ(view.bytes, data[name].size());
    EXPECT_EQ(std::memcmp(view.data, data[name].data(), view.bytes), 0) << name;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(view.data) % embed::size_of(dtype), 0U) << name;
  }
}

TEST(SafetensorsWrite, ScalarsEmptyTensorsAndNoTensors) {
  const std::string path = fixtures::temp_dir() + "/small.safetensors";
  const std::uint8_t value[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  embed::write_safetensors(path, {{"s", {DType::F64, {}, value, 8}}, {"e", {DType::F32, {4, 0}, nullptr, 0}}},
                           {});
  const SafetensorsFile file(path);
  EXPECT_EQ(std::memcmp(file.tensor("s", DType::F64, {}).data, value, 8), 0);
  EXPECT_EQ(file.tensor("e", DType::F32, {4, 0}).bytes, 0U);
  embed::write_safetensors(path, {}, {});
  EXPECT_TRUE(SafetensorsFile(path).tensors().empty());
}

TEST(SafetensorsWrite, SameContentSameBytes) {
  const std::string folder = fresh_folder("same");
  const std::vector<std::uint8_t> bytes(64, 7);
  for (const char* name : {"/a", "/b"}) {
    embed::write_safetensors(folder + name, {{"t", {DType::U8, {64}, bytes.data(), 64}}},
                             {{"k", "v"}, {"a", "b"}});
  }
  EXPECT_EQ(text_of(folder + "/a"), text_of(folder + "/b"));
}

TEST(SafetensorsWrite, RefusesViewsThatDoNotAgreeWithThemselves) {
  const std::string path = fixtures::temp_dir() + "/bad.safetensors";
  const std::vector<std::uint8_t> bytes(64, 0);
  const std::int64_t huge = std::int64_t{1} << 40;
  const TensorView bad[] = {{DType::F32, {3}, bytes.data(), 11},         {DType::F32, {3}, bytes.data(), 13},
                            {DType::F32, {-1}, bytes.data(), 4},         {DType::F32, {4}, nullptr, 16},
                            {DType::F64, {}, bytes.data(), 4},           {DType::U8, {0}, bytes.data(), 1},
                            {DType::F64, {huge, huge}, bytes.data(), 64}};
  for (const TensorView& view : bad) {
    expect_error(ErrorCode::InvalidArgument, {"'broken'", "do not agree"}, [&] {
      embed::write_safetensors(path, {{"broken", view}}, {});
    });
  }
  const TensorView good = {DType::U8, {64}, bytes.data(), 64};
  expect_error(ErrorCode::InvalidArgument, {"__metadata__"}, [&] {
    embed::write_safetensors(path, {{"__metadata__", good}}, {});
  });
  expect_error(ErrorCode::InvalidArgument, {"UTF-8"}, [&] {
    embed::write_safetensors(path, {{"\xFF", good}}, {});
  });
  expect_error(ErrorCode::InvalidArgument, {"UTF-8"}, [&] {
    embed::write_safetensors(path, {}, {{"k", "\xC3"}});
  });
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(AtomicWrite, ReplacesTheOldFileWhole) {
  const std::string folder = fresh_folder("replace");
  embed::write_file_atomically(folder + "/f", "first and longer", 16);
  embed::write_file_atomically(folder + "/f", "second", 6);
  EXPECT_EQ(text_of(folder + "/f"), "second");
  embed::write_file_atomically(folder + "/f", nullptr, 0);
  EXPECT_EQ(text_of(folder + "/f"), "");
  EXPECT_EQ(files_in(folder), 1U);
}

TEST(AtomicWrite, GivesTheFileTheUsualRights) {
  const std::string folder = fresh_folder("rights");
  const ::mode_t mask = ::umask(0027);
  embed::write_file_atomically(folder + "/f", "x", 1);
  ::umask(mask);
  struct stat status {};
  ASSERT_EQ(::stat((folder + "/f").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
}

::mode_t mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777U;
}

TEST(AtomicWrite, AFileThatIsThereKeepsItsModeAndOwner) {
  const std::string path = fresh_folder("mode") + "/f";
  fixtures::write_bytes(path, std::string("old"));
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  constexpr ::uid_t kOther = 12345;
  const bool given = ::chown(path.c_str(), kOther, kOther) == 0;  // As root alone.
  embed::write_file_atomically(path, "new", 3);
  EXPECT_EQ(text_of(path), "new");
  EXPECT_EQ(mode_of(path), 0600U);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  if (given) {
    EXPECT_EQ(status.st_uid, kOther);
  }
}

TEST(AtomicWrite, ASymbolicLinkStaysOne) {
  const std::string folder = fresh_folder("link");
  std::filesystem::create_directory(folder + "/elsewhere");
  fixtures::write_bytes(folder + "/elsewhere/f", std::string("old"));
  std::filesystem::create_symlink("elsewhere/f", folder + "/near");
  std::filesystem::create_symlink(folder + "/near", folder + "/far");
  embed::write_file_atomically(folder + "/far", "new", 3);
  EXPECT_TRUE(std::filesystem::is_symlink(folder + "/far"));
  EXPECT_EQ(text_of(folder + "/elsewhere/f"), "new");
  std::filesystem::create_symlink("elsewhere/unborn", folder + "/dangling");
  embed::write_file_atomically(folder + "/dangling", "new", 3);
  EXPECT_EQ(text_of(folder + "/elsewhere/unborn"), "new");
  std::filesystem::create_symlink("round", folder + "/round");
  expect_error(ErrorCode::Io, {folder + "/round", "symbolic links"},
               [&] { embed::write_file_atomically(folder + "/round", "x", 1); });
}

TEST(AtomicWrite, RemovesWhatAKilledWriterLeftAndNothingElse) {
  const std::string folder = fresh_folder("killed");
  const pid_t child = ::fork();
  if (child == 0) {
    const embed::AtomicFile file(folder + "/f", embed::Readers::AsUmask);
    ::raise(SIGKILL);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  ASSERT_EQ(files_in(folder), 1U) << "the part is there";
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    EXPECT_EQ(mode_of(entry.path()), 0600U) << "a part is nobody else's to read";
  fixtures::write_bytes(folder + "/f.part-notes", std::string("mine"));
  fixtures::write_bytes(folder + "/g.part-abcdef", std::string("another file's"));
  embed::AtomicFile at_work(folder + "/f", embed::Readers::AsUmask);
  EXPECT_EQ(files_in(folder), 3U) << "the killed one's is gone";
  embed::write_file_atomically(folder + "/f", "new", 3);
  at_work.write("newer", 5);
  at_work.commit();
  EXPECT_EQ(text_of(folder + "/f"), "newer") << "one that is at work is left alone";
  EXPECT_EQ(files_in(folder), 3U);
}

TEST(AtomicWrite, ManyWritersOfOneFileAllSucceed) {
  const std::string folder = fresh_folder("many");
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      const std::string text = "writer " + std::to_string(t);
      for (int i = 0; i < 50; ++i) {
        embed::AtomicFile file(folder + "/f", embed::Readers::Owner);
        file.write(text.data(), text.size());
        EXPECT_NO_THROW(file.commit()) << "another writer took its part away";
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(text_of(folder + "/f").rfind("writer ", 0), 0U);
  EXPECT_EQ(files_in(folder), 1U);
}

TEST(FileLock, LetsOneInAtATime) {
  const std::string path = fresh_folder("lock") + "/f";
  std::atomic<int> inside{0}, most{0}, waited{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      const embed::FileLock lock(path, [&] { ++waited; });
      most = std::max(most.load(), ++inside);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      --inside;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(most, 1);
  EXPECT_GT(waited, 0);
  EXPECT_EQ(mode_of(path + ".lock"), 0600U);
  const embed::FileLock held(path);
  for (int i = 0; i < 5000; ++i)
    EXPECT_THROW(embed::FileLock(path, [] { throw std::runtime_error("enough"); }), std::runtime_error)
        << "as often as one likes, so no file stays open";
  expect_error(ErrorCode::Io, {"/no/such/f.lock", "cannot lock"}, [] { embed::FileLock("/no/such/f"); });
}

TEST(AtomicWrite, NamesTheFileWhenTheFolderIsMissing) {
  const std::string path = fixtures::temp_dir() + "/no/such/folder/f.safetensors";
  expect_error(ErrorCode::Io, {path, "cannot write"}, [&] { embed::write_file_atomically(path, "x", 1); });
  expect_error(ErrorCode::Io, {path, "cannot write"}, [&] { embed::write_safetensors(path, {}, {}); });
}

TEST(AtomicWrite, AFolderInItsPlaceStaysAndNoPartIsLeft) {
  const std::string folder = fresh_folder("occupied");
  std::filesystem::create_directories(folder + "/f/inside");
  expect_error(ErrorCode::Io, {folder + "/f", "it is a folder"},
               [&] { embed::write_file_atomically(folder + "/f", "x", 1); });
  EXPECT_TRUE(std::filesystem::is_directory(folder + "/f/inside"));
  EXPECT_EQ(files_in(folder), 1U);
}

TEST(AtomicWrite, NeverPutsAFileInThePlaceOfADeviceOrAPipe) {
  const std::string folder = fresh_folder("pipe");
  ASSERT_EQ(::mkfifo((folder + "/f").c_str(), 0600), 0);
  expect_error(ErrorCode::Io, {folder + "/f", "no regular file"},
               [&] { embed::write_file_atomically(folder + "/f", "x", 1); });
  EXPECT_TRUE(std::filesystem::is_fifo(folder + "/f"));
  EXPECT_EQ(files_in(folder), 1U);
}

TEST(AtomicWrite, CheckingAheadFindsWhatWritingWouldAndLeavesNothing) {
  const std::string folder = fresh_folder("ahead");
  embed::check_writable(folder + "/f");
  EXPECT_EQ(files_in(folder), 0U);
  fixtures::write_bytes(folder + "/f", std::string("old"));
  embed::check_writable(folder + "/f");
  EXPECT_EQ(text_of(folder + "/f"), "old");
  EXPECT_EQ(files_in(folder), 1U);
  expect_error(ErrorCode::Io, {folder + "/no/f"}, [&] { embed::check_writable(folder + "/no/f"); });
  expect_error(ErrorCode::Io, {folder, "folder"}, [&] { embed::check_writable(folder); });
  // Not even root can make a file there.
  expect_error(ErrorCode::Io, {"/proc/f"}, [] { embed::check_writable("/proc/f"); });
}

TEST(AtomicWrite, AnUnwritableFolderLeavesTheOldFile) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  const std::string folder = fresh_folder("locked");
  fixtures::write_bytes(folder + "/f", std::string("old"));
  ASSERT_EQ(::chmod(folder.c_str(), 0555), 0);
  expect_error(ErrorCode::Io, {folder + "/f", "cannot write"},
               [&] { embed::write_file_atomically(folder + "/f", "new", 3); });
  ::chmod(folder.c_str(), 0755);
  EXPECT_EQ(text_of(folder + "/f"), "old");
}

/// A disk that is full after 64 KiB: the limit on a file's size gives EFBIG where a full disk gives ENOSPC.
int write_with_limit(const std::string& path, std::size_t size) {
  ::signal(SIGXFSZ, SIG_IGN);
  const ::rlimit limit{65'536, 65'536};
  if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
  const std::vector<std::uint8_t> bytes(size, 1);
  try {
    embed::write_safetensors(path,
                             {{"t", {DType::U8, {static_cast<std::int64_t>(size)}, bytes.data(), size}}}, {});
  } catch (const embed::Error& error) {
    const bool named = std::strstr(error.what(), path.c_str()) != nullptr;
    return error.code() == ErrorCode::Io && named ? 42 : 3;
  }
  return 0;
}

TEST(AtomicWrite, AFullDiskLeavesTheOldFileAndNoPart) {
  const std::string folder = fresh_folder("full");
  fixtures::write_bytes(folder + "/f", std::string("old"));
  EXPECT_EQ(in_child([&] { return write_with_limit(folder + "/f", 1'000'000); }), 42);
  EXPECT_EQ(text_of(folder + "/f"), "old");
  EXPECT_EQ(files_in(folder), 1U);
  EXPECT_EQ(in_child([&] { return write_with_limit(folder + "/f", 1'000); }), 0);
  EXPECT_EQ(SafetensorsFile(folder + "/f").tensors().size(), 1U);
}

TEST(AtomicWrite, AWriterKilledHalfWayLeavesTheOldFile) {
  const std::string folder = fresh_folder("killed");
  fixtures::write_bytes(folder + "/f", std::string("old"));
  // With SIGXFSZ at its default the kernel kills the writer in the middle of a write.
  const int status = in_child([&] {
    const ::rlimit core{0, 0}, size{65'536, 65'536};
    ::setrlimit(RLIMIT_CORE, &core);
    ::signal(SIGXFSZ, SIG_DFL);
    if (::setrlimit(RLIMIT_FSIZE, &size) != 0) return 2;
    const std::vector<char> bytes(1'000'000, 'n');
    embed::write_file_atomically(folder + "/f", bytes.data(), bytes.size());
    return 0;
  });
  EXPECT_EQ(status, 100 + SIGXFSZ);
  EXPECT_EQ(text_of(folder + "/f"), "old");
}

TEST(AtomicWrite, AReaderNeverSeesAPart) {
  const std::string path = fresh_folder("race") + "/f";
  const std::vector<std::uint8_t> bytes(300'000, 9);
  const auto write = [&](std::int64_t size) {
    embed::write_safetensors(path, {{"t", {DType::U8, {size}, bytes.data(), static_cast<std::size_t>(size)}}},
                             {});
  };
  write(1);
  const ::pid_t writer = ::fork();
  if (writer == 0) {
    for (int i = 0; i < 40; ++i) write(i % 2 == 0 ? 300'000 : 1);
    ::_exit(0);
  }
  int status = 0, reads = 0;
  while (::waitpid(writer, &status, WNOHANG) == 0) {
    const std::size_t size = SafetensorsFile(path).tensor("t").bytes;
    EXPECT_TRUE(size == 1 || size == 300'000) << size;
    ++reads;
  }
  EXPECT_EQ(status, 0);
  EXPECT_GT(reads, 0);
}

}  // namespace
