// SPDX-License-Identifier: LGPL-2.1-or-later
#include "files/opened_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "embed/error.h"

namespace embed {

OpenedFile::OpenedFile(const std::string& path) : path_(path) {
  // Opening a named pipe would wait for a writer; it is refused below instead.
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd_ < 0) {
    const int reason = errno;
    throw Error(reason == ENOENT ? ErrorCode::NotFound : ErrorCode::Io,
                std::string("cannot open: ") + std::strerror(reason), path);
  }
  struct stat status {};
  if (::fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(fd_);
    throw Error(ErrorCode::Io, "not a regular file", path);
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
  changed_ = status.st_mtim;
}

OpenedFile::~OpenedFile() {
  ::close(fd_);
}

void OpenedFile::require_unchanged() const {
  struct stat status {};
  if (::fstat(fd_, &status) == 0 && static_cast<std::uint64_t>(status.st_size) == size_ &&
      status.st_mtim.tv_sec == changed_.tv_sec && status.st_mtim.tv_nsec == changed_.tv_nsec)
    return;
  throw Error(ErrorCode::Io,
              "was written to while it was in use: write a new file beside it and rename that over it",
              path_);
}

void OpenedFile::read(std::uint64_t begin, void* out, std::size_t size) const {
  auto* to = static_cast<char*>(out);
  while (size > 0) {
    const ::ssize_t done =
        ::pread(fd_, to, std::min<std::size_t>(size, std::size_t{1} << 30U), static_cast<::off_t>(begin));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) throw Error(ErrorCode::Io, std::string("cannot be read: ") + std::strerror(errno), path_);
    if (done == 0) break;  // The file has become shorter.
    to += done;
    begin += static_cast<std::uint64_t>(done);
    size -= static_cast<std::size_t>(done);
  }
  require_unchanged();
  if (size > 0) throw Error(ErrorCode::Io, "ends too early", path_);
}

}  // namespace embed
