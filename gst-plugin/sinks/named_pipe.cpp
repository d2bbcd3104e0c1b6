// SPDX-License-Identifier: LGPL-2.1-or-later
// Lines into a named pipe.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "sinks/fd_writer.h"
#include "sinks/sink_list.h"

namespace embed::gst {
namespace {

constexpr int kPollMilliseconds = 50;

/// It is opened by the first write: opening waits for a reader, and a change of state must not.
class NamedPipe : public LineSink {
 public:
  explicit NamedPipe(const SinkRequest& request)
      : location_(request.location), cancelled_(request.cancelled), writer_(location_, cancelled_) {}

  bool write(const std::string& line) override { return open() && writer_.write(line); }

 private:
  bool open() {
    while (!writer_.is_open()) {
      if (cancelled_) return false;
      const int fd = ::open(location_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
      if (fd >= 0 || (errno != ENXIO && errno != EINTR)) {
        writer_.take(fd);
      } else {
        std::this_thread::sleep_for(std::chrono::milliseconds(kPollMilliseconds));
      }
    }
    return true;
  }

  std::string location_;
  const std::atomic<bool>& cancelled_;
  FdWriter writer_;
};

}  // namespace

bool is_named_pipe(const std::string& location) {
  struct stat info {};
  return stat(location.c_str(), &info) == 0 && S_ISFIFO(info.st_mode);
}

std::unique_ptr<LineSink> make_named_pipe(const SinkRequest& request) {
  return std::make_unique<NamedPipe>(request);
}

}  // namespace embed::gst
