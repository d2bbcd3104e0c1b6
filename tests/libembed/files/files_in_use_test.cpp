// SPDX-License-Identifier: LGPL-2.1-or-later
// What happens to a process that reads a file while another one writes over it in place, as `cp` does.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "embed/dataset.h"
#include "embed/error.h"
#include "embed/gallery.h"
#include "embed/safetensors.h"
#include "fixtures.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLong{700};

/// Runs `work` again and again in a process of its own. embed::Error is an answer; anything else is not.
::pid_t repeat(const std::function<void()>& work) {
  const ::pid_t child = ::fork();
  if (child != 0) return child;
  const Clock::time_point end = Clock::now() + kLong;
  while (Clock::now() < end) {
    try {
      work();
    } catch (const embed::Error&) {
    } catch (...) {
      ::_exit(1);
    }
  }
  ::_exit(0);
}

/// Writes `bytes` over the file until the child is done; its wait status.
int overwrite_until_done(::pid_t child, const std::string& path, const std::vector<std::uint8_t>& bytes) {
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC);
    for (std::size_t at = 0; at < bytes.size();) {
      const ::ssize_t done = ::write(fd, bytes.data() + at, std::min<std::size_t>(65536, bytes.size() - at));
      if (done <= 0) break;
      at += static_cast<std::size_t>(done);
    }
    ::close(fd);
  }
  return status;
}

void survives(const std::string& path, const std::function<void()>& work) {
  const std::vector<std::uint8_t> bytes = fixtures::read_bytes(path);
  const int status = overwrite_until_done(repeat(work), path, bytes);
  EXPECT_FALSE(WIFSIGNALED(status)) << "signal " << WTERMSIG(status);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(FilesInUse, AGalleryThatIsOverwrittenKillsNobody) {
  const std::string path = fixtures::temp_dir() + "/people.safetensors";
  embed::Gallery gallery;
  for (std::uint64_t r = 0; r < 2000; ++r) gallery.add("Ada", fixtures::random_embedding(r));
  gallery.save(path);
  survives(path, [&] { embed::Gallery::load(path); });
}

TEST(FilesInUse, ASetThatIsOverwrittenKillsNobody) {
  const std::string path = fixtures::temp_dir() + "/set.safetensors";
  embed::DatasetWriter writer(64, 64, 3);
  const std::vector<std::uint8_t> picture(64 * 64 * 3, 7);
  for (int i = 0; i < 100; ++i) writer.add(picture.data(), "Ada", "picture");
  writer.write(path);
  survives(path, [&] {
    const embed::Dataset set(path);
    for (std::size_t i = 0; i < set.size(); ++i) set.image(i);
  });
}

TEST(FilesInUse, WeightsThatAreOverwrittenKillNobody) {
  const std::string path = fixtures::temp_dir() + "/weights.safetensors";
  const std::vector<std::uint8_t> data(1 << 20, 1);
  embed::write_safetensors(path, {{"t", {embed::DType::U8, {1 << 20}, data.data(), data.size()}}}, {});
  survives(path, [&] {
    const embed::SafetensorsFile file(path);
    embed::sha256_hex(file.tensor("t").data, file.tensor("t").bytes);
    file.sha256();
  });
}

}  // namespace
