// SPDX-License-Identifier: LGPL-2.1-or-later
// Lines to standard output.
#include <unistd.h>

#include "sinks/fd_writer.h"
#include "sinks/sink_list.h"

namespace embed::gst {
namespace {

class StandardOutput : public LineSink {
 public:
  explicit StandardOutput(const SinkRequest& request) : writer_("standard output", request.cancelled) {
    writer_.take(dup(STDOUT_FILENO));
  }
  bool write(const std::string& line) override { return writer_.write(line); }

 private:
  FdWriter writer_;
};

}  // namespace

bool is_standard_output(const std::string& location) {
  return location == "-";
}

std::unique_ptr<LineSink> make_standard_output(const SinkRequest& request) {
  return std::make_unique<StandardOutput>(request);
}

}  // namespace embed::gst
