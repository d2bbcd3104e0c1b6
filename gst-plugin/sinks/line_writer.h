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
  /// Writes `line` and a newline, all of it, before it returns; false when it was cancelled. What a reader
  /// has then begun to read of the line is completed by the next write. Throws Error(Io).
  bool write(const std::string& line);
  /// Makes a waiting write return, and later ones at once, until reset().
  void cancel() noexcept { cancelled_ = true; }
  void reset() noexcept { cancelled_ = false; }

 private:
  bool open_pipe();
  /// `begun`: a reader has some of the line that `text` ends.
  bool write_all(const std::string& text, bool begun);

  std::string location_;
  std::string rest_;  // Of a line that was cancelled within.
  int fd_ = -1;
  bool pipe_ = false;
  std::atomic<bool> cancelled_{false};
};

}  // namespace embed::gst
