// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "sinks/line_output.h"
#include "sinks/line_sink.h"

namespace embed::gst {

/// Writes whole lines to the sink that a location asks for (sink_list.h). Never hangs for good: where a sink
/// waits, it does until cancel(). One thread writes; cancel() is for any.
class LineWriter : public LineOutput {
 public:
  /// Throws Error(InvalidArgument | Io) that names the location.
  void open(const std::string& location, FileMode mode = FileMode::Append);
  void close() noexcept { sink_.reset(); }
  /// Writes `line` and a newline, all of it, before it returns; false when it was cancelled. What a reader
  /// has then begun to read of the line is completed by the next write. Throws Error(Io).
  bool write(const std::string& line);
  bool write(const Line& line) override { return write(line.text); }
  /// Makes a waiting write return, and later ones at once, until reset().
  void cancel() noexcept { cancelled_ = true; }
  void reset() noexcept { cancelled_ = false; }

 private:
  std::string location_;
  std::atomic<bool> cancelled_{false};
  std::unique_ptr<LineSink> sink_;
};

/// The forms that a location may have, for people: "- for standard output, a named pipe, a file".
const std::string& line_sink_forms();

}  // namespace embed::gst
