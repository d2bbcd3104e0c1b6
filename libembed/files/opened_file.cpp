// SPDX-License-Identifier: LGPL-2.1-or-later
#include "files/opened_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "embed/error.h"
#include "files/sha256_stream.h"

namespace embed {

namespace {

/// A sample: so many blocks, from the first to the last. A file of less than that is looked at as a whole.
constexpr std::uint64_t kBlocks = 64, kBlock = 4096;

std::int64_t time_of_change(const struct stat& status) {
  return std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

}  // namespace

OpenedFile::OpenedFile(const std::string& path) : path_(path) {
  // Opening a named pipe would wait for a writer; it is refused below instead.
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd_ < 0) {
    const int reason = errno;
    throw Error(reason == ENOENT ? ErrorCode::NotFound : ErrorCode::Io,
                std::string("cannot open: ") + std::strerror(reason), path);
  }
  try {
    struct stat status {};
    if (::fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode))
      throw Error(ErrorCode::Io, "not a regular file", path);
    size_ = static_cast<std::uint64_t>(status.st_size);
    changed_ = time_of_change(status);
    sample_ = sample();
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

OpenedFile::~OpenedFile() {
  ::close(fd_);
}

std::size_t OpenedFile::fetch(std::uint64_t begin, void* out, std::size_t size) const {
  std::size_t got = 0;
  while (got < size) {
    const ::ssize_t done =
        ::pread(fd_, static_cast<char*>(out) + got, std::min<std::size_t>(size - got, std::size_t{1} << 30U),
                static_cast<::off_t>(begin + got));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) throw Error(ErrorCode::Io, std::string("cannot be read: ") + std::strerror(errno), path_);
    if (done == 0) break;
    got += static_cast<std::size_t>(done);
  }
  return got;
}

/// SHA-256 of the blocks.
std::string OpenedFile::sample() const {
  const std::uint64_t whole = kBlocks * kBlock,
                      step = size_ <= whole ? kBlock : (size_ - kBlock) / (kBlocks - 1);
  Sha256 digest;
  std::vector<std::uint8_t> block(kBlock);
  for (std::uint64_t i = 0, at = 0; i < kBlocks && at < size_; ++i, at += step)
    digest.add(block.data(), fetch(at, block.data(), block.size()));
  return digest.hex();
}

void OpenedFile::require_unchanged() const {
  struct stat status {};
  const bool same_size = ::fstat(fd_, &status) == 0 && static_cast<std::uint64_t>(status.st_size) == size_;
  // The time from before the sample: what is written after it shows at the next read.
  const std::int64_t changed = time_of_change(status);
  if (same_size && changed == changed_) return;
  if (same_size) {
    const std::lock_guard<std::mutex> lock(checking_);
    if (changed == changed_ || sample() == sample_) {
      changed_ = changed;
      return;
    }
  }
  throw Error(ErrorCode::Io,
              "was written to while it was in use: write a new file beside it and rename that over it",
              path_);
}

void OpenedFile::read(std::uint64_t begin, void* out, std::size_t size) const {
  const std::size_t got = fetch(begin, out, size);
  require_unchanged();
  if (got < size) throw Error(ErrorCode::Io, "ends too early", path_);
}

}  // namespace embed
