// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <atomic>
#include <string>

namespace embed::gst {

/// A file descriptor of its own that text is written to, for the sinks that have one. A reader that goes away
/// is an error and not a signal. One thread at a time.
class FdWriter {
 public:
  /// `shown`: what errors call it. `cancelled` is borrowed: see SinkRequest.
  FdWriter(std::string shown, const std::atomic<bool>& cancelled)
      : shown_(std::move(shown)), cancelled_(cancelled) {}
  ~FdWriter();
  FdWriter(const FdWriter&) = delete;
  FdWriter& operator=(const FdWriter&) = delete;

  bool is_open() const noexcept { return fd_ >= 0; }
  /// Takes it over. Throws Error(Io) with the reason in `errno` for a negative one.
  void take(int fd);
  /// As LineSink::write.
  bool write(const std::string& line);
  [[noreturn]] void fail(const char* doing) const;

 private:
  /// `begun`: a reader has some of the line that `text` ends.
  bool write_all(const std::string& text, bool begun);

  std::string shown_;
  const std::atomic<bool>& cancelled_;
  int fd_ = -1;
  std::string rest_;  // Of a line that was cancelled within.
};

}  // namespace embed::gst
