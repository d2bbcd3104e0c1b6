// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "embed/error.h"
#include "files/atomic_file.h"

namespace embed {

FileLock::FileLock(const std::string& path, const std::function<void()>& waiting) : fd_(-1) {
  const std::string name = behind_links(path) + ".lock";
  fd_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd_ < 0) throw Error(ErrorCode::Io, std::string("cannot lock: ") + std::strerror(errno), name);
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
  try {
    if (waiting) waiting();
  } catch (...) {
    ::close(fd_);
    throw;
  }
  while (::flock(fd_, LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    const int reason = errno;
    ::close(fd_);
    throw Error(ErrorCode::Io, std::string("cannot lock: ") + std::strerror(reason), name);
  }
}

FileLock::~FileLock() {
  ::close(fd_);
}

}  // namespace embed
