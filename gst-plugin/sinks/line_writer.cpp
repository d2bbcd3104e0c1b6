// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sinks/line_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>
#include <thread>
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

[[noreturn]] void fail(const std::string& location, const char* doing) {
  throw Error(ErrorCode::Io, std::string(doing) + ": " + std::strerror(errno), location, "location");
}

}  // namespace

void LineWriter::open(const std::string& location) {
  close();
  if (location.empty())
    throw Error(ErrorCode::InvalidArgument, "location is empty; give a file or - for stdout");
  location_ = location;
  if (location == "-") {
    fd_ = dup(STDOUT_FILENO);
    if (fd_ < 0) fail("standard output", "cannot be used");
    return;
  }
  struct stat info {};
  pipe_ = stat(location.c_str(), &info) == 0 && S_ISFIFO(info.st_mode);
  // A pipe is opened by the first write: opening waits for a reader, and a change of state must not.
  if (pipe_) return;
  fd_ = ::open(location.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd_ < 0) fail(location, "cannot be opened for writing");
}

void LineWriter::close() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  pipe_ = false;
  rest_.clear();
}

bool LineWriter::open_pipe() {
  while (fd_ < 0) {
    if (cancelled_) return false;
    fd_ = ::open(location_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd_ >= 0) break;
    if (errno != ENXIO && errno != EINTR) fail(location_, "cannot be opened for writing");
    std::this_thread::sleep_for(std::chrono::milliseconds(kPollMilliseconds));
  }
  return true;
}

bool LineWriter::write_all(const std::string& text, bool begun) {
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
    if (written < 0) fail(location_, "cannot be written");
    done += static_cast<std::size_t>(written);
  }
  return true;
}

bool LineWriter::write(const std::string& line) {
  if (pipe_ && !open_pipe()) return false;
  if (fd_ < 0) throw Error(ErrorCode::Internal, "nothing is open for writing");
  if (!rest_.empty() && !write_all(std::exchange(rest_, {}), true)) return false;
  return write_all(line + '\n', false);
}

}  // namespace embed::gst
