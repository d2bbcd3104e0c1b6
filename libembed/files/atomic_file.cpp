// SPDX-License-Identifier: LGPL-2.1-or-later
#include "files/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "embed/error.h"

namespace embed {

namespace {

namespace fs = std::filesystem;

constexpr const char* kPart = ".part-";
constexpr std::size_t kRandomCharacters = 6;  // mkstemp's.
constexpr int kMostLinks = 40;                // As many as Linux follows.

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Error(ErrorCode::Io, "cannot write: " + why, path);
}

/// Whoever writes holds a lock on its part; one that nobody holds is a killed writer's.
void remove_abandoned(const std::string& target) {
  const fs::path path = target;
  const std::string begin = path.filename().string() + kPart;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code none;
  for (fs::directory_iterator it(folder, none), end; it != end; it.increment(none)) {
    const std::string name = it->path().filename().string();
    if (name.size() != begin.size() + kRandomCharacters || name.compare(0, begin.size(), begin) != 0)
      continue;
    const int fd = ::open(it->path().c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) continue;
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) ::unlink(it->path().c_str());
    ::close(fd);
  }
}

}  // namespace

std::string behind_links(const std::string& path) {
  fs::path target = path;
  std::error_code none;
  for (int links = 0; fs::is_symlink(fs::symlink_status(target, none)); ++links) {
    if (links == kMostLinks) refuse(path, "too many symbolic links");
    const fs::path next = fs::read_symlink(target, none);
    target = next.is_absolute() ? next : target.parent_path() / next;
  }
  return target.string();
}

AtomicFile::AtomicFile(const std::string& path, Readers readers)
    : path_(path), target_(behind_links(path)), readers_(readers) {
  // The rename would put a file in the place of a device or a pipe.
  struct stat there = {};
  if (::stat(target_.c_str(), &there) == 0 && !S_ISREG(there.st_mode))
    refuse(path_, S_ISDIR(there.st_mode) ? "it is a folder" : "it is there and no regular file");
  remove_abandoned(target_);
  while (true) {
    part_ = target_ + kPart + "XXXXXX";
    fd_ = ::mkostemp(part_.data(), O_CLOEXEC);  // For its owner alone until it is whole.
    if (fd_ < 0) refuse(path_, std::strerror(errno));
    // Until it is locked another writer may take it for abandoned and remove it: then there is need of
    // another.
    while (::flock(fd_, LOCK_EX) != 0 && errno == EINTR) {
    }
    struct stat made = {};
    if (::fstat(fd_, &made) != 0 || made.st_nlink > 0) return;
    ::close(fd_);
  }
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!part_.empty()) ::unlink(part_.c_str());
}

void AtomicFile::write(const void* data, std::size_t size) {
  const auto* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t done = ::write(fd_, bytes, std::min<std::size_t>(size, std::size_t{1} << 30));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail("cannot write");
    bytes += done;
    size -= static_cast<std::size_t>(done);
  }
}

void AtomicFile::commit() {
  take_mode();
  if (::fsync(fd_) != 0) fail("cannot sync");
  if (::rename(part_.c_str(), target_.c_str()) != 0) fail("cannot rename the finished file");
  part_.clear();
  const int closed = ::close(fd_);
  fd_ = -1;
  if (closed != 0) fail("cannot close");
  sync_folder();
}

void AtomicFile::take_mode() {
  struct stat there = {};
  if (::stat(target_.c_str(), &there) == 0) {
    // Another's file stays theirs where root writes it; who may not give files away keeps the group at least.
    if (::fchown(fd_, there.st_uid, there.st_gid) != 0 &&
        ::fchown(fd_, static_cast<uid_t>(-1), there.st_gid) != 0) {
    }
    ::fchmod(fd_, there.st_mode & 07777U);
  } else if (readers_ == Readers::AsUmask) {
    const mode_t mask = ::umask(0);
    ::umask(mask);
    ::fchmod(fd_, 0666U & ~mask);
  }
}

void AtomicFile::fail(const char* what) const {
  throw Error(ErrorCode::Io, std::string(what) + ": " + std::strerror(errno), path_);
}

// The rename itself must survive a power cut. Some file systems cannot sync a folder: then there is no more
// to do.
void AtomicFile::sync_folder() const {
  const std::size_t slash = target_.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : target_.substr(0, slash + 1);
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

}  // namespace embed
