// SPDX-License-Identifier: LGPL-2.1-or-later
// Lines into a file.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>

#include "sinks/fd_writer.h"
#include "sinks/sink_list.h"

namespace embed::gst {
namespace {

class File : public LineSink {
 public:
  explicit File(const SinkRequest& request) : writer_(request.location, request.cancelled) {
    // What is appended to is read too: whether its last line is whole.
    const int how = request.mode == FileMode::Append ? O_RDWR | O_APPEND : O_WRONLY | O_TRUNC;
    const int fd = ::open(request.location.c_str(), how | O_CREAT | O_CLOEXEC, 0666);
    writer_.take(fd);
    if (request.mode == FileMode::Append && ends_within_a_line(fd)) writer_.write("\n");
  }

  bool write(const std::string& line) override { return writer_.write(line); }

 private:
  /// A process that was killed may have left half a line, which the next one must not be part of.
  bool ends_within_a_line(int fd) const {
    struct stat info {};
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size == 0) return false;
    char last = 0;
    if (pread(fd, &last, 1, info.st_size - 1) < 0) writer_.fail("its last line cannot be read");
    return last != '\n';
  }

  FdWriter writer_;
};

}  // namespace

/// Everything but an address, `scheme://…`.
bool is_file(const std::string& location) {
  std::size_t i = 0;
  while (i < location.size() && (std::isalnum(static_cast<unsigned char>(location[i])) != 0 ||
                                 location[i] == '+' || location[i] == '-' || location[i] == '.'))
    ++i;
  return i == 0 || location.compare(i, 3, "://") != 0;
}

std::unique_ptr<LineSink> make_file(const SinkRequest& request) {
  return std::make_unique<File>(request);
}

}  // namespace embed::gst
