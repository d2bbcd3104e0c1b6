// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sinks/fd_writer.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include "embed/error.h"

namespace embed::gst {
namespace {

constexpr int kPollMilliseconds = 50;

/// A reader that goes away must be an error of the element, not the end of the process: while this object
/// lives the thread does not take SIGPIPE, and one that came is swallowed.
class PipeSignalBlock {
 public:
  PipeSignalBlock() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &old_);
  }
  ~PipeSignalBlock() {
    const timespec now{};
    if (!was_pending_) {
      while (sigtimedwait(&pipe_, nullptr, &now) == -1 && errno == EINTR) {
      }
    }
    pthread_sigmask(SIG_SETMASK, &old_, nullptr);
  }
  PipeSignalBlock(const PipeSignalBlock&) = delete;
  PipeSignalBlock& operator=(const PipeSignalBlock&) = delete;

 private:
  sigset_t pipe_, old_;
  bool was_pending_ = false;
};

}  // namespace

FdWriter::~FdWriter() {
  if (fd_ >= 0) ::close(fd_);
}

void FdWriter::fail(const char* doing) const {
  throw Error(ErrorCode::Io, std::string(doing) + ": " + std::strerror(errno), shown_, "location");
}

void FdWriter::take(int fd) {
  if (fd < 0) fail("cannot be opened for writing");
  fd_ = fd;
}

bool FdWriter::write_all(const std::string& text, bool begun) {
  const PipeSignalBlock block;
  std::size_t done = 0;
  while (done < text.size()) {
    pollfd ready{fd_, POLLOUT, 0};
    if (poll(&ready, 1, kPollMilliseconds) == 0 || (ready.revents & (POLLOUT | POLLERR | POLLHUP)) == 0) {
      if (!cancelled_) continue;
      if (begun || done > 0) rest_ = text.substr(done);
      return false;
    }
    // A pipe that is ready has room for so much. More could block, and standard output is not ours to change.
    const std::size_t size = std::min<std::size_t>(text.size() - done, PIPE_BUF);
    const ssize_t written = ::write(fd_, text.data() + done, size);
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written < 0) fail("cannot be written");
    done += static_cast<std::size_t>(written);
  }
  return true;
}

bool FdWriter::write(const std::string& line) {
  if (!rest_.empty() && !write_all(std::exchange(rest_, {}), true)) return false;
  return write_all(line, false);
}

}  // namespace embed::gst
