// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <atomic>
#include <string>

namespace embed::gst {

/// What becomes of a file that is there already.
enum class FileMode { Append, Truncate };

/// What a sink is made for.
struct SinkRequest {
  const std::string& location;  ///< Borrowed while the sink is made.
  FileMode mode;
  /// Set by another thread: a write that waits gives up, and the next one at once. Borrowed for the sink's
  /// life.
  const std::atomic<bool>& cancelled;
};

/// Where lines of text go. It is opened when it is made and closed when it is destroyed. One thread at a
/// time. sink_list.h names them all.
class LineSink {
 public:
  LineSink() = default;
  virtual ~LineSink() = default;
  LineSink(const LineSink&) = delete;
  LineSink& operator=(const LineSink&) = delete;

  /// Writes `line`, which ends with a newline, all of it, before it returns; false when it was cancelled.
  /// What a reader has then begun to read of the line is completed by the next write. Throws Error(Io) that
  /// names the location.
  virtual bool write(const std::string& line) = 0;
};

}  // namespace embed::gst
