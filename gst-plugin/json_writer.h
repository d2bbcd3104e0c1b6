// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <atomic>
#include <string>

namespace embed::gst {

/// Writes whole lines to a file (made anew), to standard output ("-") or into a named pipe. Never hangs for
/// good: where a pipe has no reader or a slow one, it waits until cancel(). One thread writes; cancel() is
/// for any.
class LineWriter {
 public:
  ~LineWriter() { close(); }

  /// Throws Error(InvalidArgument | Io) that names the file.
  void open(const std::string& location);
  void close() noexcept;
  /// Writes `line` and a newline, all of it, before it returns; false when it was cancelled. Throws
  /// Error(Io).
  bool write(const std::string& line);
  /// Makes a waiting write return, and later ones at once, until reset().
  void cancel() noexcept { cancelled_ = true; }
  void reset() noexcept { cancelled_ = false; }

 private:
  bool open_pipe();
  bool write_all(const char* data, std::size_t size);

  std::string location_;
  int fd_ = -1;
  bool pipe_ = false;
  std::atomic<bool> cancelled_{false};
};

}  // namespace embed::gst
